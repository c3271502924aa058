"""``torch.nn.modules``, and torch's modules below it: the names of ``torch.nn``.

Scripts import a class from where torch defines it (``torch.nn.modules.loss``); here that is one
place.
"""

from __future__ import annotations

import sys
from typing import Any

from kernbench.runtime.nn.module import Module
from kernbench.runtime.placeholder import Placeholder
from kernbench.runtime.words import words
from kernbench.torch import nn
from kernbench.torch._advice import advice

__all__: list[str] = []

_BELOW = frozenset(
    words(
        """
    activation adaptive batchnorm channelshuffle container conv distance dropout flatten fold
    instancenorm lazy linear loss module normalization padding pixelshuffle pooling rnn sparse
    transformer upsampling utils
    """
    )
)


class _Loss(Module):
    """What losses of scripts derive from: a module with a reduction."""

    def __init__(self, size_average: Any = None, reduce: Any = None, reduction: str = "mean"):
        super().__init__()
        if size_average is not None or reduce is not None:
            raise NotImplementedError(
                f"{type(self).__name__}: expected no size_average and no reduce, got "
                f"{size_average!r} and {reduce!r}; say reduction='mean', 'sum' or 'none'"
            )
        self.reduction = reduction


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.nn.modules' has no attribute '{name}'")
    if name in _BELOW:
        return sys.modules[__name__]
    try:
        return getattr(nn, name)
    except AttributeError:
        return Placeholder(f"torch.nn.modules.{name}", advice(name.lstrip("_")))
