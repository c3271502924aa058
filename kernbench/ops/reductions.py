"""Reductions: sums, extremes, norms, counts, over all or some dimensions."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kernbench.ops import kernels
from kernbench.ops.launching import launch, pes_of
from kernbench.ops.rows import as_rows, reduce_on_machine, tile_of, work_dtype
from kernbench.ops.support import (
    BOOL,
    INT64,
    deliver,
    from_host,
    new_empty,
    on_machine,
    staged,
)
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.dtypes import BY_NAME, as_dtype, dtype
from kernbench.runtime.geometry import wrap_dim, wrap_dims
from kernbench.runtime.tensor import Tensor

__all__ = ["fold"]

Array = Any


def _shape_after(self: Tensor, dims: Sequence[int], keepdim: bool) -> tuple[int, ...]:
    if keepdim:
        return tuple(1 if d in dims else n for d, n in enumerate(self._shape))
    return tuple(n for d, n in enumerate(self._shape) if d not in dims)


def fold(
    name: str,
    self: Tensor,
    dim: Any,
    keepdim: bool,
    result: dtype,
    host: Callable[..., Array],
    work: dtype | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Reduce some dimensions: `host` on arrays, the kernel's `name` on the machine."""
    dims = wrap_dims(dim, self.ndim) if self._shape else ()
    if not self._shape and dim is not None and dim != ():
        wrap_dims(dim, 0)
    shape = _shape_after(self, dims, keepdim)
    if on_machine(self):
        made = reduce_on_machine(name, self, dims, shape, result, work or work_dtype(self._dtype))
        return deliver(made, out)
    with np.errstate(all="ignore"):
        found = host(self._values(), tuple(dims))
    return deliver(from_host(np.asarray(found).reshape(shape), result), out)


def _wide(x: Array) -> Any:
    return np.float64 if x.dtype.kind == "f" else np.complex128 if x.dtype.kind == "c" else np.int64


def _total(x: Array, dims: tuple[int, ...]) -> Array:
    return np.add.reduce(x, dims, dtype=_wide(x))


def _product(x: Array, dims: tuple[int, ...]) -> Array:
    return np.multiply.reduce(x, dims, dtype=_wide(x))


