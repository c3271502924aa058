"""Which algorithm: what the caller, or the environment, says, or the best one."""

from __future__ import annotations

from kernbench.ccl.call import Call
from kernbench.ccl.registry import algorithms, find


def choose(call: Call, wanted: str | None = None) -> str:
    """Return the name of the algorithm for a call."""
    if wanted is not None:
        return wanted
    fitting = [
        name for name in algorithms(call.collective) if find(call.collective, name).fits(call)
    ]
    return fitting[0]
