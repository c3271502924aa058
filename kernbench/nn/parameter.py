"""Parameters: the tensors of a module that are learned."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A tensor that a module finds by itself, and that requires gradients unless told.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> torch.nn.Parameter(torch.zeros(2)).requires_grad
    True
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        if data is None:
            data = call("empty", 0)
        if not isinstance(data, Tensor):
            raise TypeError(
                f"cannot assign '{type(data).__name__}' object to parameter (torch.nn.Parameter "
                "or None required)"
            )
        made = data.detach()._as(cls)
        made.requires_grad = requires_grad
        return made

    def __repr__(self, **names: Any) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(Tensor):
    """A tensor that belongs to a module's state and is not learned."""

    persistent: bool

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        made = (call("empty", 0) if data is None else data.detach())._as(cls)
        made.persistent = persistent
        return made