@register("sum")
def sum_(
    self: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Tensor:
    """Sum of elements; integers and truths in int64."""
    kind = self._dtype if dtype is None else as_dtype(dtype)
    if dtype is None and kind.is_integral:
        kind = INT64
    if self._dtype is not kind and (dtype is not None) and not self._dtype.is_integral:
        self = call("to", self, kind)
    return fold("sum", self, dim, keepdim, kind, _total, work_dtype(kind), out)


@register("mean")
def mean(
    self: Tensor,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Tensor:
    """Mean of elements."""
    kind = self._dtype if dtype is None else as_dtype(dtype)
    if kind.is_integral:
        what = "Input" if dtype is None else "Optional"
        raise RuntimeError(
            "mean(): could not infer output dtype. "
            f"{what} dtype must be either a floating point or complex dtype. Got: {kind.label}"
        )

    def average(x: Array, dims: tuple[int, ...]) -> Array:
        count = math.prod(x.shape[d] for d in dims)
        return _total(x, dims) / np.float64(count)

    return fold("mean", self, dim, keepdim, kind, average, work_dtype(kind), out)


@register("prod")
def prod(
    self: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None
) -> Tensor:
    """Product of elements."""
    kind = self._dtype if dtype is None else as_dtype(dtype)
    if dtype is None and kind.is_integral:
        kind = INT64
    return fold("prod", self, dim, keepdim, kind, _product, work_dtype(kind), out)


@register("any")
def any_(self: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Tensor:
    """Whether any element is not zero."""
    kind = self._dtype if self._dtype.name == "uint8" else BOOL
    return fold(
        "any", self, dim, keepdim, kind, lambda x, d: (x != 0).any(d), BY_NAME["int32"], out
    )


@register("all")
def all_(self: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Tensor:
    """Whether no element is zero."""
    kind = self._dtype if self._dtype.name == "uint8" else BOOL
    return fold(
        "all", self, dim, keepdim, kind, lambda x, d: (x != 0).all(d), BY_NAME["int32"], out
    )


@register("count_nonzero")
def count_nonzero(self: Tensor, dim: Any = None) -> Tensor:
    """Count the elements that are not zero."""
    return fold("count", self, dim, False, INT64, np.count_nonzero, BY_NAME["int64"])


def _check_empty(name: str, self: Tensor, dims: Sequence[int]) -> None:
    for d in dims:
        if self._shape and self._shape[d] == 0:
            raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")


@register("amax")
def amax(self: Tensor, dim: Any = (), keepdim: bool = False, *, out: Any = None) -> Tensor:
    """Greatest element."""
    return _extreme("amax", "max", self, dim, keepdim, np.max, out)


@register("amin")
def amin(self: Tensor, dim: Any = (), keepdim: bool = False, *, out: Any = None) -> Tensor:
    """Smallest element."""
    return _extreme("amin", "min", self, dim, keepdim, np.min, out)


def _extreme(
    name: str, kind: str, self: Tensor, dim: Any, keepdim: bool, host: Any, out: Any
) -> Tensor:
    dims = wrap_dims(dim, self.ndim)
    if self.numel() == 0 and (dim is None or dim == ()):
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
            "reduction dim with the 'dim' argument."
        )
    _check_empty(name, self, dims)
    return fold(kind, self, dim, keepdim, self._dtype, lambda x, d: host(x, axis=d), None, out)


@register("aminmax", "composite")
def aminmax(self: Tensor, *, dim: Any = None, keepdim: bool = False) -> Any:
    """Smallest and greatest element."""
    at = () if dim is None else dim
    return _result("aminmax", ("min", "max"))(
        call("amin", self, at, keepdim), call("amax", self, at, keepdim)
    )


_results: dict[str, Any] = {}


def _result(name: str, fields: tuple[str, ...] = ("values", "indices")) -> Any:
    """Return torch's named tuple for an operation's results."""
    if name not in _results:
        made = namedtuple(name, fields)  # type: ignore[misc]

        def text(self: Any) -> str:
            parts = ",\n".join(f"{field}={getattr(self, field)!r}" for field in fields)
            return f"torch.return_types.{name}(\n{parts})"

        made.__repr__ = text  # type: ignore[method-assign]
        _results[name] = made
    return _results[name]


def _arg(self: Tensor, dim: int | None, keepdim: bool, smallest: bool) -> Tensor:
    """Find the place of the greatest, or smallest, element: the first of equals."""
    name = "argmin" if smallest else "argmax"
    if smallest and self._dtype.name == "bool":
        raise RuntimeError("argmin(): does not support bool input")
    if dim is None:
        if self.numel() == 0:
            raise IndexError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0."
            )
        flat = call("reshape", self, -1)
        found = _arg(flat, 0, False, smallest)
        return call("reshape", found, (1,) * self.ndim) if keepdim else found
    place = wrap_dim(dim, self.ndim)
    if not self._shape:
        return (
            from_host(np.zeros((), np.int64), INT64)
            if not on_machine(self)
            else call("zeros", (), dtype=INT64, device=self.device)
        )
    _check_empty(name, self, (place,))
    shape = _shape_after(self, (place,), keepdim)
    if on_machine(self):
        seen = as_rows(self, (place,))
        made = new_empty(shape, INT64, self.device)
        if seen.rows:
            work = work_dtype(self._dtype).element
            assert work is not None
            low, high = (
                (float("-inf"), float("inf"))
                if work.is_floating()
                else (work.get_int_min_value(), work.get_int_max_value())
            )
            height, width = tile_of(seen.rows, seen.cols, pes_of(self))
            launch(
                kernels.find_rows,
                self,
                -(-seen.rows // height),
                (made, seen.tensor, *seen.arguments),
                SMALLEST=smallest,
                START=high if smallest else low,
                WT=work,
                ROWS=height,
                COLS=width,
            )
        return made
    function = np.argmin if smallest else np.argmax
    return from_host(function(self._values(), axis=place).reshape(shape), INT64)


@register("argmax")
def argmax(self: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Place of the greatest element."""
    return _arg(self, dim, keepdim, False)


@register("argmin")
def argmin(self: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Place of the smallest element."""
    return _arg(self, dim, keepdim, True)


def _extreme_or_pair(name: str, self: Tensor, dim: Any, keepdim: bool, other: Any) -> Any:
    if isinstance(dim, Tensor):
        dim, other = None, dim
    if other is not None:
        return call("maximum" if name == "max" else "minimum", self, other)
    whole = "amax" if name == "max" else "amin"
    if dim is None:
        if keepdim:
            raise TypeError(f"{name}(): keepdim is for a reduction along a dim, and none was given")
        if self.numel() == 0:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify "
                "the reduction dim with the 'dim' argument."
            )
        return call(whole, self)
    place = wrap_dim(dim, self.ndim)
    _check_empty(name, self, (place,))
    indices = call(f"arg{name}", self, dim, keepdim)
    values = call(whole, self, dim, keepdim)
    return _result(name)(values, indices)


@register("max", "composite")
def max_(self: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Greatest element; along a dimension, with its place; or of two tensors."""
    return _extreme_or_pair("max", self, dim, keepdim, other)


@register("min", "composite")
def min_(self: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Smallest element; along a dimension, with its place; or of two tensors."""
    return _extreme_or_pair("min", self, dim, keepdim, other)


@register("var", "composite")
def var(
    self: Tensor,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    """Variance."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    less = correction if correction is not None else (1 if unbiased is None or unbiased else 0)
    if not self._dtype.is_floating_point:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    dims = wrap_dims(dim, self.ndim)
    count = math.prod(self._shape[d] for d in dims) if self._shape else 1
    wide = call("to", self, work_dtype(self._dtype))
    centred = call("sub", wide, call("mean", wide, dims, True))
    total = call("sum", call("square", centred), dims, keepdim)
    divisor = max(count - less, 0)
    found = call("true_div", total, float(divisor))
    return call("to", found, self._dtype)


@register("std", "composite")
def std(
    self: Tensor,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    """Return the standard deviation."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if not self._dtype.is_floating_point:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    wide = call("to", self, work_dtype(self._dtype))
    found = call("var", wide, dim, unbiased, keepdim, correction=correction)
    return call("to", call("sqrt", found), self._dtype)


@register("var_mean", "composite")
def var_mean(
    self: Tensor,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    """Variance and mean."""
    found = call("var", self, dim, unbiased, keepdim, correction=correction)
    return found, call("mean", self, None if isinstance(dim, bool) else dim, keepdim)


@register("std_mean", "composite")
def std_mean(
    self: Tensor,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> Any:
    """Return standard deviation and mean."""
    found = call("std", self, dim, unbiased, keepdim, correction=correction)
    return found, call("mean", self, None if isinstance(dim, bool) else dim, keepdim)


@register("norm", "composite")
def norm(
    self: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Any:
    """Norm of the elements: by default, the square root of the sum of squares."""
    if not self._dtype.is_floating_point and not self._dtype.is_complex:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            f"{self._dtype.label}"
        )
    kind = self._dtype if dtype is None else as_dtype(dtype)
    wide = call("to", self, work_dtype(kind))
    power = 2.0 if p in ("fro", None) else float(p)
    if power == math.inf:
        found = call("amax", call("abs", wide), () if dim is None else dim, keepdim)
    elif power == -math.inf:
        found = call("amin", call("abs", wide), () if dim is None else dim, keepdim)
    elif power == 0:
        found = call("sum", call("to", call("ne", wide, 0), wide._dtype), dim, keepdim)
    elif power == 1:
        found = call("sum", call("abs", wide), dim, keepdim)
    elif power == 2:
        found = call("sqrt", call("sum", call("square", wide), dim, keepdim))
    else:
        total = call("sum", call("pow", call("abs", wide), power), dim, keepdim)
        found = call("pow", total, 1.0 / power)
    return call("to", found, kind)


@register("dist", "composite")
def dist(self: Tensor, other: Tensor, p: float = 2) -> Any:
    """Norm of the difference."""
    return call("norm", call("sub", self, other), p)


@register("logsumexp", "composite")
def logsumexp(self: Tensor, dim: Any, keepdim: bool = False, *, out: Any = None) -> Any:
    """Logarithm of the sum of exponentials."""
    x = self if not self._dtype.is_integral else call("to", self, call("get_default_dtype"))
    kind = x._dtype
    x = call("to", x, work_dtype(kind))
    top = call("amax", x, dim, True)
    safe = call("where", call("isinf", top), 0.0, top)
    total = call("log", call("sum", call("exp", call("sub", x, safe)), dim, keepdim))
    dims = wrap_dims(dim, self.ndim)
    lowered = safe if keepdim else call("reshape", safe, _shape_after(self, dims, False))
    return deliver(call("to", call("add", total, lowered), kind), out)


@register("nansum", "composite")
def nansum(self: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """Sum of elements that are numbers."""
    return call("sum", call("where", call("isnan", self), 0, self), dim, keepdim, dtype=dtype)


@register("nanmean", "composite")
def nanmean(self: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """Mean of elements that are numbers."""
    count = call("sum", call("logical_not", call("isnan", self)), dim, keepdim)
    return call("true_div", call("nansum", self, dim, keepdim), count)


def _scan(name: str, self: Tensor, dim: int, dtype: Any, host: Any) -> Tensor:
    kind = self._dtype if dtype is None else as_dtype(dtype)
    if dtype is None and kind.is_integral:
        kind = INT64
    place = wrap_dim(dim, self.ndim)
    if self._dtype is not kind:
        self = call("to", self, kind)
    if not self._shape:
        return call("clone", self)  # type: ignore[no-any-return]
    if not on_machine(self):
        x = self._values()
        with np.errstate(all="ignore"):
            return from_host(host(x, axis=place, dtype=_wide(x)), kind)
    made = new_empty(self._shape, kind, self.device)
    seen, target = as_rows(self, (place,)), as_rows(made, (place,))
    if seen.sizes != target.sizes:
        self = call("contiguous", self)
        seen = as_rows(self, (place,))
    work = work_dtype(kind).element
    if made.numel():
        height = min(max(1, tile_of(seen.rows, 1, pes_of(self))[0]), 1024)
        launch(
            kernels.scan_rows,
            self,
            -(-seen.rows // height),
            (made, seen.tensor, *seen.arguments, *target.strides, target.step),
            PRODUCT=name == "cumprod",
            WT=work,
            ROWS=height,
        )
    return made


@register("cumsum")
def cumsum(self: Tensor, dim: int, *, dtype: Any = None, out: Any = None) -> Tensor:
    """Return running sums."""
    return deliver(_scan("cumsum", self, dim, dtype, np.cumsum), out)


@register("cumprod")
def cumprod(self: Tensor, dim: int, *, dtype: Any = None, out: Any = None) -> Tensor:
    """Return running products."""
    return deliver(_scan("cumprod", self, dim, dtype, np.cumprod), out)


for _name in ("cumsum", "cumprod"):

    def _inplace(name: str) -> None:
        @register(f"{name}_", "inplace")
        def change(self: Tensor, dim: int, *, dtype: Any = None) -> Any:
            """Put the running results in place of the elements."""
            return call("copy_", self, call(name, self, dim))

    _inplace(_name)


def _running(name: str, self: Tensor, dim: int, better: Any) -> Any:
    if on_machine(self):
        return _result(name)(*staged(lambda x: tuple(_running(name, x, dim, better)), self))
    place = wrap_dim(dim, self.ndim)
    x = np.moveaxis(np.atleast_1d(self._values()), place if self._shape else 0, 0)
    values, places = x.copy(), np.zeros(x.shape, np.int64)
    for i in range(1, len(x)):
        take = better(x[i], values[i - 1]) | np.isnan(x[i].astype(np.float64))
        values[i] = np.where(take, x[i], values[i - 1])
        places[i] = np.where(take, i, places[i - 1])
    back = [np.moveaxis(each, 0, place).reshape(self._shape) for each in (values, places)]
    return _result(name)(from_host(back[0], self._dtype), from_host(back[1], INT64))


@register("cummax")
def cummax(self: Tensor, dim: int) -> Any:
    """Return running maxima and their places."""
    return _running("cummax", self, dim, np.greater_equal)


@register("cummin")
def cummin(self: Tensor, dim: int) -> Any:
    """Return running minima and their places."""
    return _running("cummin", self, dim, np.less_equal)


@register("logcumsumexp", "composite")
def logcumsumexp(self: Tensor, dim: int) -> Any:
    """Logarithms of running sums of exponentials."""
    top = call("amax", self, dim, True)
    shifted = call("exp", call("sub", self, top))
    return call("add", call("log", call("cumsum", shifted, dim)), top)
