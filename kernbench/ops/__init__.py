"""The operations on tensors: importing this fills the table of :mod:`kernbench.runtime.dispatch`.

Host tensors are computed by NumPy in no simulated time; tensors on the machine by built-in kernels,
written in ``tl`` (``kernels.py``, ``functions.py``), which cost what any kernel costs.
"""

from __future__ import annotations

from kernbench.ops import (
    arithmetic,
    comparing,
    conveniences,
    copying,
    creation,
    elementwise,
    indexing,
    joining,
    linear,
    masking,
    nn,
    picking,
    random,
    reductions,
    scattering,
    sorting,
    views,
)

__all__ = [
    "arithmetic",
    "comparing",
    "conveniences",
    "copying",
    "creation",
    "elementwise",
    "indexing",
    "joining",
    "linear",
    "masking",
    "nn",
    "picking",
    "random",
    "reductions",
    "scattering",
    "sorting",
    "views",
]
