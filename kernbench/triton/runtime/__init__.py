"""The face that scripts import as ``triton.runtime``: names only."""

from __future__ import annotations

from kernbench.errors import OutOfResources
from kernbench.language import JITFunction
from kernbench.runtime.driver import driver
from kernbench.runtime.tuning import Autotuner, Config, Heuristics, autotune, heuristics

__all__ = [
    "Autotuner",
    "Config",
    "Heuristics",
    "JITFunction",
    "OutOfResources",
    "autotune",
    "driver",
    "heuristics",
]
