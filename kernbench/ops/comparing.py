"""Whole tensors compared: ``equal``, ``allclose``, ``isclose``."""

from __future__ import annotations

from typing import Any

from kernbench.ops.support import common_device
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


@register("equal")
def equal(self: Tensor, other: Tensor) -> bool:
    """Whether shapes and all elements agree: a host read."""
    common_device("equal", [self, other])
    if self._shape != other._shape:
        return False
    return bool(call("all", call("eq", self, other)))


@register("isclose")
def isclose(
    self: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether elements agree within a tolerance."""
    if self._dtype is not other._dtype:
        raise RuntimeError(f"{self._dtype.label} did not match {other._dtype.label}")
    if rtol < 0:
        raise RuntimeError(f"rtol must be greater than or equal to zero, but got {rtol}")
    if atol < 0:
        raise RuntimeError(f"atol must be greater than or equal to zero, but got {atol}")
    same = call("eq", self, other)
    if self._dtype.is_floating_point and equal_nan:
        both = call("bitwise_and", call("ne", self, self), call("ne", other, other))
        same = call("bitwise_or", same, both)
    if rtol == 0 and atol == 0:
        return same
    a, b = ((call("float", each) if each._dtype.is_integral else each) for each in (self, other))
    allowed = call("add", call("abs", call("mul", b, rtol)), atol)
    gap = call("abs", call("sub", a, b))
    near = call("bitwise_and", call("isfinite", gap), call("le", gap, allowed))
    return call("bitwise_or", same, near)


@register("allclose", "composite")
def allclose(
    self: Tensor, other: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> bool:
    """Whether all elements agree within a tolerance: a host read."""
    return bool(call("all", call("isclose", self, other, rtol, atol, equal_nan)))


@register("is_tensor", "composite")
def is_tensor(obj: Any) -> bool:
    """Whether it is a tensor."""
    return isinstance(obj, Tensor)


@register("is_nonzero", "composite")
def is_nonzero(self: Tensor) -> bool:
    """Whether the one element is not zero."""
    return bool(self)


@register("numel", "composite")
def numel(self: Tensor) -> int:
    """Count the elements."""
    return self.numel()


for _name in ("is_floating_point", "is_complex", "is_signed"):

    def _asked(name: str) -> None:
        @register(name, "composite")
        def ask(self: Tensor) -> bool:
            return bool(getattr(self, name)())

        ask.__doc__ = f"Ask ``tensor.{name}()``."

    _asked(_name)
