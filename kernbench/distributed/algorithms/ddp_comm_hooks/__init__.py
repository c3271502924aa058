"""``torch.distributed.algorithms.ddp_comm_hooks``: the default ones."""

from __future__ import annotations

from typing import Any

from kernbench.distributed.algorithms.ddp_comm_hooks import default_hooks
from kernbench.runtime.placeholder import Placeholder

__all__ = ["default_hooks"]


def __getattr__(name: str) -> Any:
    whole = f"torch.distributed.algorithms.ddp_comm_hooks.{name}"
    if name.startswith("__"):
        raise AttributeError(f"there is no {whole}")
    return Placeholder(whole, "write a hook: a function of a state and a GradBucket")
