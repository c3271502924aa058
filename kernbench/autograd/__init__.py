"""Gradients: operations are recorded as they run, and the record is run backward.

Every call of an operation goes through :func:`kernbench.autograd.recording.intercept`; the nodes it
makes are in :mod:`~kernbench.autograd.node`, the derivatives in :mod:`~kernbench.autograd.rules`,
and :func:`backward` walks them.  The gradients are themselves operations on the simulated machine:
they cost time, and can be differentiated again.
"""

from __future__ import annotations

from kernbench.autograd import rules, tensors
from kernbench.autograd.backward import backward, grad
from kernbench.autograd.function import Function, FunctionCtx, once_differentiable
from kernbench.autograd.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from kernbench.autograd.recording import intercept

__all__ = [
    "Function",
    "FunctionCtx",
    "backward",
    "enable_grad",
    "grad",
    "inference_mode",
    "intercept",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "once_differentiable",
    "rules",
    "set_grad_enabled",
    "tensors",
]
