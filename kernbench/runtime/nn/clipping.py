"""Gradients that are too large are made smaller (``torch.nn.utils``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def _grads_of(parameters: Any) -> list[Any]:
    each = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [parameter.grad for parameter in each if parameter.grad is not None]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Scale the gradients so that their norm, of all together, is at most `max_norm`.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Whose gradients.
    max_norm, norm_type : float
        The bound, and which norm.
    error_if_nonfinite : bool
        Refuse gradients that are not finite.
    foreach : bool, optional
        Accepted.

    Returns
    -------
    Tensor
        The norm before.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> x = torch.tensor([3.0, 4.0], requires_grad=True)
    >>> x.grad = x.detach().clone()
    >>> clip_grad_norm_(x, 1.0), x.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    grads = _grads_of(parameters)
    if not grads:
        return call("tensor", 0.0)
    norms = [call("norm", grad, norm_type) for grad in grads]
    total = call("norm", call("stack", [call("to", n, norms[0].device) for n in norms]), norm_type)
    if error_if_nonfinite and not bool(call("isfinite", total)):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, "
            "so it cannot be clipped. To disable this error and scale the gradients by the "
            "non-finite norm anyway, set `error_if_nonfinite=False`"
        )
    share = call("clamp", max_norm / (total + 1e-6), max=1.0)
    for grad in grads:
        grad.mul_(call("to", share, grad.device))
    return total


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Bring each element of the gradients between ``-clip_value`` and ``clip_value``."""
    for grad in _grads_of(parameters):
        grad.clamp_(min=-float(clip_value), max=float(clip_value))
