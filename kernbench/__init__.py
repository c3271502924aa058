"""kernbench: the latency laboratory for AI-accelerator kernels.

A bench is written as for PyTorch and Triton; it runs on a simulated machine of many chips, and one
run gives the numbers, bit for bit, and the time, with every nanosecond accounted for.

Examples
--------
>>> import kernbench as kb
>>> with kb.Context(kb.Topology.preset("small")) as ctx:
...     x = ctx.tensor([1.0, 2.0, 3.0])
...     x.tolist()
[1.0, 2.0, 3.0]
"""

from __future__ import annotations

import importlib

from kernbench import language
from kernbench.errors import (
    CollectiveMismatchError,
    CompilationError,
    DataUnavailableError,
    DeadlockError,
    KernbenchError,
    OutOfBoundsError,
    OutOfMemoryError,
    OutOfResources,
    PageFaultError,
    RaceError,
    SpawnException,
    TopologyError,
    UninitialisedReadError,
)
from kernbench.language import (
    bfloat16,
    float8e4nv,
    float8e5,
    float16,
    float32,
    float64,
    int1,
    int8,
    int16,
    int32,
    int64,
    jit,
    uint8,
    uint16,
    uint32,
    uint64,
)
from kernbench.runtime import (
    Blocked,
    Context,
    Handle,
    Interleaved,
    Launch,
    Local,
    MemoryStatistics,
    OpLog,
    Placement,
    Replicated,
    Sharded,
    Tensor,
    Transfers,
    current_context,
    each_pe,
)
from kernbench.runtime.dispatch import set_interceptor as _set_interceptor
from kernbench.runtime.dispatch import set_loader
from kernbench.runtime.face import set_face
from kernbench.topology import Topology


def _load_operations() -> None:
    """Fill the table of operations, and let autograd see each call."""
    importlib.import_module("kernbench.ops")
    _set_interceptor(importlib.import_module("kernbench.autograd").intercept)


# The layers above the runtime are loaded when they are first asked for.
set_loader(_load_operations)
set_face(lambda: importlib.import_module("kernbench.torch"))
del set_face, set_loader

__version__ = "0.1.0"

__all__ = [
    "Blocked",
    "CollectiveMismatchError",
    "CompilationError",
    "Context",
    "DataUnavailableError",
    "DeadlockError",
    "Handle",
    "Interleaved",
    "KernbenchError",
    "Launch",
    "Local",
    "MemoryStatistics",
    "OpLog",
    "OutOfBoundsError",
    "OutOfMemoryError",
    "OutOfResources",
    "PageFaultError",
    "Placement",
    "RaceError",
    "Replicated",
    "Sharded",
    "SpawnException",
    "Tensor",
    "Topology",
    "TopologyError",
    "Transfers",
    "UninitialisedReadError",
    "__version__",
    "bfloat16",
    "current_context",
    "each_pe",
    "float8e4nv",
    "float8e5",
    "float16",
    "float32",
    "float64",
    "int1",
    "int8",
    "int16",
    "int32",
    "int64",
    "jit",
    "language",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]
