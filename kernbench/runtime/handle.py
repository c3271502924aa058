"""Handles: what was submitted, and when it started and ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kernbench.runtime.profile import Profile, profile_launch

if TYPE_CHECKING:
    from kernbench.runtime.context import Context

__all__ = ["Handle", "Launch", "Mark"]


class Handle:
    """One piece of work on the machine: a raw transfer, a copy or a launch.

    Times are simulated.  Asking for one that is not known yet waits for the work.  ``rank`` is the
    rank that submitted it, -1 the main program.

    Examples
    --------
    >>> import kernbench as kb
    >>> with kb.Context(kb.Topology.preset("small")) as ctx:
    ...     h = ctx.transfer("sip0.cube0.pe0.dma", "sip0.cube0.hbm", nbytes=4096)
    ...     ctx.wait(h)
    ...     h.latency_fs == h.end_fs - h.start_fs
    True
    """

    __slots__ = (
        "_about",
        "_context",
        "_engine",
        "_keep",
        "_number",
        "_place",
        "_seen",
        "_sequence",
        "name",
        "rank",
    )

    def __init__(
        self,
        context: Context,
        number: int,
        name: str,
        keep: Any = None,
        place: tuple[int, int] | None = None,
    ) -> None:
        self._context = context
        self._number = number
        self._engine = context._engine
        self._keep = keep  # what must not be unmapped before it is seen that the work is done
        self._place = place  # (SIP, stream)
        self._sequence = 0  # launches of the SIP so far
        self._seen = False  # the script knows that it is done: by a wait, or by asking
        self._about: Callable[[], str] | None = None  # what it is, for messages
        self.rank = context._rank().index
        self.name = name

    def _info(self) -> tuple[bool, int, int, int, int, int, int]:
        return self._engine.handle(self._number)

    def _what(self) -> str:
        if self._about is not None:
            return self._about()
        return f"{self.name} (submitted at {self._info()[1] / 1e6:,.3f} ns)"

    def _see(self) -> None:
        """Note that the script knows of its end: what it needed, and was for, is let go."""
        self._seen = True
        self._keep = self._about = None

    def _finished(self) -> tuple[bool, int, int, int, int, int, int]:
        if not self._info()[0]:
            self._context.wait(self)
        return self._info()

    @property
    def done(self) -> bool:
        """Whether it has ended by now.

        Asking costs a call of the host, ``host.call_ns``, and lets the machine, and the other
        ranks, come up to the rank's clock, so that a loop that asks ends (ADR-0049 D5).
        """
        if not self._seen:
            self._context._poll(self)
        return self._seen

    @property
    def start_fs(self) -> int:
        """When it was submitted, in femtoseconds."""
        return self._info()[1]

    @property
    def end_fs(self) -> int:
        """When it ended, in femtoseconds."""
        return self._finished()[2]

    @property
    def latency_fs(self) -> int:
        """``end_fs - start_fs``."""
        return self.end_fs - self.start_fs

    @property
    def latency_ns(self) -> float:
        """The latency in nanoseconds, for people."""
        return self.latency_fs / 1e6

    def __repr__(self) -> str:
        done, start_fs, end_fs, *_ = self._info()
        state = f"{(end_fs - start_fs) / 1e6:,.3f} ns" if done else "under way"
        return f"{type(self).__name__}({self.name!r}, {state})"


class Launch(Handle):
    """A kernel launch: from its submission by the host to the response at the host."""

    __slots__ = ()

    @property
    def launch(self) -> int:
        """Its number in the op log's column ``launch``."""
        return self._info()[3]

    @property
    def target_fs(self) -> int:
        """The common start of all PEs (ADR-0048)."""
        return self._finished()[4]

    @property
    def late_pes(self) -> int:
        """PEs whose command came after the common start."""
        return self._finished()[5]

    @property
    def busy_pes(self) -> int:
        """PEs that had no free context at the common start."""
        return self._finished()[6]

    def profile(self) -> Profile:
        """Where the time of this launch went, and how busy its engines were."""
        self._finished()
        return profile_launch(self._context.oplog.columns, self.launch, self.start_fs, self.end_fs)


class Mark(Handle):
    """A mark in a stream: what ``cuda.Event.record`` submits."""

    __slots__ = ()

    @property
    def stamp_fs(self) -> int:
        """When IO_CPU stamped it: all before it in its stream had responded."""
        return self._finished()[4]
