"""Optimizers, under torch's names (``torch.optim``).

Their steps are eager operations on tensors: on the machine they cost time.
"""

from __future__ import annotations

from kernbench.optim import lr_scheduler
from kernbench.optim.adam import Adam, AdamW
from kernbench.optim.optimizer import Optimizer
from kernbench.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "lr_scheduler"]
