"""Handles: what was submitted, and when it started and ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernbench.runtime.profile import Profile, profile_launch

if TYPE_CHECKING:
    from kernbench.runtime.context import Context

__all__ = ["Handle", "Launch"]


class Handle:
    """One piece of work on the machine: a raw transfer, a copy or a launch.

    Times are simulated.  Asking for one that is not known yet waits for the work.

    Examples
    --------
    >>> import kernbench as kb
    >>> with kb.Context(kb.Topology.preset("small")) as ctx:
    ...     h = ctx.transfer("sip0.cube0.pe0.dma", "sip0.cube0.hbm", nbytes=4096)
    ...     ctx.wait(h)
    ...     h.latency_fs == h.end_fs - h.start_fs
    True
    """

    def __init__(self, context: Context, number: int, name: str, keep: Any = None) -> None:
        self._context = context
        self._number = number
        self._engine = context._engine
        self._keep = keep  # what must not be unmapped before the work is done
        self.name = name

    def _info(self) -> tuple[bool, int, int, int, int, int, int]:
        info = self._engine.handle(self._number)
        if info[0]:
            self._keep = None
        return info

    def _finished(self) -> tuple[bool, int, int, int, int, int, int]:
        if not self._info()[0]:
            self._context.wait(self)
        return self._info()

    @property
    def done(self) -> bool:
        """Whether it has ended by now."""
        return self._info()[0]

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
        state = f"{self.latency_ns:,.3f} ns" if self.done else "under way"
        return f"{type(self).__name__}({self.name!r}, {state})"


class Launch(Handle):
    """A kernel launch: from its submission by the host to the response at the host."""

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
