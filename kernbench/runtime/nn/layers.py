"""Layers: linear maps, embeddings, norms, activations, losses."""

from __future__ import annotations

import math
from typing import Any

from kernbench.runtime.dispatch import call
from kernbench.runtime.nn import init
from kernbench.runtime.nn.module import Module
from kernbench.runtime.nn.parameter import Parameter

__all__ = [
    "ELU",
    "GELU",
    "GLU",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "Hardswish",
    "Identity",
    "L1Loss",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Mish",
    "NLLLoss",
    "RMSNorm",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]


def _new(*size: int, device: Any, dtype: Any) -> Parameter:
    made: Parameter = Parameter(call("empty", *size, device=device, dtype=dtype))
    return made


class Identity(Module):
    """Return the input."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """Return the input."""
        return input


class Linear(Module):
    """``x @ weight.T + bias``.

    Parameters
    ----------
    in_features, out_features : int
        Sizes of the last dimension, before and after.
    bias : bool
        Whether there is one.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> torch.nn.Linear(3, 2)
    Linear(in_features=3, out_features=2, bias=True)
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
        self.weight = _new(out_features, in_features, device=device, dtype=dtype)
        if bias:
            self.bias = _new(out_features, device=device, dtype=dtype)
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Any) -> Any:
        """Compute."""
        return call("linear", input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Embedding(Module):
    """Rows of a table by their places; `sparse` is accepted, and gradients are dense.

    Raises
    ------
    NotImplementedError
        In `forward`, for `max_norm` or `scale_grad_by_freq`.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: Any = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Any = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx, self.max_norm, self.norm_type = padding_idx, max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        if _weight is None:
            self.weight = _new(num_embeddings, embedding_dim, device=device, dtype=dtype)
            self.reset_parameters()
        else:
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, input: Any) -> Any:
        """Compute."""
        return call(
            "embedding",
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        """Return sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class LayerNorm(Module):
    """Rows with mean 0 and deviation 1, scaled and shifted."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = normalized_shape
        self.normalized_shape = (shape,) if isinstance(shape, int) else tuple(shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.has_bias = bias
        for name, wanted in (("weight", True), ("bias", bias)):
            made = None
            if elementwise_affine and wanted:
                made = _new(*self.normalized_shape, device=device, dtype=dtype)
            self.register_parameter(name, made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set scale 1 and shift 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        """Compute."""
        return call("layer_norm", input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return sizes."""
        affine = f"elementwise_affine={self.elementwise_affine}, bias={self.has_bias}"
        return f"{self.normalized_shape}, eps={self.eps}, {affine}"


class RMSNorm(Module):
    """Rows with mean square 1, scaled."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = normalized_shape
        self.normalized_shape = (shape,) if isinstance(shape, int) else tuple(shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        if elementwise_affine:
            self.weight = _new(*self.normalized_shape, device=device, dtype=dtype)
            init.ones_(self.weight)
        else:
            self.register_parameter("weight", None)

    def forward(self, input: Any) -> Any:
        """Compute."""
        return call("rms_norm", input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return sizes."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class Dropout(Module):
    """Zeros with probability p in training."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Any) -> Any:
        """Compute."""
        return call("dropout", input, self.p, self.training)

    def extra_repr(self) -> str:
        """Return the probability."""
        return f"p={self.p}, inplace={self.inplace}"


class Flatten(Module):
    """Merge dimensions."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Any:
        """Compute."""
        return call("flatten", input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Return the dimensions."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class _Activation(Module):
    """An operation without parameters; `options` are its arguments, in order, with defaults."""

    operation = ""
    options: tuple[tuple[str, Any], ...] = ()
    shown: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        given = dict(zip((name for name, _ in self.options), args, strict=False)) | kwargs
        for name, default in self.options:
            setattr(self, name, given.pop(name, default))
        if given:
            raise TypeError(
                f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                f"'{next(iter(given))}'"
            )

    def forward(self, *inputs: Any) -> Any:
        """Compute."""
        names = {name: getattr(self, name) for name, _ in self.options if name != "inplace"}
        return call(self.operation, *inputs, **names)

    def extra_repr(self) -> str:
        """Return the options that torch shows."""
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.shown)


class ReLU(_Activation):
    """Zero where the input is negative."""

    operation, options = "relu", (("inplace", False),)

    def extra_repr(self) -> str:
        """Return ``inplace=True`` where it is."""
        return "inplace=True" if self.inplace else ""


class GELU(_Activation):
    """Gaussian error linear units."""

    operation, options, shown = "gelu", (("approximate", "none"),), ("approximate",)


class SiLU(_Activation):
    """``x * sigmoid(x)``."""

    operation, options = "silu", (("inplace", False),)


class Mish(_Activation):
    """``x * tanh(softplus(x))``."""

    operation, options = "mish", (("inplace", False),)


class Hardswish(_Activation):
    """``x * hardsigmoid(x)``."""

    operation, options = "hardswish", (("inplace", False),)


class Sigmoid(_Activation):
    """``1 / (1 + exp(-x))``."""

    operation = "sigmoid"


class Tanh(_Activation):
    """Hyperbolic tangent."""

    operation = "tanh"


class Softplus(_Activation):
    """``log(1 + exp(x))``."""

    operation, options = "softplus", (("beta", 1.0), ("threshold", 20.0))
    shown = ("beta", "threshold")


class LeakyReLU(_Activation):
    """The input, scaled where it is negative."""

    operation, options = "leaky_relu", (("negative_slope", 0.01), ("inplace", False))
    shown = ("negative_slope",)


class ELU(_Activation):
    """The input, or ``alpha * (exp(x) - 1)`` where it is negative."""

    operation, options, shown = "elu", (("alpha", 1.0), ("inplace", False)), ("alpha",)


class GLU(_Activation):
    """One half times the sigmoid of the other."""

    operation, options, shown = "glu", (("dim", -1),), ("dim",)


class Softmax(_Activation):
    """Exponentials over their sum."""

    operation, options, shown = "softmax", (("dim", None),), ("dim",)


class LogSoftmax(_Activation):
    """Logarithms of the softmax."""

    operation, options, shown = "log_softmax", (("dim", None),), ("dim",)


class MSELoss(_Activation):
    """Mean of squared differences."""

    operation, options = "mse_loss", (("reduction", "mean"),)


class L1Loss(_Activation):
    """Mean size of differences."""

    operation, options = "l1_loss", (("reduction", "mean"),)


class NLLLoss(_Activation):
    """Negative log-likelihoods of classes."""

    operation = "nll_loss"
    options = (("weight", None), ("ignore_index", -100), ("reduction", "mean"))


class CrossEntropyLoss(_Activation):
    """Cross entropy of logits and classes."""

    operation = "cross_entropy"
    options = (
        ("weight", None),
        ("ignore_index", -100),
        ("reduction", "mean"),
        ("label_smoothing", 0.0),
    )
