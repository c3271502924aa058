"""The operations on tensors: importing this fills the table of :mod:`kernbench.runtime.dispatch`.

Host tensors are computed by NumPy in no simulated time; tensors on the machine by built-in kernels,
written in ``tl`` (``kernels.py``, ``functions.py``), which cost what any kernel costs.
"""

from __future__ import annotations

from kernbench.ops import (
    comparing,
    conveniences,
    copying,
    creation,
    elementwise,
    indexing,
    joining,
    linear,
    nn,
    random,
    reductions,
    sorting,
    views,
)

__all__ = [
    "comparing",
    "conveniences",
    "copying",
    "creation",
    "elementwise",
    "indexing",
    "joining",
    "linear",
    "nn",
    "random",
    "reductions",
    "sorting",
    "views",
]
