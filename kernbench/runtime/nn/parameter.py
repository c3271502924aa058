"""``torch.nn.Parameter``: a tensor that a module counts among its own."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A tensor that is a module's parameter once it is the module's attribute.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> torch.nn.Parameter(torch.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:  # noqa: D102
        if data is None:
            data = call("empty", 0)
        if requires_grad and data._dtype.is_integral:
            raise RuntimeError(
                "Only Tensors of floating point and complex dtype can require gradients"
            )
        made = data._as(cls)
        made.requires_grad = requires_grad
        return made

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.detach(), self.requires_grad)

    def __deepcopy__(self, memo: Any) -> Any:
        made = memo.get(id(self))
        if made is None:
            made = type(self)(call("clone", call("detach", self)), self.requires_grad)
            memo[id(self)] = made
        return made


class Buffer(Tensor):
    """A tensor that is a module's buffer once it is the module's attribute."""

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:  # noqa: D102
        made = (call("empty", 0) if data is None else data)._as(cls)
        made.persistent = persistent
        return made
