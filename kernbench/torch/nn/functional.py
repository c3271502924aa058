"""``torch.nn.functional``: names of the table, under torch's."""

from __future__ import annotations

from typing import Any

from kernbench.runtime import dispatch
from kernbench.runtime.placeholder import Placeholder
from kernbench.runtime.words import words
from kernbench.torch._advice import advice
from kernbench.torch._operation import Operation

__all__: list[str] = []

_NAMES = frozenset(
    words(
        """
    binary_cross_entropy_with_logits cross_entropy dropout elu embedding gelu glu hardsigmoid
    hardswish hardtanh l1_loss layer_norm leaky_relu linear log_softmax logsigmoid mish mse_loss
    nll_loss normalize one_hot pad relu relu6 rms_norm scaled_dot_product_attention sigmoid silu
    smooth_l1_loss softmax softmin softplus tanh
    """
    )
)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.nn.functional' has no attribute '{name}'")
    if name in _NAMES and dispatch.has(name):
        return Operation(name)
    from kernbench.torch._known import FUNCTIONAL

    if name not in FUNCTIONAL:
        raise AttributeError(f"module 'torch.nn.functional' has no attribute '{name}'")
    return Placeholder(f"torch.nn.functional.{name}", advice(name))
