"""``torch.nn.utils``: clipping, parameters as a vector; other names are placeholders."""

from __future__ import annotations

import sys
from typing import Any

from kernbench.runtime.nn.clipping import clip_grad_norm_, clip_grad_value_
from kernbench.runtime.nn.vectors import parameters_to_vector, vector_to_parameters
from kernbench.runtime.placeholder import Placeholder

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "parameters_to_vector",
    "vector_to_parameters",
]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.nn.utils' has no attribute '{name}'")
    if name in ("clip_grad", "convert_parameters"):  # where torch defines these names
        return sys.modules[__name__]
    return Placeholder(f"torch.nn.utils.{name}")
