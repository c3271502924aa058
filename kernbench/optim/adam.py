"""Adam (Kingma, Ba 2015) and AdamW (Loshchilov, Hutter 2019)."""

from __future__ import annotations

import math
from typing import Any

from kernbench.optim.optimizer import Optimizer
from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square."""

    _decoupled = False
    _default_decay = 0.0

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float | None = None,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        if weight_decay is None:
            weight_decay = self._default_decay
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if eps < 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for place, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {place}: {beta}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
            },
        )

    def _update(
        self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        if not state:
            state["step"] = 0
            state["exp_avg"] = call("zeros_like", param.detach())
            state["exp_avg_sq"] = call("zeros_like", param.detach())
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = call("zeros_like", param.detach())
        state["step"] += 1
        (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
        if group["maximize"]:
            grad = call("neg", grad)
        if decay and self._decoupled:
            param.mul_(1 - lr * decay)
        elif decay:
            grad = grad.add(param, alpha=decay)
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if group["amsgrad"]:
            most = state["max_exp_avg_sq"]
            most.copy_(call("maximum", most, square))
            square = most
        root = math.sqrt(1 - beta2 ** state["step"])
        denominator = (square.sqrt() / root).add_(group["eps"])
        param.addcdiv_(mean, denominator, value=-lr / (1 - beta1 ** state["step"]))


class AdamW(Adam):
    """Adam whose weight decay does not go through the gradient."""

    _decoupled = True
    _default_decay = 1e-2
