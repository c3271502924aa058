"""``torch.autograd``."""

from __future__ import annotations

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

__all__ = [
    "Function",
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
