"""The board: what the ranks of a context have called, so that calls are matched and told apart.

The k-th call of each member of a group belongs to one *round*.  A member enters by itself and is
not held back; calls that do not match are found when the second of them comes, and reported to
every member: which rank called what, where.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from kernbench import ccl
from kernbench.distributed.posts import Post, Way, first_of, fit
from kernbench.distributed.rounds import Entry, Round, who_have
from kernbench.errors import CollectiveMismatchError
from kernbench.runtime.context import Context
from kernbench.runtime.multiprocessing.acting import block, deadline, wake
from kernbench.runtime.rank import Rank, current_rank
from kernbench.runtime.waiting import Waiting, script_line

__all__ = ["Board", "Shared", "board_of", "caller"]


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
        self.sends: dict[Way, deque[Post]] = {}
        self.receives: dict[Way, deque[Post]] = {}
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
        return f"; {who_have(ended)} ended" if ended else ""

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
        other = first_of(others, src, dst, lane)
        if other is None:
            mine.setdefault((src, dst, lane), deque()).append(made)
            wake(rank, self.any_source.get(dst, []))
            return made
        made.other, other.other = other, made
        made.src = other.src = src if other.src is None else other.src
        if other.tag != tag or not fit(made, gloo):
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
