"""Joining and shaping several tensors: ``hstack``, ``vstack``, ``block_diag``, ``kron`` and kin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernbench.ops.support import deliver
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


def _at_least(count: int, tensors: tuple[Any, ...]) -> Any:
    """Give tensors leading, and a third trailing, dimensions of size 1."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return tuple(_raised(count, each) for each in tensors[0])
    found = tuple(_raised(count, each) for each in tensors)
    return found[0] if len(found) == 1 else found


def _raised(count: int, tensor: Tensor) -> Any:
    if count >= 1 and tensor.ndim == 0:
        tensor = call("reshape", tensor, (1,))
    if count >= 2 and tensor.ndim == 1:
        tensor = call("unsqueeze", tensor, 0)
    if count == 3 and tensor.ndim == 2:
        tensor = call("unsqueeze", tensor, -1)
    return tensor


@register("atleast_1d", "composite")
def atleast_1d(*tensors: Any) -> Any:
    """Give tensors one dimension at least."""
    return _at_least(1, tensors)


@register("atleast_2d", "composite")
def atleast_2d(*tensors: Any) -> Any:
    """Give tensors two dimensions at least."""
    return _at_least(2, tensors)


@register("atleast_3d", "composite")
def atleast_3d(*tensors: Any) -> Any:
    """Give tensors three dimensions at least."""
    return _at_least(3, tensors)


def _stacked(name: str, count: int, dim: int) -> None:
    @register(name, "composite")
    def join(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Any:
        parts = _at_least(count, (list(tensors),))
        place = 0 if name == "hstack" and parts[0].ndim == 1 else dim
        return call("cat", parts, place, out=out)

    join.__doc__ = f"Join tensors as ``torch.{name}``."


_stacked("hstack", 1, 1)
_stacked("vstack", 2, 0)
_stacked("row_stack", 2, 0)
_stacked("dstack", 3, 2)


@register("column_stack", "composite")
def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Any:
    """Join vectors as columns."""
    parts = [call("reshape", each, (each.numel(), 1)) if each.ndim <= 1 else each
             for each in tensors]  # fmt: skip
    return call("hstack", parts, out=out)


for _name in ("concat", "concatenate"):

    @register(_name, "composite")
    def concat(tensors: Sequence[Tensor], dim: int = 0, *, out: Any = None) -> Any:
        """Join tensors along a dimension."""
        return call("cat", tensors, dim, out=out)


@register("block_diag", "composite")
def block_diag(*tensors: Tensor) -> Any:
    """Make a matrix with these on its diagonal."""
    parts = [_raised(2, each) for each in tensors]
    rows, cols = (sum(each._shape[d] for each in parts) for d in (0, 1))
    made = call("zeros", (rows, cols), dtype=parts[0]._dtype, device=parts[0].device)
    row = col = 0
    for each in parts:
        height, width = each._shape
        seen = call("narrow", call("narrow", made, 0, row, height), 1, col, width)
        call("copy_", seen, each)
        row, col = row + height, col + width
    return made


@register("kron", "composite")
def kron(self: Tensor, other: Tensor, *, out: Tensor | None = None) -> Any:
    """Return all products of elements, in blocks."""
    ndim = max(self.ndim, other.ndim)
    a = [1] * (ndim - self.ndim) + list(self._shape)
    b = [1] * (ndim - other.ndim) + list(other._shape)
    left = call("reshape", self, [n for size in a for n in (size, 1)])
    right = call("reshape", other, [n for size in b for n in (1, size)])
    found = call("reshape", call("mul", left, right), [m * n for m, n in zip(a, b, strict=True)])
    return deliver(found, out)


@register("hsplit", "composite")
def hsplit(self: Tensor, indices_or_sections: Any) -> Any:
    """View pieces of the second dimension (the first of a vector)."""
    return call("tensor_split", self, indices_or_sections, 0 if self.ndim == 1 else 1)


@register("vsplit", "composite")
def vsplit(self: Tensor, indices_or_sections: Any) -> Any:
    """View pieces of the first dimension."""
    return call("tensor_split", self, indices_or_sections, 0)


@register("dsplit", "composite")
def dsplit(self: Tensor, indices_or_sections: Any) -> Any:
    """View pieces of the third dimension."""
    return call("tensor_split", self, indices_or_sections, 2)


@register("cdist", "composite")
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0) -> Any:
    """Return the distances of all pairs of rows."""
    apart = call("sub", call("unsqueeze", x1, -2), call("unsqueeze", x2, -3))
    return call("norm", apart, p, -1)


@register("erfinv")
def erfinv(self: Tensor) -> Tensor:
    """Return the numbers whose error functions the elements are."""
    import numpy as np

    from kernbench.ops.support import from_host, on_machine, staged

    if on_machine(self):
        return staged(erfinv, self)  # type: ignore[no-any-return]
    from statistics import NormalDist

    wide = self._values().astype(np.float64)
    normal = NormalDist()

    def inverse(x: float) -> float:
        if abs(x) >= 1:
            return float("inf") * x if abs(x) == 1 else float("nan")
        return normal.inv_cdf((x + 1) / 2) / 2**0.5

    found = np.fromiter((inverse(x) for x in wide.reshape(-1).tolist()), np.float64, wide.size)
    return from_host(found.reshape(wide.shape), self._dtype)
