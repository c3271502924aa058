"""Layers without weights: activations, dropout, reshaping, losses."""

from __future__ import annotations

from typing import Any

from kernbench.nn.module import Module
from kernbench.runtime.dispatch import call

__all__ = [
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "GELU",
    "L1Loss",
    "LeakyReLU",
    "LogSoftmax",
    "MSELoss",
    "NLLLoss",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]


class ReLU(Module):
    """``max(x, 0)``."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return the rectified input."""
        return call("relu_" if self.inplace else "relu", input)

    def extra_repr(self) -> str:
        """Whether it writes to its input."""
        return "inplace=True" if self.inplace else ""


class LeakyReLU(Module):
    """``x`` where positive, else a small multiple."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, input: Any) -> Any:
        """Return the activation."""
        return call("leaky_relu", input, self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}"


class GELU(Module):
    """``x`` times the probability that a standard normal number is below it."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        """Return the activation."""
        return call("gelu", input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """Which formula."""
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """``x * sigmoid(x)``."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """Return the activation."""
        return call("silu", input)


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``."""

    def forward(self, input: Any) -> Any:
        """Return the activation."""
        return call("sigmoid", input)


class Tanh(Module):
    """``tanh(x)``."""

    def forward(self, input: Any) -> Any:
        """Return the activation."""
        return call("tanh", input)


class Softplus(Module):
    """``log(1 + exp(beta x)) / beta``."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Any) -> Any:
        """Return the activation."""
        return call("softplus", input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Constants."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """Exponentials, divided by their sum along a dimension."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Return the shares."""
        return call("softmax", input, self.dim)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of softmax."""

    def forward(self, input: Any) -> Any:
        """Return the logarithms."""
        return call("log_softmax", input, self.dim)


class Dropout(Module):
    """Zeroes elements at random while training, and scales the others up."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Any) -> Any:
        """Return what is left."""
        return call("dropout", input, self.p, self.training)

    def extra_repr(self) -> str:
        """Constants."""
        return f"p={self.p}, inplace={self.inplace}"


class Flatten(Module):
    """Merges dimensions."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Any:
        """Return the input in fewer dimensions."""
        return call("flatten", input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Which dimensions."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class _Loss(Module):
    _name: str

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return call(self._name, input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """The mean square of the difference."""

    _name = "mse_loss"


class L1Loss(_Loss):
    """The mean absolute difference."""

    _name = "l1_loss"


class _WeightedLoss(_Loss):
    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        ignore_index: int = -100,
        reduce: Any = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing


class NLLLoss(_WeightedLoss):
    """Minus the log probability of the target class."""

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return call(
            "nll_loss",
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class CrossEntropyLoss(_WeightedLoss):
    """The cross entropy of logits and targets."""

    def forward(self, input: Any, target: Any) -> Any:
        """Return the loss."""
        return call(
            "cross_entropy",
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCEWithLogitsLoss(_Loss):
    """The binary cross entropy of logits."""

    _name = "binary_cross_entropy_with_logits"
