"""Layers that normalise."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

from kernbench.nn.module import Module
from kernbench.nn.parameter import Parameter
from kernbench.runtime.dispatch import call

__all__ = ["LayerNorm", "RMSNorm"]


class _Norm(Module):
    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None,
        affine: bool,
        bias: bool,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        if isinstance(normalized_shape, numbers.Integral):
            normalized_shape = (int(normalized_shape),)
        self.normalized_shape = tuple(normalized_shape)  # type: ignore[arg-type]
        self.eps, self.elementwise_affine = eps, affine
        for name, there in (("weight", affine), ("bias", affine and bias)):
            if there:
                made = call("empty", *self.normalized_shape, dtype=dtype, device=device)
                setattr(self, name, Parameter(made))
            else:
                self.register_parameter(name, None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        if self.weight is not None:
            self.weight.detach().fill_(1.0)
        if self.bias is not None:
            self.bias.detach().zero_()

    def extra_repr(self) -> str:
        """Shape and constants."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class LayerNorm(_Norm):
    """Brings the last dimensions to mean 0 and variance 1, then scales and shifts."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine, bias, device, dtype)

    def forward(self, input: Any) -> Any:
        """Return the normalised input."""
        return call(
            "layer_norm", input, self.normalized_shape, self.weight, self.bias, self.eps
        )


class RMSNorm(_Norm):
    """Divides by the root of the mean square of the last dimensions, then scales."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(normalized_shape, eps, elementwise_affine, False, device, dtype)

    def forward(self, input: Any) -> Any:
        """Return the normalised input."""
        return call("rms_norm", input, self.normalized_shape, self.weight, self.eps)
