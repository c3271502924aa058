"""``torch.optim``."""

from __future__ import annotations

import sys
from typing import Any

from kernbench.optim import SGD, Adam, AdamW, Optimizer, lr_scheduler, optimizer
from kernbench.runtime.placeholder import Placeholder
from kernbench.runtime.words import words

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "lr_scheduler", "optimizer"]

_KNOWN = frozenset(
    words("ASGD Adadelta Adafactor Adagrad Adamax LBFGS Muon NAdam RAdam RMSprop Rprop SparseAdam")
)


def __getattr__(name: str) -> Any:
    if name in ("adam", "adamw", "sgd"):  # where torch defines these names
        return sys.modules[__name__]
    if name in _KNOWN:
        return Placeholder(f"torch.optim.{name}", "use SGD, Adam or AdamW")
    raise AttributeError(f"module 'torch.optim' has no attribute {name!r}")
