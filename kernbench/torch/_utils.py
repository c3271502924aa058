"""``torch._utils``: tensors as one line and back, which scripts reduce in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kernbench.runtime.dispatch import call
from kernbench.runtime.placeholder import Placeholder

__all__ = ["_flatten_dense_tensors", "_take_tensors", "_unflatten_dense_tensors"]


def _flatten_dense_tensors(tensors: Sequence[Any]) -> Any:
    """Return the elements of tensors as one line, one tensor after the other.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> xs = [torch.tensor([[1, 2], [3, 4]]), torch.tensor([5])]
    >>> line = _flatten_dense_tensors(xs)
    >>> line
    tensor([1, 2, 3, 4, 5])
    >>> _unflatten_dense_tensors(line, xs)
    (tensor([[1, 2],
            [3, 4]]), tensor([5]))
    """
    return call("cat", [each.reshape(-1) for each in tensors])


def _unflatten_dense_tensors(flat: Any, tensors: Sequence[Any]) -> tuple[Any, ...]:
    """Return the parts of a line, in the shapes of tensors; they are views of it."""
    pieces = flat.split([each.numel() for each in tensors])
    return tuple(piece.view(tuple(each.shape)) for piece, each in zip(pieces, tensors, strict=True))


def _take_tensors(tensors: Sequence[Any], size_limit: int) -> Iterator[list[Any]]:
    """Yield tensors together: those of one dtype, up to so many bytes.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> xs = [torch.zeros(2), torch.zeros(1, dtype=torch.int8), torch.zeros(1), torch.zeros(3)]
    >>> [[x.nbytes for x in some] for some in _take_tensors(xs, 12)]
    [[8, 4], [12], [1]]
    """
    open_: dict[str, list[Any]] = {}
    for each in tensors:
        kind = str(each.dtype)
        some = open_.setdefault(kind, [])
        if some and sum(x.nbytes for x in some) + each.nbytes > size_limit:
            yield some
            open_[kind] = some = []
        some.append(each)
    yield from (some for some in open_.values() if some)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch._utils' has no attribute {name!r}")
    return Placeholder(f"torch._utils.{name}")
