"""Derivatives of reductions and scans."""

from __future__ import annotations

import math
from typing import Any

from kernbench.autograd.recording import rule
from kernbench.runtime.dispatch import call
from kernbench.runtime.geometry import wrap_dim
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


def dims_of(dim: Any, ndim: int) -> list[int]:
    """Return the dimensions that a reduction goes over: all of them for None and ()."""
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return list(range(ndim))
    given = dim if isinstance(dim, (tuple, list)) else [dim]
    return [wrap_dim(each, ndim) for each in given] if ndim else []


def widen(grad: Any, dims: list[int], keepdim: bool) -> Any:
    """Put dimensions of size 1 where a reduction left none."""
    if not keepdim:
        for dim in sorted(dims):
            grad = call("unsqueeze", grad, dim)
    return grad


@rule("sum")
def sum_(
    save: Any, result: Any, self: Any, dim: Any = None, keepdim: bool = False, **names: Any
) -> Any:
    shape, dims = self.shape, dims_of(dim, self.ndim)
    return (lambda g: call("expand", widen(g, dims, keepdim), shape),)


@rule("mean")
def mean(
    save: Any, result: Any, self: Any, dim: Any = None, keepdim: bool = False, **names: Any
) -> Any:
    shape, dims = self.shape, dims_of(dim, self.ndim)
    count = math.prod(shape[d] for d in dims)
    return (lambda g: call("expand", widen(g / count, dims, keepdim), shape),)


@rule("prod")
def prod(
    save: Any, result: Any, self: Any, dim: Any = None, keepdim: bool = False, **names: Any
) -> Any:
    x, shape = save(self), self.shape
    dims = dims_of(dim, self.ndim)

    def gradient(g: Any) -> Any:
        # The product of the others, without a division that a zero would spoil.
        held = x()
        along = held.reshape(-1) if dim is None else held
        axis = 0 if dim is None else dims[0]
        ones = call("ones_like", call("narrow", along, axis, 0, 1)) if along.numel() else along
        size = along.shape[axis] if along.ndim else 1
        if size == 0:
            return call("zeros_like", held)
        before = call("cumprod", _shift(along, ones, axis, size), axis)
        turned = call("flip", along, [axis])
        after = call("flip", call("cumprod", _shift(turned, ones, axis, size), axis), [axis])
        others = (before * after).reshape(shape)
        return others * call("expand", widen(g, dims, keepdim), shape)

    return (gradient,)


def _shift(x: Any, ones: Any, axis: int, size: int) -> Any:
    return call("cat", [ones, call("narrow", x, axis, 0, size - 1)], axis)


@rule("amax", "amin")
def extreme(
    save: Any, result: Any, self: Any, dim: Any = None, keepdim: bool = False, **names: Any
) -> Any:
    x, r, dims = save(self), save(result), dims_of(dim, self.ndim)

    def gradient(g: Any) -> Any:
        equal = x() == widen(r(), dims, keepdim)
        share = widen(g, dims, keepdim) / call("sum", equal, dims, True)
        return call("where", equal, share, 0.0)

    return (gradient,)


@rule("max", "min", "median", "mode", "cummax", "cummin", "sort")
def chosen(
    save: Any, result: Any, self: Any, dim: Any = None, keepdim: Any = False, **names: Any
) -> Any:
    if isinstance(result, Tensor):
        other = dim if isinstance(dim, Tensor) else names.get("other")
        return extreme(save, result, self) if other is None else _pair(save, result, self, other)
    return _chosen(save, result, self, -1 if dim is None else dim)


@rule("topk", "kthvalue")
def ranked(save: Any, result: Any, self: Any, k: int, dim: int = -1, *more: Any, **n: Any) -> Any:
    return _chosen(save, result, self, dim)


def _chosen(save: Any, result: Any, self: Any, dim: int) -> Any:
    """Send the gradient to the places that the operation told."""
    places, shape = save(result[1]), self.shape
    gone = result[0].ndim < self.ndim

    def gradient(grads: Any) -> Any:
        g, at = grads[0], places()
        if g is None:
            return None
        if gone:
            g, at = call("unsqueeze", g, dim), call("unsqueeze", at, dim)
        whole = call("zeros", shape, dtype=g.dtype, device=g.device)
        return call("scatter_add_", whole, dim, at, g)

    return (gradient,)


def _pair(save: Any, result: Any, self: Any, other: Any) -> Any:
    x, y, r = save(self), save(other), save(result)

    def share(a: Any, b: Any, g: Any) -> Any:
        half = call("where", a == b, g * 0.5, 0.0)
        return call("where", (a == r()) & (a != b), g, half)

    return lambda g: share(x(), y(), g), lambda g: share(y(), x(), g)


@rule("cumsum")
def cumsum(save: Any, result: Any, self: Any, dim: int, **names: Any) -> Any:
    def gradient(g: Any) -> Any:
        return call("flip", call("cumsum", call("flip", g, [dim]), dim), [dim])

    return (gradient,)


@rule("cumprod")
def cumprod(save: Any, result: Any, self: Any, dim: int, **names: Any) -> Any:
    x, r = save(self), save(result)

    def gradient(g: Any) -> Any:
        held = x()
        if bool(call("any", held == 0)):
            raise NotImplementedError(
                "kernbench: the derivative of torch.cumprod is not implemented where a factor is 0"
            )
        back = call("flip", call("cumsum", call("flip", g * r(), [dim]), dim), [dim])
        return back / held

    return (gradient,)


@rule("_softmax")
def softmax(save: Any, result: Any, self: Any, dim: int) -> Any:
    r = save(result)

    def gradient(g: Any) -> Any:
        p = r()
        return (g - call("sum", g * p, [dim], True)) * p

    return (gradient,)


@rule("_log_softmax")
def log_softmax(save: Any, result: Any, self: Any, dim: int) -> Any:
    r = save(result)
    return (lambda g: g - call("exp", r()) * call("sum", g, [dim], True),)
