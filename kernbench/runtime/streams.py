"""Streams and events, under ``torch.cuda``'s names: order on the device, and its clock.

Work of one stream runs in order, streams overlap (ADR-0049 D8).  An event is a mark in a stream:
IO_CPU stamps it, in simulated time, when everything before it in the stream has responded.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kernbench.runtime.context import Context, current_context

if TYPE_CHECKING:
    from kernbench.runtime.handle import Handle, Mark

__all__ = [
    "Event",
    "Stream",
    "current_stream",
    "default_stream",
    "device_number",
    "set_stream",
    "stream",
    "synchronize",
]


def device_number(context: Context, device: Any = None) -> int:
    """Return the SIP that ``None`` (the current one), an int, ``"cuda:1"`` or a device means."""
    if device is None:
        return context._rank().sip
    if isinstance(device, str):
        kind, _, number = device.partition(":")
        if kind != "cuda" or not (number.isdigit() or not number):
            raise ValueError(f"Expected a cuda device, but got: {device}")
        device = int(number) if number else None
    index = getattr(device, "index", device)
    if getattr(device, "type", "cuda") != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {device}")
    sip = context._rank().sip if index is None or callable(index) else int(index)
    system = context.topology.system
    n_sips = 0 if system is None else int(system["n_sips"])
    if not 0 <= sip < n_sips:
        raise RuntimeError(
            f"CUDA error: invalid device ordinal: expected cuda:0 to cuda:{n_sips - 1}, one for "
            f"each SIP, got {sip}"
        )
    return sip


class Stream:
    """A queue of work on one SIP.

    Parameters
    ----------
    device : int, str or device, optional
        The SIP; the current one unless told.
    priority : int
        Accepted; streams of a SIP are served alike.

    Examples
    --------
    >>> import kernbench as kb
    >>> from kernbench.runtime import streams
    >>> with kb.Context("small") as ctx:
    ...     side = streams.Stream()
    ...     with streams.stream(side):
    ...         streams.current_stream() == side
    True
    """

    def __init__(self, device: Any = None, priority: int = 0, **kwargs: Any) -> None:
        self._context = current_context()
        self._sip = device_number(self._context, device)
        self._context._n_streams[self._sip] += 1
        self.stream_id = self._context._n_streams[self._sip]
        self.priority = priority
        self._before: list[Stream] = []

    @classmethod
    def _of(cls, context: Context, sip: int, number: int) -> Stream:
        made = cls.__new__(cls)
        made._context, made._sip, made.stream_id = context, sip, number
        made.priority = 0
        made._before = []
        return made

    @property
    def device_index(self) -> int:
        """The SIP."""
        return self._sip

    @property
    def cuda_stream(self) -> int:
        """Its number; 0 is the default stream of the SIP's own rank."""
        return self.stream_id

    @property
    def _place(self) -> tuple[int, int]:
        return self._sip, self.stream_id

    def wait_event(self, event: Event) -> None:
        """Let what comes next in this stream wait for an event.

        An event of another SIP is waited for by the host.
        """
        if event._mark is not None:
            self._context._order_behind(self._place, event._mark)

    def _ends(self) -> list[Handle]:
        """Return what has to be done before all that is in this stream is."""
        rank = self._context._rank()
        last = rank.last.get(self._place)
        return ([] if last is None else [last]) + rank.pending_after.get(self._place, [])

    def wait_stream(self, stream: Stream) -> None:
        """Let what comes next in this stream wait for all that is in the other one."""
        for end in stream._ends():
            self._context._order_behind(self._place, end)

    def record_event(self, event: Event | None = None) -> Event:
        """Record an event here; a new one unless given."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def synchronize(self) -> None:
        """Wait for all that is in this stream."""
        for end in self._ends():
            self._context.wait(end)

    def query(self) -> bool:
        """Tell whether all that is in this stream is done: a poll."""
        return all(end.done for end in self._ends())

    def __enter__(self) -> Stream:
        self._before.append(current_stream(self._sip))
        set_stream(self)
        return self

    def __exit__(self, *error: Any) -> None:
        set_stream(self._before.pop())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stream):
            return NotImplemented
        return self._place == other._place and self._context is other._context

    def __hash__(self) -> int:
        return hash(self._place)

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device=cuda:{self._sip} cuda_stream={self.stream_id:#x}>"


class Event:
    """A mark in a stream, with the simulated time at which the stream reached it.

    Parameters
    ----------
    enable_timing : bool
        Whether `elapsed_time` may be asked.
    blocking, interprocess : bool
        Accepted.

    Notes
    -----
    Differs from torch: times are simulated; `elapsed_time` waits for both events.

    Examples
    --------
    >>> import kernbench as kb
    >>> from kernbench.runtime import streams
    >>> with kb.Context("small") as ctx:
    ...     begin, end = (streams.Event(enable_timing=True) for _ in range(2))
    ...     begin.record()
    ...     end.record()
    ...     end.synchronize()
    ...     begin.elapsed_time(end)  # one call of the host, in milliseconds
    0.002
    """

    def __init__(
        self,
        enable_timing: bool = False,
        blocking: bool = False,
        interprocess: bool = False,
        **kwargs: Any,
    ) -> None:
        self.enable_timing = enable_timing
        self._mark: Mark | None = None

    def record(self, stream: Stream | None = None) -> None:
        """Record it in a stream, the current one unless told; an earlier record is forgotten."""
        stream = current_stream() if stream is None else stream
        self._mark = stream._context._mark(stream._place)

    def wait(self, stream: Stream | None = None) -> None:
        """Let a stream, the current one unless told, wait for it."""
        (current_stream() if stream is None else stream).wait_event(self)

    def query(self) -> bool:
        """Tell whether it has happened: a poll; True if it was never recorded."""
        return self._mark is None or self._mark.done

    def synchronize(self) -> None:
        """Wait until it has happened."""
        if self._mark is not None:
            self._mark._context.wait(self._mark)

    @property
    def stamp_fs(self) -> int:
        """When the stream reached it, in femtoseconds.

        Raises
        ------
        RuntimeError
            When it was never recorded.
        """
        if self._mark is None:
            raise RuntimeError("Event must be recorded before its time is read.")
        return self._mark.stamp_fs

    def elapsed_time(self, end_event: Event) -> float:
        """Return the simulated milliseconds from this event to another.

        Raises
        ------
        RuntimeError
            When one was never recorded, or made without ``enable_timing=True``.
        """
        if not (self.enable_timing and end_event.enable_timing):
            raise RuntimeError("Both events must be created with argument 'enable_timing=True'.")
        if self._mark is None or end_event._mark is None:
            raise RuntimeError("Both events must be recorded before calculating elapsed time.")
        return (end_event.stamp_fs - self.stamp_fs) / 1e12

    def __repr__(self) -> str:
        return "<torch.cuda.Event uninitialized>" if self._mark is None else "<torch.cuda.Event>"


def current_stream(device: Any = None) -> Stream:
    """Return the caller's current stream on a device, the current one unless told."""
    context = current_context()
    sip = device_number(context, device)
    return Stream._of(context, sip, context._rank().stream_on(sip))


def default_stream(device: Any = None) -> Stream:
    """Return the caller's default stream on a device, the current one unless told."""
    context = current_context()
    sip = device_number(context, device)
    return Stream._of(context, sip, context._rank().default_stream(sip))


def set_stream(stream: Stream | None) -> None:
    """Make it the caller's current stream on its device."""
    if stream is not None:
        stream._context._rank().streams[stream._sip] = stream.stream_id


@contextlib.contextmanager
def stream(stream: Stream | None) -> Iterator[None]:
    """Make it, and its device, the current ones within; None changes nothing."""
    if stream is None:
        yield
        return
    rank = stream._context._rank()
    before = rank.sip
    with stream:
        rank.sip = stream._sip
        try:
            yield
        finally:
            rank.sip = before


def synchronize(device: Any = None) -> None:
    """Wait for all that the caller has submitted to a device, the current one unless told."""
    context = current_context()
    sip = device_number(context, device)
    rank = context._rank()
    for place in [place for place in rank.last if place[0] == sip]:
        last = rank.last.get(place)
        if last is not None:
            context.wait(last)
