"""``requires_grad_``: marks a tensor whose gradient is wanted."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.dispatch import register
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


@register("requires_grad_", "inplace")
def requires_grad_(self: Tensor, requires_grad: bool = True) -> Any:
    """Say whether the tensor's gradient is wanted."""
    if requires_grad and not (self._dtype.is_floating_point or self._dtype.is_complex):
        raise RuntimeError("only Tensors of floating point dtype can require gradients")
    self.requires_grad = requires_grad
    return self


@register("detach_", "inplace")
def detach_(self: Tensor) -> Any:
    """Forget the recorded history."""
    self.grad_fn, self.requires_grad = None, False
    return self
