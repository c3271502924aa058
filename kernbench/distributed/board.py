"""The board: what the ranks of a context have called, so that calls are matched and told apart.

The k-th call of each member of a group belongs to one *round*.  A member enters by itself and is
not held back; calls that do not match are found when the second of them comes, and reported to
every member: which rank called what, where.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kernbench import ccl
from kernbench.ccl.choice import VARIABLE
from kernbench.errors import CollectiveMismatchError
from kernbench.runtime.context import Context
from kernbench.runtime.multiprocessing.acting import act, block, deadline, wake
from kernbench.runtime.rank import Rank, current_rank
from kernbench.runtime.waiting import Waiting, script_line

__all__ = ["Board", "Post", "Round", "Shared", "board_of", "caller", "listed"]


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
        text += f" (of {len(self.shared.ranks)} ranks, {_ranks(missing)} not entered"
        return f"{text}{self.shared.who_runs(missing)})"


def listed(ranks: Sequence[int]) -> str:
    """Name ranks, the first ones of many.

    Examples
    --------
    >>> listed([0, 2])
    '0, 2'
    """
    return ", ".join(map(str, ranks[:16])) + (", ..." if len(ranks) > 16 else "")


def _ranks(ranks: Sequence[int]) -> str:
    return f"rank {listed(ranks)} has" if len(ranks) == 1 else f"ranks {listed(ranks)} have"


@dataclass(slots=True)
class Post:
    """One end of a message from rank to rank.

    Attributes
    ----------
    src : int or None
        The sender; None for whoever sends first, until there is one.
    number : int
        Counts the ends of the group.
    begin : callable or None
        Called with it when it is matched, and the clock at which it is.
    other : Post or None
        The other end; None until it is matched.
    """

    kind: str
    src: int | None
    dst: int
    tag: int
    entry: Entry
    clock_fs: int
    number: int
    begin: Callable[[Post, int], None] | None
    other: Post | None = None
    waiters: list[Waiting] = field(default_factory=list)

    @property
    def matched(self) -> bool:
        """Whether there is the other end."""
        return self.other is not None

    @property
    def sent(self) -> dict[str, Any]:
        """What is sent, by a message that is matched."""
        end = self if self.kind == "send" else self.other
        assert end is not None
        return end.entry.facts

    def until_matched(self) -> None:
        """Wait on the host until there is the other end, and it has been posted."""
        rank = current_rank()
        if self.other is None:
            act("the other end of a message")
            while self.other is None:
                block(rank, self.waiters, self.describe)
        rank.clock_fs = max(rank.clock_fs, self.other.clock_fs)

    def describe(self) -> str:
        """Return what is missing."""
        if self.matched:
            return f"a message from rank {self.src} to rank {self.dst} (tag {self.tag})"
        if self.kind == "send":
            return f"rank {self.dst} to receive what rank {self.src} sends (tag {self.tag})"
        sender = "any rank" if self.src is None else f"rank {self.src}"
        return f"{sender} to send what rank {self.dst} receives (tag {self.tag})"


_Way = tuple[int | None, int, int | None]
"""Sender (None for any), receiver, and tag where messages are matched by it."""


def _first(
    ends: dict[_Way, deque[Post]], src: int | None, dst: int, tag: int | None
) -> Post | None:
    """Take the first of the ends that go a way; `src` None stands for any."""
    known: list[_Way] = [(src, dst, tag), (None, dst, tag)] if src is not None else list(ends)
    ways = [way for way in known if way in ends and way[1:] == (dst, tag)]
    if not ways:
        return None
    way = min(ways, key=lambda way: ends[way][0].number)
    first = ends[way].popleft()
    if not ends[way]:  # there may be a tag for each message
        del ends[way]
    return first


def _fit(post: Post, gloo: bool) -> bool:
    """Return whether what is sent is what is received; gloo fills the front of what is larger."""
    assert post.other is not None
    facts, others = post.entry.facts, post.other.entry.facts
    if not gloo:
        return facts == others
    room, need = (facts, others) if post.kind == "recv" else (others, facts)
    return bool(room["dtype"] == need["dtype"] and room["elements"] >= need["elements"])


class Shared:
    """One process group, as all its members see it."""

    def __init__(self, board: Board, ranks: tuple[int, ...], sips: tuple[int, ...], name: str):
        self.board = board
        self.ranks = ranks
        self.sips = sips
        self.name = name
        self.number = board.free_number(sips)
        self.counts = [0] * len(ranks)
        self.rounds: dict[int, Round] = {}
        self.generation = board.context._scheduler.generation
        self.is_default = False
        self.left: set[int] = set()
        self.joined: set[int] = set()
        self.members: ccl.Group | None = None  # made when the SIPs are known
        self.broken: str | None = None
        self.sends: dict[_Way, deque[Post]] = {}
        self.receives: dict[_Way, deque[Post]] = {}
        self.n_posts = 0
        self.any_source: dict[int, list[Waiting]] = {}
        self.boxes: dict[tuple[int, int], list[bytes]] = {}  # objects on their way

    def who_runs(self, missing: list[int]) -> str:
        """Say which of some members have ended, or that there are not as many as are awaited."""
        workers = self.board.context._scheduler.workers
        if self.members is None:  # until all have met nobody knows which of them runs where
            n_run = len(workers)
            return f"; {n_run} run" if n_run < len(self.ranks) else ""
        ended = [rank for rank in missing if self.sips[self.ranks.index(rank)] not in workers]
        return f"; {_ranks(ended)} ended" if ended else ""

    # --- rounds ---------------------------------------------------------------------------------

    def enter(self, place: int, name: str, *, beside: bool = False, **facts: Any) -> Round:
        """Enter a member's next round; `beside` another call, whoever calls has seen that it fits.

        Raises
        ------
        CollectiveMismatchError
            When another member's call of the round is another one.
        """
        if self.broken is not None:
            raise CollectiveMismatchError(self.broken)
        number = self.counts[place]
        self.counts[place] += 1
        found = self.rounds.get(number)
        if found is None:
            found = self.rounds[number] = Round(self, number)
        rank = current_rank()
        entry = Entry(self.ranks[place], name, facts, script_line(sys._getframe(1)))
        found.entries[place] = entry
        found.clock_fs = max(found.clock_fs, rank.clock_fs)
        first = next(iter(found.entries.values()))
        if not beside and (first.name, first.facts) != (name, facts):
            self.fail(found)
        if found.complete:
            del self.rounds[number]
            wake(rank, found.waiters)
        return found

    def first_of_next(self, place: int) -> Entry | None:
        """Return the first call of a member's next round; None when nobody has entered it."""
        found = self.rounds.get(self.counts[place])
        return None if found is None else next(iter(found.entries.values()))

    def fail(self, found: Round, why: str = "") -> None:
        """Raise a mismatch here, and in every other member; `why` is what the calls do not show."""
        calls = sorted(found.entries.items())
        shown = [str(entry) for _, entry in calls[:8]]
        first = next(iter(found.entries.values()))
        for _, entry in calls[8:]:
            if (entry.name, entry.facts) != (first.name, first.facts):
                shown.append(str(entry))
        self.broken = (
            f"call {found.number + 1} of {self.name} ({len(self.ranks)} ranks) differs between "
            f"ranks{': ' if why else ''}{why}:\n  " + "\n  ".join(shown)
        )
        self.board.raise_in_others(self, CollectiveMismatchError(self.broken))
        raise CollectiveMismatchError(self.broken)

    def meet(
        self,
        place: int,
        name: str,
        value: Any = None,
        *,
        timeout: float | None = None,
        late: Callable[[Round], str] = Round.describe,
        **facts: Any,
    ) -> tuple[Any, ...]:
        """Enter, bring a value, and wait on the host for all members.

        With a `timeout`, in seconds of simulated time, who waits longer breaks the group; `late`
        then says why.

        Returns
        -------
        tuple
            What each member brought, in order of rank.  The clock is the latest of all.

        Raises
        ------
        CollectiveMismatchError
            When members call different things, or somebody has waited too long.
        """
        found = self.enter(place, name, **facts)
        found.values[place] = value
        rank = current_rank()
        if found.complete:  # all go on together, in order of rank
            found.brought = tuple(found.values[i] for i in range(len(self.ranks)))
            self.board.context._scheduler.give_way(rank)
        elif not block(rank, found.waiters, found.describe, deadline(rank, timeout)):
            self.broken = late(found)
            wake(rank, found.waiters)
        if not found.complete:
            raise CollectiveMismatchError(self.broken)
        rank.clock_fs = max(rank.clock_fs, found.clock_fs)
        return found.brought

    # --- messages from rank to rank -------------------------------------------------------------

    def post(
        self,
        kind: str,
        src: int | None,
        dst: int,
        tag: int,
        *,
        gloo: bool = False,
        begin: Callable[[Post, int], None] | None = None,
        **facts: Any,
    ) -> Post:
        """Post one end of a message, and match it with the first of its other ends.

        With `gloo` those are the ones of its tag, and what is received into may be larger; else the
        two have to agree.

        Raises
        ------
        CollectiveMismatchError
            When the ends do not fit.
        """
        if self.broken is not None:
            raise CollectiveMismatchError(self.broken)
        rank = current_rank()
        me = dst if kind == "recv" or src is None else src
        entry = Entry(me, kind, facts, script_line(sys._getframe(1)))
        self.n_posts += 1
        made = Post(kind, src, dst, tag, entry, rank.clock_fs, self.n_posts, begin)
        mine, others = (
            (self.sends, self.receives) if kind == "send" else (self.receives, self.sends)
        )
        lane = tag if gloo else None
        other = _first(others, src, dst, lane)
        if other is None:
            mine.setdefault((src, dst, lane), deque()).append(made)
            wake(rank, self.any_source.get(dst, []))
            return made
        made.other, other.other = other, made
        made.src = other.src = src if other.src is None else other.src
        if other.tag != tag or not _fit(made, gloo):
            self.broken = (
                f"a message from rank {made.src} to rank {dst} differs between its ends (tags "
                f"{other.tag} and {tag}):\n  {other.entry}\n  {entry}"
            )
            self.board.raise_in_others(self, CollectiveMismatchError(self.broken))
            raise CollectiveMismatchError(self.broken)
        for post in (other, made):
            if post.begin is not None:
                post.begin(post, rank.clock_fs)
        wake(rank, other.waiters)
        return made

    def open_calls(self, place: int) -> list[Round | Post]:
        """Return what a member has entered, and somebody else has not."""
        rank = self.ranks[place]
        rounds: list[Round | Post] = [r for r in self.rounds.values() if place in r.entries]
        for (src, *_), posts in self.sends.items():
            rounds += [post for post in posts if src == rank]
        for (_, dst, _), posts in self.receives.items():
            rounds += [post for post in posts if dst == rank]
        return rounds


