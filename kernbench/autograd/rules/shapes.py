"""Derivatives of views, copies and indexing: the gradient goes back to where elements came from."""

from __future__ import annotations

from typing import Any

from kernbench.autograd.recording import rule
from kernbench.autograd.rules.pointwise import same
from kernbench.autograd.views import strided_gradient
from kernbench.runtime.dispatch import call
from kernbench.runtime.geometry import wrap_dim

__all__: list[str] = []


def _zeros(shape: Any, like: Any) -> Any:
    return call("zeros", shape, dtype=like.dtype, device=like.device)


@rule("view")
def view(save: Any, result: Any, self: Any, *size: Any, **names: Any) -> Any:
    shape = self.shape
    if result.dtype is not self.dtype:
        return None  # the bytes as another dtype: not differentiable
    return (lambda g: call("reshape", g, shape),)


@rule("expand")
def expand(save: Any, result: Any, self: Any, *size: Any, **names: Any) -> Any:
    return (same,)  # the engine adds up over what was repeated


@rule("alias", "clone", "contiguous", "to")
def copy(save: Any, result: Any, self: Any, *more: Any, **names: Any) -> Any:
    return (same,)


@rule("copy_")
def copy_(save: Any, result: Any, self: Any, source: Any, *more: Any) -> Any:
    return lambda g: call("zeros_like", g), same


@rule("permute")
def permute(save: Any, result: Any, self: Any, *dims: Any, **names: Any) -> Any:
    order = dims or (names["dims"],)
    if len(order) == 1 and isinstance(order[0], (tuple, list)):
        order = tuple(order[0])
    back = [0] * len(order)
    for place, dim in enumerate(order):
        back[wrap_dim(dim, self.ndim)] = place
    return (lambda g: call("permute", g, back),)


@rule("transpose")
def transpose(save: Any, result: Any, self: Any, dim0: int, dim1: int) -> Any:
    return (lambda g: call("transpose", g, dim0, dim1),)


@rule("squeeze", "unsqueeze")
def squeeze(save: Any, result: Any, self: Any, *dims: Any, **names: Any) -> Any:
    shape = self.shape
    return (lambda g: call("reshape", g, shape),)


@rule("select")
def select(save: Any, result: Any, self: Any, dim: int, index: int) -> Any:
    shape = self.shape

    def gradient(g: Any) -> Any:
        whole = _zeros(shape, g)
        call("select", whole, dim, index).copy_(g)
        return whole

    return (gradient,)


@rule("slice", "diagonal", "unfold", "as_strided")
def part(save: Any, result: Any, self: Any, *place: Any, **names: Any) -> Any:
    return (strided_gradient(self, result),)


@rule("cat")
def cat(save: Any, result: Any, tensors: Any, dim: int = 0, **names: Any) -> Any:
    sizes = [each.shape for each in tensors]

    def gradient(g: Any) -> Any:
        at, found = 0, []
        for shape in sizes:
            if len(shape) != g.ndim:
                found.append(_zeros(shape, g))  # an empty tensor, which any shape may join
                continue
            size = shape[dim]
            found.append(call("narrow", g, dim, at, size))
            at += size
        return found

    return (gradient,)


@rule("repeat")
def repeat(save: Any, result: Any, self: Any, *times: Any, **names: Any) -> Any:
    counts = times or (names["repeats"],)
    if len(counts) == 1 and isinstance(counts[0], (tuple, list)):
        counts = tuple(counts[0])
    shape = (1,) * (len(counts) - self.ndim) + tuple(self.shape)
    blocks = [size for pair in zip(counts, shape, strict=True) for size in pair]
    own = self.shape

    def gradient(g: Any) -> Any:
        summed = call("sum", call("reshape", g, blocks), list(range(0, len(blocks), 2)))
        return call("reshape", summed, own)

    return (gradient,)


@rule("flip")
def flip(save: Any, result: Any, self: Any, *dims: Any, **names: Any) -> Any:
    return (lambda g: call("flip", g, *dims, **names),)


def _triangle(name: str) -> None:
    def one(save: Any, result: Any, self: Any, diagonal: int = 0, **names: Any) -> Any:
        return (lambda g: call(name, g, diagonal),)

    rule(name)(one)


_triangle("tril")
_triangle("triu")


@rule("index_select")
def index_select(save: Any, result: Any, self: Any, dim: int, index: Any, **names: Any) -> Any:
    places, shape = save(index), self.shape
    return (lambda g: call("index_add_", _zeros(shape, g), dim, places(), g),)


@rule("gather")
def gather(save: Any, result: Any, self: Any, dim: int, index: Any, **names: Any) -> Any:
    places, shape = save(index), self.shape
    return (lambda g: call("scatter_add_", _zeros(shape, g), dim, places(), g),)


@rule("scatter_add")
def scatter_add(save: Any, result: Any, self: Any, dim: int, index: Any, src: Any) -> Any:
    places = save(index)
    return same, None, None, lambda g: call("gather", g, dim, places())


@rule("scatter")
def scatter(save: Any, result: Any, self: Any, dim: int, index: Any, src: Any, **names: Any) -> Any:
    places = save(index)
    return (
        lambda g: call("scatter", g, dim, places(), 0.0),
        None,
        None,
        lambda g: call("gather", g, dim, places()),
    )


@rule("index_add")
def index_add(
    save: Any, result: Any, self: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1
) -> Any:
    places = save(index)
    return same, None, None, lambda g: call("index_select", g, dim, places()) * alpha


@rule("index")
def index(save: Any, result: Any, self: Any, places: Any) -> Any:
    shape = self.shape

    def gradient(g: Any) -> Any:
        return call("index_put_", _zeros(shape, g), places, g, True)

    return (gradient,)


@rule("setitem")
def setitem(save: Any, result: Any, self: Any, places: Any, value: Any) -> Any:
    shape: Any = getattr(value, "shape", None)

    def cleared(g: Any) -> Any:
        held = g.clone()
        held[places] = 0.0
        return held

    def of_value(g: Any) -> Any:
        found = g[places]
        return found.reshape(shape) if found.ndim < len(shape) else found

    return cleared, None, of_value


@rule("index_put")
def index_put(
    save: Any, result: Any, self: Any, places: Any, values: Any, accumulate: bool = False
) -> Any:
    def cleared(g: Any) -> Any:
        zero = call("zeros", (), dtype=g.dtype, device=g.device)
        return call("index_put_", g.clone(), places, zero)

    return same if accumulate else cleared, None, lambda g: call("index", g, places)


@rule("index_copy")
def index_copy(save: Any, result: Any, self: Any, dim: int, index: Any, source: Any) -> Any:
    places = save(index)
    return (
        lambda g: call("index_fill_", g.clone(), dim, places(), 0.0),
        None,
        None,
        lambda g: call("index_select", g, dim, places()),
    )


@rule("index_fill")
def index_fill(save: Any, result: Any, self: Any, dim: int, index: Any, value: Any) -> Any:
    places = save(index)
    return (
        lambda g: call("index_fill_", g.clone(), dim, places(), 0.0),
        None,
        None,
        lambda g: call("sum", call("index_select", g, dim, places())),
    )


@rule("masked_select")
def masked_select(save: Any, result: Any, self: Any, mask: Any) -> Any:
    m, shape = save(mask), self.shape
    return (lambda g: call("masked_scatter", _zeros(shape, g), m(), g),)


@rule("fill_", "zero_", "uniform_", "normal_", "bernoulli_", "exponential_", "random_")
def overwritten(save: Any, result: Any, self: Any, *more: Any, **names: Any) -> Any:
    return (lambda g: call("zeros_like", g),)
