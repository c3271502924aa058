"""``torch.utils.data.distributed``."""

from __future__ import annotations

from kernbench.data import DistributedSampler

__all__ = ["DistributedSampler"]
