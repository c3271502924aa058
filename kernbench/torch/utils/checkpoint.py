"""``torch.utils.checkpoint``: the face of :mod:`kernbench.autograd.checkpointing`."""

from __future__ import annotations

from kernbench.autograd.checkpointing import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
)

__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential"]
