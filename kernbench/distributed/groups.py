"""Process groups, as one rank sees them, and the group that a call means."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from kernbench import ccl
from kernbench.distributed.backend import backend_of
from kernbench.distributed.board import Shared
from kernbench.distributed.stores import Store
from kernbench.runtime.context import Context
from kernbench.runtime.handle import Handle
from kernbench.runtime.rank import Rank, RankVar, current_rank
from kernbench.runtime.streams import Stream, stream
from kernbench.runtime.tensor import Tensor

__all__ = [
    "NON_GROUP_MEMBER",
    "GroupMember",
    "ProcessGroup",
    "Worlds",
    "check_timeout",
    "group_of",
    "worlds",
]

NON_GROUP_MEMBER = -100

UNINITIALISED = (
    "Default process group has not been initialized, please make sure to call init_process_group."
)


class ProcessGroup:
    """A group of ranks; its collectives run in order, on a stream of its own, and so do messages.

    Made by ``init_process_group`` and ``new_group``, never directly.

    Attributes
    ----------
    group_desc : str
        What ``new_group`` was told that it is for.
    """

    def __init__(
        self, context: Context, shared: Shared, place: int, backend: str, desc: str | None = None
    ) -> None:
        self._context = context
        self._shared = shared
        self._place = place
        self._backend = backend
        self.group_desc = desc or "undefined"
        if shared.members is None:
            shared.members = ccl.Group(shared.sips, shared.number)
        self._members = shared.members
        self._sip = shared.sips[place]
        self._stream, self._messages = self._new_stream(), self._new_stream()
        self._matched: dict[str, Stream] = {}  # gloo's messages: those out, and those in

    def _new_stream(self) -> Stream:
        self._context._n_streams[self._sip] += 1
        return Stream._of(self._context, self._sip, self._context._n_streams[self._sip])

    def _way(self, kind: str) -> Stream:
        """Return the stream of gloo's messages out (``"send"``), or of those in."""
        if kind not in self._matched:
            self._matched[kind] = self._new_stream()
        return self._matched[kind]

    def rank(self) -> int:
        """Return the caller's place in the group."""
        return self._place

    def size(self) -> int:
        """Count the members."""
        return len(self._shared.ranks)

    @property
    def group_name(self) -> str:
        """Its name in errors."""
        return self._shared.name

    def name(self) -> str:
        """Return the backend's name."""
        return self._backend

    def _global(self, place: int) -> int:
        return self._shared.ranks[place]

    def _backend_for(self, tensor: Tensor) -> str:
        return backend_of(self._backend, _kind(tensor))

    @contextlib.contextmanager
    def _ordered(self, own: Stream | None = None) -> Iterator[None]:
        """Run what is within on a stream of the group, behind what the current stream holds.

        It is that of its collectives, unless told.
        """
        rank = current_rank()
        own = own or self._stream
        here = (self._sip, rank.stream_on(self._sip))
        if (last := rank.last.get(here)) is not None:
            self._context._order_behind(own._place, last)
        for waited in rank.pending_after.get(here, ()):
            self._context._order_behind(own._place, waited)
        with stream(own):
            yield

    def _last(self) -> Handle | None:
        """Return what the caller has submitted last to its current stream: the group's own one."""
        rank = current_rank()
        return rank.last.get((self._sip, rank.stream_on(self._sip)))

    def __repr__(self) -> str:
        return f"<ProcessGroup {self._shared.name}: rank {self._place} of {self.size()}>"


def _kind(tensor: Tensor) -> str:
    device = getattr(tensor, "device", None)
    return "cuda" if device is None else str(device.type)


class Worlds:
    """What one rank has initialised: its default group, and all groups that it is in."""

    def __init__(self) -> None:
        self.default: ProcessGroup | None = None
        self.store: Store | None = None
        self.groups: list[ProcessGroup] = []
        self.rank = -1
        self.n_groups = 0
        self.manager: Any = None  # the coalescing manager that the caller is within

    def clear(self) -> None:
        """Leave all groups."""
        for group in self.groups:
            group._shared.left.add(group._place)
        self.default = self.store = None
        self.groups = []
        self.rank = -1


def _make(rank: Rank) -> Worlds:
    return Worlds()


worlds: RankVar[Worlds] = RankVar("torch.distributed", _make)


class _GroupMeta(type):
    @property
    def WORLD(cls) -> ProcessGroup | None:
        """The default group; None before ``init_process_group``."""
        return worlds.get().default


class GroupMember(metaclass=_GroupMeta):
    """``GroupMember.WORLD`` is the default group, NON_GROUP_MEMBER what others get."""

    NON_GROUP_MEMBER = NON_GROUP_MEMBER


class group(metaclass=_GroupMeta):
    """``group.WORLD`` is the default group."""


def default_group() -> ProcessGroup:
    """Return the default group.

    Raises
    ------
    ValueError
        Before ``init_process_group``, and after ``destroy_process_group``.
    """
    found = worlds.get().default
    if found is None:
        thread = threading.current_thread()
        if current_rank().context is None and thread is not threading.main_thread():
            raise RuntimeError(
                f"torch.distributed: {thread.name} is a thread of no rank; ranks run one at a "
                "time, in the thread that made them: call there, with async_op=True to go on"
            )
        raise ValueError(UNINITIALISED)
    return found


def group_of(given: Any) -> ProcessGroup | None:
    """Return the group that an argument means; None when the caller is not a member."""
    world = default_group()
    if given is None:
        return world
    if isinstance(given, ProcessGroup):
        if given not in worlds.get().groups:
            raise ValueError(
                f"Group {given!r} is not registered: it was destroyed; please create group with "
                "torch.distributed.new_group API"
            )
        return given
    if given == NON_GROUP_MEMBER:
        return None
    raise ValueError(
        f"Process group {given!r} is not initialized in the world group map: expected a "
        "ProcessGroup, or None. Please initialize the group first."
    )


def check_timeout(timeout: Any) -> None:
    """Refuse a timeout that is not a timedelta."""
    if timeout is not None and not isinstance(timeout, timedelta):
        raise TypeError(
            f"Expected timeout argument to be of type datetime.timedelta, got {timeout!r}"
        )
