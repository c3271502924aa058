"""``torch.nn.parallel``: replicas of a module on all ranks."""

from __future__ import annotations

from typing import Any

from kernbench.distributed import data_parallel as distributed
from kernbench.distributed.data_parallel import DistributedDataParallel
from kernbench.runtime.placeholder import Placeholder

__all__ = ["DistributedDataParallel", "distributed"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.nn.parallel' has no attribute '{name}'")
    return Placeholder(f"torch.nn.parallel.{name}")
