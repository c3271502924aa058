"""Rounds: the calls of a group's members that belong together, the k-th of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kernbench.ccl.choice import VARIABLE
from kernbench.runtime.waiting import Waiting

if TYPE_CHECKING:
    from kernbench.distributed.board import Shared

__all__ = ["Entry", "Round", "listed", "who_have"]


@dataclass(slots=True)
class Entry:
    """One member's call."""

    rank: int
    name: str
    facts: dict[str, Any]
    where: str

    def __str__(self) -> str:
        facts = ", ".join(f"{key} {value}" for key, value in self.facts.items())
        return f"rank {self.rank} called {self.name}({facts}) at {self.where or 'an unknown line'}"


@dataclass(slots=True)
class Round:
    """The calls that belong together.

    Attributes
    ----------
    entries : dict of int to Entry
        By rank in the group.
    values : dict of int to object
        What members bring, if they meet on the host.
    brought : tuple of object
        That, in order of rank, once all have.
    clock_fs : int
        The latest clock of those that have entered.
    chosen : dict of str to (int, str or None)
        For each collective of ccl that it takes, who launched first, and the algorithm that its
        environment names.
    """

    shared: Shared
    number: int
    entries: dict[int, Entry] = field(default_factory=dict)
    values: dict[int, Any] = field(default_factory=dict)
    brought: tuple[Any, ...] = ()
    waiters: list[Waiting] = field(default_factory=list)
    clock_fs: int = 0
    chosen: dict[str, tuple[int, str | None]] = field(default_factory=dict)

    def agree(self, place: int, collective: str, algorithm: str | None) -> None:
        """Note the algorithm that a member's environment names; all have to name the same."""
        first, other = self.chosen.setdefault(collective, (place, algorithm))
        if other != algorithm:
            ranks = self.shared.ranks
            self.shared.fail(
                self,
                f"{VARIABLE} asks for {other or 'auto'} at rank {ranks[first]}, for "
                f"{algorithm or 'auto'} at rank {ranks[place]}",
            )

    @property
    def complete(self) -> bool:
        """Whether all members have entered."""
        return len(self.entries) == len(self.shared.ranks)

    @property
    def missing(self) -> list[int]:
        """The ranks that have not entered."""
        return [rank for place, rank in enumerate(self.shared.ranks) if place not in self.entries]

    def describe(self) -> str:
        """Return what it is, and who is missing."""
        first = next(iter(self.entries.values()))
        text = f"{first.name}, call {self.number + 1} of {self.shared.name}"
        missing = self.missing
        if not missing:
            return f"{text} (all {len(self.entries)} ranks have entered it)"
        text += f" (of {len(self.shared.ranks)} ranks, {who_have(missing)} not entered"
        return f"{text}{self.shared.who_runs(missing)})"


def listed(ranks: Sequence[int]) -> str:
    """Name ranks, the first ones of many.

    Examples
    --------
    >>> listed([0, 2])
    '0, 2'
    """
    return ", ".join(map(str, ranks[:16])) + (", ..." if len(ranks) > 16 else "")


def who_have(ranks: Sequence[int]) -> str:
    """Name ranks, and the verb that follows.

    Examples
    --------
    >>> who_have([3])
    'rank 3 has'
    """
    return f"rank {listed(ranks)} has" if len(ranks) == 1 else f"ranks {listed(ranks)} have"