SHOWN = 8
"""So many messages that lack their other end are told of ranks that wait for ever."""


class Board:
    """All groups of one context."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.groups: list[Shared] = []
        self.stores: dict[str, Any] = {}
        context._scheduler.on_deadlock.append(self.open_rounds)

    def free_number(self, sips: tuple[int, ...]) -> int:
        """Return the least number that no living group with a common SIP has."""
        taken = {
            group.number
            for group in self.groups
            if self.lives(group) and not set(sips).isdisjoint(group.sips)
        }
        return next(n for n in range(len(taken) + 1) if n not in taken)

    def lobby(self, world_size: int) -> Shared:
        """Return the default group that ranks are about to enter, or make it."""
        for found in self.groups:
            if found.is_default and found.counts.count(0) and self.lives(found):
                return found
        everyone = tuple(range(world_size))
        made = self.add(everyone, everyone, "the default group")
        made.is_default = True
        return made

    def lives(self, group: Shared) -> bool:
        """Return whether a group is one of the ranks that run now, and some are still in it."""
        return group.generation == self.context._scheduler.generation and len(group.left) < len(
            group.ranks
        )

    def add(self, ranks: tuple[int, ...], sips: tuple[int, ...], name: str) -> Shared:
        """Make a group."""
        self.groups = [group for group in self.groups if self.lives(group)]
        made = Shared(self, ranks, sips, name)
        self.groups.append(made)
        return made

    def open_rounds(self) -> list[str]:
        """Return each group's first call that some have not entered, and messages with one end."""
        living = [group for group in self.groups if self.lives(group)]
        first = [_called(min(group.rounds.items())[1]) for group in living if group.rounds]
        ends = [e for group in living for e in (*group.sends.values(), *group.receives.values())]
        return first + [_called(posts[0]) for posts in ends[:SHOWN] if posts]

    def raise_in_others(self, group: Shared, error: Exception) -> None:
        """Raise an error in every other member of a group, where it waits."""
        here = current_rank()
        scheduler = self.context._scheduler
        for sip in group.sips:
            worker = scheduler.workers.get(sip)
            if worker is not None and worker.rank is not here:
                scheduler.to_raise.append((worker.rank, error))

    def settle(self, group: Shared, place: int) -> None:
        """Wait until what a member has entered, its peers have entered too; not once it failed."""
        rank = current_rank()
        while group.broken is None and (opened := group.open_calls(place)):
            first = opened[0]
            block(rank, first.waiters, partial(_called, first, place))


def _called(open_call: Round | Post, place: int | None = None) -> str:
    """Return what a member, or the first one, waits for that it has called, and where that was."""
    if isinstance(open_call, Post):
        entry = open_call.entry
    else:
        entry = open_call.entries[min(open_call.entries) if place is None else place]
    return f"{open_call.describe()}, called at {entry.where or 'an unknown line'}"


def board_of(context: Context) -> Board:
    """Return a context's board."""
    board = context._shared.get(Board)
    if board is None:
        board = context._shared[Board] = Board(context)
    assert isinstance(board, Board)
    return board


def caller() -> tuple[Rank, Context]:
    """Return who calls; refuse where no context is active."""
    rank = current_rank()
    if rank.context is None:
        raise RuntimeError(
            "torch.distributed: no kernbench.Context is active; write `with "
            "kernbench.Context(topology):` around the call, or run the script with `kernbench run`"
        )
    return rank, rank.context
