"""Order: sorting, the greatest few, medians, unique elements, histograms.

On the machine these have no kernels: they cross the host link, both ways in simulated time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernbench.ops.reductions import _result
from kernbench.ops.support import INT64, deliver, from_host, listed, on_machine, staged
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.dtypes import as_dtype
from kernbench.runtime.geometry import like_strides, wrap_dim
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


def _home(name: str, self: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Do it on the host."""
    sized = name in ("unique", "unique_consecutive", "bincount")
    return staged(lambda *each: call(name, *each, **kwargs), self, *args, sized_by_values=sized)


def _order(x: Any, axis: int, descending: bool) -> Any:
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    back = np.flip(x, axis)
    order = np.flip(np.argsort(back, axis=axis, kind="stable"), axis)
    return x.shape[axis] - 1 - order


@register("sort")
def sort(self: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Sort along a dimension; return the values and where they were."""
    if on_machine(self):
        return _home("sort", self, dim, descending)
    place = wrap_dim(dim, self.ndim)
    if not self._shape:
        return _result("sort")(call("clone", self), call("zeros", (), dtype=INT64))
    x = self._values()
    order = _order(x, place, descending)
    strides = like_strides(self._shape, self._strides)
    return _result("sort")(
        from_host(np.take_along_axis(x, order, place), self._dtype, strides),
        from_host(order, INT64, strides),
    )


@register("argsort", "composite")
def argsort(self: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Return where the sorted elements were."""
    return call("sort", self, dim, descending, stable)[1]


@register("msort", "composite")
def msort(self: Tensor) -> Any:
    """Sort along the first dimension."""
    return call("sort", self, 0)[0]


@register("topk")
def topk(self: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """Return the k greatest elements along a dimension, and where they were."""
    place = wrap_dim(dim, self.ndim)
    if k < 0 or k > (self._shape[place] if self._shape else 1):
        raise RuntimeError("selected index k out of range")
    if on_machine(self):
        return _home("topk", self, k, dim, largest)
    values, places = call("sort", self, dim, largest)
    if self._shape:
        values, places = (
            call("clone", call("narrow", each, place, 0, k), memory_format="contiguous_format")
            for each in (values, places)
        )
    return _result("topk")(values, places)


@register("kthvalue")
def kthvalue(self: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the k-th smallest element along a dimension, and where it was."""
    place = wrap_dim(dim, self.ndim)
    values, places = call("sort", self, place)
    found = [
        call("clone", call("select", each, place, k - 1), memory_format="contiguous_format")
        if self._shape
        else each
        for each in (values, places)
    ]
    if keepdim:
        found = [call("unsqueeze", each, place) for each in found]
    return _result("kthvalue")(*found)


@register("median")
def median(self: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle element, the lower of two; along a dimension, also where it was."""
    if dim is None:
        flat = call("reshape", self, -1)
        if not flat.numel():
            return call("full", (), float("nan"), dtype=self._dtype, device=self.device)
        values, _ = call("sort", flat)
        if self._dtype.is_floating_point and bool(call("any", call("isnan", flat))):
            return call("select", values, 0, -1)
        return call("select", values, 0, (flat.numel() - 1) // 2)
    place = wrap_dim(dim, self.ndim)
    size = self._shape[place] if self._shape else 1
    return _result("median")(*call("kthvalue", self, (size + 1) // 2, dim, keepdim))


@register("mode")
def mode(self: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the most frequent element along a dimension, and its last place."""
    if on_machine(self):
        return _home("mode", self, dim, keepdim)
    place = wrap_dim(dim, self.ndim)
    x = np.moveaxis(self._values(), place, -1)
    flat = x.reshape(-1, x.shape[-1])
    values, places = np.empty(len(flat), flat.dtype), np.empty(len(flat), np.int64)
    for row, each in enumerate(flat):
        seen, counts = np.unique(each, return_counts=True)
        values[row] = seen[counts.argmax()]
        places[row] = np.nonzero(each == values[row])[0][-1]
    shape = x.shape[:-1]
    found = [from_host(values.reshape(shape), self._dtype), from_host(places.reshape(shape), INT64)]
    return _result("mode")(*(call("unsqueeze", each, place) if keepdim else each for each in found))


@register("unique")
def unique(
    self: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the different elements, in order."""
    if on_machine(self):
        return _home("unique", self, sorted, return_inverse, return_counts, dim)
    seen, inverse, counts = np.unique(
        self._values(), return_inverse=True, return_counts=True, axis=dim
    )
    found = [from_host(seen, self._dtype)]
    if return_inverse:
        shape = self._shape if dim is None else (self._shape[dim],)
        found.append(from_host(inverse.reshape(shape).astype(np.int64), INT64))
    if return_counts:
        found.append(from_host(counts.astype(np.int64), INT64))
    return found[0] if len(found) == 1 else tuple(found)


@register("unique_consecutive")
def unique_consecutive(
    self: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the elements without repetitions that follow each other."""
    if on_machine(self):
        return _home("unique_consecutive", self, return_inverse, return_counts, dim)
    x = self._values().reshape(-1)
    fresh = np.ones(x.size, bool)
    fresh[1:] = x[1:] != x[:-1]
    found = [from_host(x[fresh], self._dtype)]
    places = np.nonzero(fresh)[0]
    if return_inverse:
        found.append(from_host((np.cumsum(fresh) - 1).reshape(self._shape), INT64))
    if return_counts:
        found.append(from_host(np.diff(np.append(places, x.size)), INT64))
    return found[0] if len(found) == 1 else tuple(found)


@register("histc")
def histc(self: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """Count the elements in equal bins."""
    if on_machine(self):
        return _home("histc", self, bins, min, max)  # type: ignore[no-any-return]
    if bins <= 0:
        raise RuntimeError("torch.histogramdd(): bins must be > 0, but got " + str(bins))
    if self._dtype.is_integral:
        raise NotImplementedError(f"\"histogram_cpu\" not implemented for '{self._dtype.label}'")
    x = self._values().reshape(-1)
    low, high = (float(x.min()), float(x.max())) if min == max and x.size else (min, max)
    if low == high:
        low, high = low - 1, high + 1
    counts, _ = np.histogram(x[(x >= low) & (x <= high)], bins, (low, high))
    return from_host(counts.astype(np.float64), self._dtype)


@register("bincount")
def bincount(self: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """Count how often each number occurs."""
    if on_machine(self):
        return _home("bincount", self, weights, minlength)  # type: ignore[no-any-return]
    if self.ndim != 1 or (self.numel() and int(self._values().min()) < 0):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    given = None if weights is None else weights._values()
    counts = np.bincount(self._values(), given, minlength)
    return from_host(counts, INT64 if weights is None else as_dtype("float64"))


@register("searchsorted")
def searchsorted(
    sorted_sequence: Tensor,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
) -> Any:
    """Return where elements would go in a sorted sequence."""
    if on_machine(sorted_sequence):
        return _home("searchsorted", sorted_sequence, input, right=right or side == "right")
    given = input._values() if isinstance(input, Tensor) else np.asarray(input)
    way: Any = "right" if right or side == "right" else "left"
    edges = sorted_sequence._values()
    if edges.ndim == 1:
        return from_host(np.searchsorted(edges, given, way).astype(np.int64), INT64)
    lines = edges.reshape(-1, edges.shape[-1])
    wanted = given.reshape(len(lines), -1)
    found = np.stack([np.searchsorted(a, b, way) for a, b in zip(lines, wanted, strict=True)])
    return from_host(found.reshape(given.shape).astype(np.int64), INT64)


@register("bucketize", "composite")
def bucketize(
    input: Any, boundaries: Tensor, *, out_int32: bool = False, right: bool = False
) -> Any:
    """Return in which bucket elements fall."""
    return call("searchsorted", boundaries, input, right=right)


@register("isin", "composite")
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Any:
    """Whether elements occur among others."""
    left = elements if isinstance(elements, Tensor) else call("tensor", elements)
    right = (
        test_elements
        if isinstance(test_elements, Tensor)
        else call("tensor", test_elements, device=left.device)
    )
    flat = call("reshape", right, -1)
    found = call("any", call("eq", call("unsqueeze", left, -1), flat), -1)
    return call("logical_not", found) if invert else found


@register("quantile", "composite")
def quantile(
    self: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Any:
    """Return the elements below which a share lies, between two where needed."""
    x = call("reshape", self, -1) if dim is None else self
    place = 0 if dim is None else wrap_dim(dim, self.ndim)
    home = call("cpu", x)._values().astype(np.float64)
    shares = q.cpu()._values().astype(np.float64) if isinstance(q, Tensor) else q
    found = np.quantile(home, shares, axis=place, keepdims=keepdim and dim is not None,
                        method=interpolation)  # type: ignore[call-overload] # fmt: skip
    return deliver(call("to", from_host(np.asarray(found), self._dtype), self.device), None)


@register("flip")
def flip(self: Tensor, *dims: Any, **names: Any) -> Tensor:
    """Reverse dimensions."""
    places = [wrap_dim(dim, self.ndim) for dim in listed("flip", "dims", dims, names)]
    if not on_machine(self):
        return from_host(np.flip(self._values(), tuple(places)).copy(), self._dtype)
    for place in places:
        size = self._shape[place]
        back = call("arange", size - 1, -1, -1, device=self.device)
        self = call("index_select", self, place, back)
    return self


@register("fliplr", "composite")
def fliplr(self: Tensor) -> Any:
    """Reverse the second dimension."""
    return call("flip", self, 1)


@register("flipud", "composite")
def flipud(self: Tensor) -> Any:
    """Reverse the first dimension."""
    return call("flip", self, 0)


@register("roll", "composite")
def roll(self: Tensor, shifts: Any, dims: Any = None) -> Any:
    """Move elements round along dimensions."""
    moves = [shifts] if isinstance(shifts, int) else list(shifts)
    if dims is None or dims == ():
        flat = call("roll", call("reshape", self, -1), moves[0], 0)
        return call("reshape", flat, self._shape)
    places = [dims] if isinstance(dims, int) else list(dims)
    if len(moves) != len(places):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(moves)}, dims:{len(places)}"
        )
    for move, dim in zip(moves, places, strict=True):
        place = wrap_dim(dim, self.ndim)
        size = self._shape[place]
        if size and move % size:
            cut = size - move % size
            self = call(
                "cat",
                [call("narrow", self, place, cut, size - cut), call("narrow", self, place, 0, cut)],
                place,
            )
    return call("contiguous", self) if self.is_contiguous() else self


@register("rot90", "composite")
def rot90(self: Tensor, k: int = 1, dims: Any = (0, 1)) -> Any:
    """Turn by right angles."""
    a, b = dims
    k %= 4
    if k == 1:
        return call("transpose", call("flip", self, b), a, b)
    if k == 2:
        return call("flip", self, a, b)
    return call("flip", call("transpose", self, a, b), b) if k == 3 else call("clone", self)


@register("repeat")
def repeat(self: Tensor, *repeats: Any, **names: Any) -> Any:
    """Repeat the tensor along its dimensions."""
    times = listed("repeat", "repeats", repeats, names)
    if len(times) < self.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            "tensor"
        )
    shape = (1,) * (len(times) - self.ndim) + tuple(self._shape)
    wide = [n for pair in zip(times, shape, strict=True) for n in pair]
    lone = [n for size in shape for n in (1, size)]
    seen = call("expand", call("reshape", self, lone), wide)
    dense = call("clone", seen, memory_format="contiguous_format")
    return call("reshape", dense, [a * b for a, b in zip(times, shape, strict=True)])


@register("tile", "composite")
def tile(self: Tensor, *dims: Any, **names: Any) -> Any:
    """Repeat the tensor, leading dimensions once."""
    times = listed("tile", "dims", dims, names)
    return call("repeat", self, (1,) * (self.ndim - len(times)) + tuple(times))


@register("repeat_interleave", "composite")
def repeat_interleave(
    self: Tensor, repeats: Any, dim: int | None = None, *, output_size: Any = None
) -> Any:
    """Repeat each element."""
    if dim is None:
        self, dim = call("reshape", self, -1), 0
    place = wrap_dim(dim, self.ndim)
    counts = repeats.cpu()._values() if isinstance(repeats, Tensor) else repeats
    places = np.repeat(np.arange(self._shape[place]), counts)
    index = call("to", from_host(places, INT64), self.device)
    return call("index_select", self, place, index)


@register("trace", "composite")
def trace(self: Tensor) -> Any:
    """Sum of the diagonal."""
    if self.ndim != 2:
        raise RuntimeError("trace: expected a matrix, but got tensor with dim " + str(self.ndim))
    return call("sum", call("diagonal", self))


@register("diff", "composite")
def diff(self: Tensor, n: int = 1, dim: int = -1) -> Any:
    """Differences of neighbours."""
    place = wrap_dim(dim, self.ndim)
    for _ in range(n):
        size = self._shape[place]
        op = "logical_xor" if self._dtype.name == "bool" else "sub"
        self = call(
            op, call("narrow", self, place, 1, size - 1), call("narrow", self, place, 0, size - 1)
        )
    return self


@register("cross", "composite")
def cross(self: Tensor, other: Tensor, dim: int | None = None) -> Any:
    """Vector products in three dimensions."""
    place = self._shape.index(3) if dim is None else wrap_dim(dim, self.ndim)
    a, b = ([call("select", each, place, i) for i in range(3)] for each in (self, other))
    parts = [
        call("sub", call("mul", a[i], b[j]), call("mul", a[j], b[i]))
        for i, j in ((1, 2), (2, 0), (0, 1))
    ]
    return call("stack", parts, place)
