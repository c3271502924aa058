"""The clocks of the ``time`` module, for a script that is run: simulated (ADR-0049 D9).

Only calls from the script's own files see the simulated clock; libraries, which wait for sockets
and threads, keep the real one.  A script that reads the clock again and again without doing
anything pays a call of the host for each reading, so that its loop ends.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from kernbench.cli.places import is_own
from kernbench.runtime.rank import current_rank

__all__ = ["simulated"]

_PATIENCE = 1000
"""Readings of a clock that stands still before they cost a call."""


class _Clocks:
    def __init__(self, note: Callable[[str], None]) -> None:
        self.note = note
        self.noted = False
        self.last_fs = -1
        self.n_still = 0

    def read_fs(self) -> int:
        """Return the clock of the rank that asks, in femtoseconds."""
        if not self.noted:
            self.noted = True
            self.note(
                "kernbench run: time.time, perf_counter and monotonic give simulated time to the "
                "script; --wall-clock leaves them alone"
            )
        rank = current_rank()
        context = rank.context
        assert context is not None
        now_fs = context.now_fs
        self.n_still = self.n_still + 1 if now_fs == self.last_fs else 0
        self.last_fs = now_fs
        if self.n_still > _PATIENCE:
            rank.clock_fs = now_fs + context._call_fs
            context._pass(rank, "its clock to go on")
            now_fs = self.last_fs = context.now_fs
        return now_fs

    def sleep(self, seconds: float) -> None:
        """Let simulated time pass for the rank that asks."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        rank = current_rank()
        context = rank.context
        assert context is not None
        rank.clock_fs = context.now_fs + round(seconds * 1e15)
        context._pass(rank, "the end of a sleep")


def _foreign() -> bool:
    """Return whether a library asks, or somebody for whom there is no machine."""
    frame = sys._getframe(2)
    return not is_own(frame.f_code.co_filename) or current_rank().context is None


def _replacements(clocks: _Clocks) -> dict[str, Callable[..., Any]]:
    made: dict[str, Callable[..., Any]] = {}

    def add(name: str, read: Callable[..., Any]) -> None:
        real = getattr(time, name)

        def clock(*args: Any) -> Any:
            return real(*args) if _foreign() else read(*args)

        clock.__name__ = clock.__qualname__ = name
        clock.__doc__ = real.__doc__
        made[name] = clock

    for name in ("time", "perf_counter", "monotonic"):
        add(name, lambda: clocks.read_fs() / 10**15)
        add(f"{name}_ns", lambda: clocks.read_fs() // 10**6)
    add("sleep", clocks.sleep)
    return made


@contextlib.contextmanager
def simulated() -> Iterator[None]:
    """Let the ``time`` module give simulated time to the script within."""
    real = {}
    for name, clock in _replacements(_Clocks(lambda text: print(text, file=sys.stderr))).items():
        real[name] = getattr(time, name)
        setattr(time, name, clock)
    try:
        yield
    finally:
        for name, clock in real.items():
            setattr(time, name, clock)
