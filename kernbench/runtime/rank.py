"""Ranks: who runs, and the state that torch keeps per process.

A context has a main program and, while ``spawn`` runs, one worker per rank (ADR-0024).  Each has a
:class:`Rank`, found through one ContextVar, so that two contexts and a thousand ranks in one
process do not see each other's generators, devices or default dtypes.

What wants such state declares a :class:`RankVar`; nothing else needs to know of ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from greenlet import greenlet

    from kernbench.runtime.context import Context
    from kernbench.runtime.handle import Handle
    from kernbench.runtime.waiting import Waiting

__all__ = ["MAIN", "Rank", "RankVar", "current_rank", "enter_rank", "leave_rank"]

T = TypeVar("T")

MAIN = -1
"""The main program's index: it goes first where ranks are ordered."""


class Rank:
    """The main program, or one worker, of a context.

    Attributes
    ----------
    context : Context or None
        Whose; None where no context is active.
    index : int
        The rank; :data:`MAIN` for the main program.
    clock_fs : int
        Its host clock (ADR-0049), in femtoseconds.
    sip : int
        Its current device.
    streams : dict of int to int
        Its current stream by SIP, where it has set one: see :meth:`stream_on`.
    foreign : dict of int to int
        Its default stream on SIPs of other ranks that it has used.
    last : dict of (int, int) to Handle
        What it submitted last, by (SIP, stream), unless it has seen that done.
    pending_after : dict of (int, int) to list of Handle
        What the next work in a stream has to wait for, in other streams of its SIP.
    held : callable or None
        What it has issued, and is submitted with what comes right behind it: see :meth:`let_go`.
    state : dict of RankVar to object
        See :class:`RankVar`.
    environ : dict of str to str or None
        Its overlay of ``os.environ``; None stands for a deleted name.
    """

    __slots__ = (
        "aborting",
        "at_end",
        "clock_fs",
        "context",
        "environ",
        "foreign",
        "greenlet",
        "held",
        "index",
        "last",
        "n_stops",
        "pending_after",
        "sip",
        "state",
        "streams",
        "tick",
        "waiting",
    )

    def __init__(self, context: Context | None, index: int = MAIN, clock_fs: int = 0) -> None:
        self.context = context
        self.index = index
        self.greenlet: greenlet | None = None  # a worker's
        self.start_over(clock_fs)

    def start_over(self, clock_fs: int = 0) -> None:
        """Forget everything: as a process that begins at `clock_fs`."""
        self.clock_fs = clock_fs
        self.sip = max(self.index, 0)
        self.streams: dict[int, int] = {}
        self.foreign: dict[int, int] = {}
        self.last: dict[tuple[int, int], Handle] = {}
        self.pending_after: dict[tuple[int, int], list[Handle]] = {}
        self.held: Callable[[], None] | None = None
        self.state: dict[RankVar[Any], Any] = {}
        self.environ: dict[str, str | None] = {}
        self.waiting: Waiting | None = None
        self.tick: Waiting | None = None  # used again by each wait for nothing but its clock
        self.at_end: list[Callable[[], None]] = []  # called when a worker's program has ended
        self.aborting = False  # it is being ended: its waits raise SystemExit
        self.n_stops = 0

    def let_go(self) -> None:
        """Submit what is held: before anything else of the rank is, and before it waits."""
        held, self.held = self.held, None
        if held is not None and not self.aborting:
            held()

    @property
    def is_worker(self) -> bool:
        """Whether it was started by ``spawn`` or as a Process."""
        return self.index != MAIN

    @property
    def ended(self) -> bool:
        """Whether it was a worker and is over."""
        if self.context is None or not self.is_worker:
            return False
        worker = self.context._scheduler.workers.get(self.index)
        return worker is None or worker.rank is not self

    @property
    def stream(self) -> int:
        """Its current stream on its current device."""
        return self.stream_on(self.sip)

    def stream_on(self, sip: int) -> int:
        """Return its current stream on a SIP."""
        found = self.streams.get(sip)
        return self.default_stream(sip) if found is None else found

    def default_stream(self, sip: int) -> int:
        """Return its default stream on a SIP.

        On its own, as on any of the main program, that is 0; on another rank's one that it alone
        has, as of two processes on one device neither waits for the other's work.
        """
        if sip == self.index or self.context is None or not self.is_worker:
            return 0
        if sip not in self.foreign:
            self.context._n_streams[sip] += 1
            self.foreign[sip] = self.context._n_streams[sip]
        return self.foreign[sip]

    def __str__(self) -> str:
        return f"rank {self.index}" if self.is_worker else "the main program"

    def __repr__(self) -> str:
        return f"<{self}, clock {self.clock_fs / 1e6:,.3f} ns>"


_rank: ContextVar[Rank | None] = ContextVar("kernbench_rank", default=None)


def current_rank() -> Rank:
    """Return who runs: a worker, or the main program of the innermost active context.

    Without a context it is a rank of none, which this thread keeps.
    """
    rank = _rank.get()
    if rank is None:
        rank = Rank(None)
        _rank.set(rank)
    return rank


def enter_rank(rank: Rank) -> Token[Rank | None]:
    """Make it the current one, until `leave_rank`."""
    return _rank.set(rank)


def leave_rank(token: Token[Rank | None]) -> None:
    """Undo an `enter_rank`."""
    _rank.reset(token)


class RankVar(Generic[T]):
    """A value that every (context, rank) has of its own, as every process of torch has.

    Parameters
    ----------
    name : str
        For error messages.
    make : callable
        Called with the rank when it first asks; ranks do not inherit the main program's value.

    Examples
    --------
    >>> grad_enabled = RankVar("grad_enabled", lambda rank: True)
    >>> grad_enabled.get()
    True
    >>> grad_enabled.set(False)
    >>> grad_enabled.get()
    False
    """

    __slots__ = ("make", "name")

    def __init__(self, name: str, make: Callable[[Rank], T]) -> None:
        self.name = name
        self.make = make

    def get(self) -> T:
        """Return the current rank's value."""
        rank = _rank.get() or current_rank()
        try:
            return rank.state[self]  # type: ignore[no-any-return]
        except KeyError:
            value = rank.state[self] = self.make(rank)
            return value

    def set(self, value: T) -> None:
        """Give the current rank a value."""
        current_rank().state[self] = value

    def clear(self) -> None:
        """Forget the current rank's value: the next `get` makes one anew."""
        current_rank().state.pop(self, None)

    def __repr__(self) -> str:
        return f"<RankVar {self.name}>"
