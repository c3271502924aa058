"""``torch.distributed.algorithms``: the default communication hooks alone."""

from __future__ import annotations

import importlib
from typing import Any

from kernbench.runtime.placeholder import Placeholder


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.distributed.algorithms' has no attribute {name!r}")
    if name == "ddp_comm_hooks":
        return importlib.import_module("kernbench.distributed.algorithms.ddp_comm_hooks")
    advice = "DistributedDataParallel takes a communication hook"
    return Placeholder(f"torch.distributed.algorithms.{name}", advice)
