"""``torch.optim``."""

from __future__ import annotations

from kernbench.optim import SGD, Adam, AdamW, Optimizer

__all__ = ["SGD", "Adam", "AdamW", "Optimizer"]
