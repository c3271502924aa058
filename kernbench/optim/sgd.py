"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from kernbench.optim.optimizer import Optimizer, check_at_least_0
from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["SGD"]


class SGD(Optimizer):
    """Steps against the gradient, with momentum if asked.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> torch.optim.SGD([w], lr=0.25).step()
    >>> w
    tensor([0.5000], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        check_at_least_0(weight_decay_value=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
            },
        )

    def _update(
        self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        if group["maximize"]:
            grad = call("neg", grad)
        if group["weight_decay"]:
            grad = grad.add(param, alpha=group["weight_decay"])
        momentum = group["momentum"]
        if momentum:
            held = state.get("momentum_buffer")
            if held is None:
                held = state["momentum_buffer"] = grad.detach().clone()
            else:
                held.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
            grad = grad.add(held, alpha=momentum) if group["nesterov"] else held
        param.add_(grad, alpha=-group["lr"])
