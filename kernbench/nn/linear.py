"""Layers that multiply by a weight."""

from __future__ import annotations

import math
from typing import Any

from kernbench.nn import init
from kernbench.nn.module import Module
from kernbench.nn.parameter import Parameter
from kernbench.runtime.dispatch import call

__all__ = ["Embedding", "Identity", "Linear"]


class Identity(Module):
    """Returns what it gets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """Return `input`."""
        return input


class Linear(Module):
    """``y = x @ weight.T + bias``.

    Parameters
    ----------
    in_features, out_features : int
        ``x`` has shape ``(..., in_features)``, ``y`` ``(..., out_features)``.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(call("empty", out_features, in_features, dtype=dtype, device=device))
        if bias:
            self.bias = Parameter(call("empty", out_features, dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Any) -> Any:
        """Return ``input @ weight.T + bias``."""
        return call("linear", input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Embedding(Module):
    """A table of rows, looked up by number.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        Rows and their length.
    padding_idx : int, optional
        A row that stays as it is.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Any = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if max_norm is not None or scale_grad_by_freq or sparse:
            raise NotImplementedError(
                "kernbench: torch.nn.Embedding with max_norm, scale_grad_by_freq or sparse"
            )
        if padding_idx is not None:
            assert -num_embeddings <= padding_idx < num_embeddings, (
                "Padding_idx must be within num_embeddings"
            )
            padding_idx %= num_embeddings
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = padding_idx
        if _weight is None:
            shape = num_embeddings, embedding_dim
            self.weight = Parameter(
                call("empty", *shape, dtype=dtype, device=device), requires_grad=not _freeze
            )
            self.reset_parameters()
        else:
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None, **names: Any
    ) -> Embedding:
        """Make one over given rows."""
        return cls(*embeddings.shape, padding_idx, _weight=embeddings, _freeze=freeze, **names)

    def reset_parameters(self) -> None:
        """Draw the rows from N(0, 1)."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            init.zeros_(self.weight.detach()[self.padding_idx])

    def forward(self, input: Any) -> Any:
        """Return the rows whose numbers `input` holds."""
        return call("embedding", input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """Sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
