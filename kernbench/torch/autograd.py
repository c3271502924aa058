"""``torch.autograd``."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from kernbench.autograd import (
    Function,
    backward,
    enable_grad,
    function,
    grad,
    inference_mode,
    no_grad,
    set_grad_enabled,
)
from kernbench.autograd.gradcheck import gradcheck, gradgradcheck
from kernbench.runtime.tensor import Tensor

__all__ = [
    "Function",
    "Variable",
    "backward",
    "enable_grad",
    "function",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "no_grad",
    "set_grad_enabled",
]


class _VariableMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_VariableMeta):
    """The old name of a tensor: ``Variable(x)`` is one over the memory of `x`.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> x = Variable(torch.ones(2), requires_grad=True)
    >>> x, isinstance(x, Variable)
    (tensor([1., 1.], requires_grad=True), True)
    """

    def __new__(cls, data: Any, requires_grad: bool = False) -> Any:
        """Make the tensor."""
        return data.detach().requires_grad_(requires_grad)


def __getattr__(name: str) -> Any:
    if name == "profiler":
        return importlib.import_module("kernbench.torch.profiler")
    if name == "variable":  # where torch defines Variable
        return sys.modules[__name__]
    raise AttributeError(f"module 'torch.autograd' has no attribute '{name}'")
