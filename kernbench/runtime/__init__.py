"""The runtime: contexts, tensors, handles; what scripts use."""

from __future__ import annotations

from kernbench.runtime.context import Context, current_context, each_pe
from kernbench.runtime.handle import Handle, Launch
from kernbench.runtime.memory import MemoryStatistics
from kernbench.runtime.oplog import OpLog
from kernbench.runtime.placement import (
    Blocked,
    Interleaved,
    Local,
    Placement,
    Replicated,
    Sharded,
)
from kernbench.runtime.tensor import Tensor
from kernbench.runtime.traffic import Transfers

__all__ = [
    "Blocked",
    "Context",
    "Handle",
    "Interleaved",
    "Launch",
    "Local",
    "MemoryStatistics",
    "OpLog",
    "Placement",
    "Replicated",
    "Sharded",
    "Tensor",
    "Transfers",
    "current_context",
    "each_pe",
]
