"""Views: the same memory under another shape."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from kernbench.ops.support import listed, new_empty
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.dtypes import as_dtype
from kernbench.runtime.geometry import (
    broadcast_shapes,
    resolve_shape,
    span,
    view_strides,
    wrap_dim,
    wrap_dims,
)
from kernbench.runtime.size import Size
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


def _sizes(
    name: str, given: tuple[Any, ...], names: Mapping[str, Any], what: str = "size"
) -> tuple[int, ...]:
    given = listed(name, what, given, names)
    for place, each in enumerate(given):
        if isinstance(each, float) or not hasattr(each, "__index__"):
            raise TypeError(
                f"{name}(): argument 'size' (position 1) must be tuple of ints, but found element "
                f"of type {type(each).__name__} at pos {place}"
            )
    return tuple(each.__index__() for each in given)


@register("view", "view")
def view(self: Tensor, *size: Any, dtype: Any = None, **names: Any) -> Tensor:
    """View the same elements under another shape, or the same bytes in another dtype."""
    if dtype is not None or (
        len(size) == 1
        and not hasattr(size[0], "__index__")
        and not isinstance(size[0], (tuple, list))
    ):
        return _view_dtype(self, as_dtype(dtype if dtype is not None else size[0]))
    wanted = resolve_shape(_sizes("view", size, names), self.numel())
    strides = view_strides(self._shape, self._strides, wanted)
    if strides is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return self._view(wanted, strides, self._offset)


def _view_dtype(self: Tensor, kind: Any) -> Tensor:
    before, after = self._dtype.itemsize, kind.itemsize
    shape, strides = list(self._shape), list(self._strides)
    if before != after:
        if not shape:
            raise RuntimeError(
                f"self.dim() cannot be 0 to view {self._dtype.label} as {kind.label} (different "
                "element sizes)"
            )
        if before > after:
            ratio = before // after
            if strides[-1] != 1 and shape[-1] != 1:
                raise RuntimeError(
                    "self.stride(-1) must be 1 to view "
                    f"{self._dtype.label} as {kind.label} (different element sizes), but got "
                    f"{strides[-1]}"
                )
            shape[-1] *= ratio
            strides = [s * ratio for s in strides[:-1]] + [1]
            offset = self._offset * ratio
        else:
            ratio = after // before
            if shape[-1] % ratio:
                raise RuntimeError(
                    f"self.size(-1) must be divisible by {ratio} to view {self._dtype.label} as "
                    f"{kind.label} (different element sizes), but got {shape[-1]}"
                )
            if self._offset % ratio:
                raise RuntimeError(
                    f"self.storage_offset() must be divisible by {ratio} to view "
                    f"{self._dtype.label} as {kind.label} (different element sizes), but got "
                    f"{self._offset}"
                )
            if strides[-1] != 1 and shape[-1] != 1:
                raise RuntimeError(
                    "self.stride(-1) must be 1 to view "
                    f"{self._dtype.label} as {kind.label} (different element sizes), but got "
                    f"{strides[-1]}"
                )
            for place, stride in enumerate(strides[:-1]):
                if stride % ratio:
                    raise RuntimeError(
                        f"self.stride({place}) must be divisible by {ratio} to view "
                        f"{self._dtype.label} as {kind.label} (different element sizes), but got "
                        f"{stride}"
                    )
            shape[-1] //= ratio
            strides = [s // ratio for s in strides[:-1]] + [1]
            offset = self._offset // ratio
        return Tensor._over(self._storage, kind, shape, strides, offset)
    return Tensor._over(self._storage, kind, shape, strides, self._offset)


@register("reshape", "composite")
def reshape(self: Tensor, *shape: Any, **names: Any) -> Any:
    """View the elements under another shape, or copy them where no view can."""
    wanted = resolve_shape(_sizes("reshape", shape, names, "shape"), self.numel())
    if view_strides(self._shape, self._strides, wanted) is not None:
        return call("view", self, wanted)
    dense = call("clone", self, memory_format="contiguous_format")
    return call("view", dense, wanted)


@register("reshape_as", "composite")
def reshape_as(self: Tensor, other: Tensor) -> Any:
    """Reshape to another tensor's shape."""
    return call("reshape", self, other._shape)


@register("view_as", "composite")
def view_as(self: Tensor, other: Tensor) -> Any:
    """View under another tensor's shape."""
    return call("view", self, other._shape)


@register("ravel", "composite")
def ravel(self: Tensor) -> Any:
    """Return the elements in one dimension."""
    return call("reshape", self, -1)


@register("flatten", "composite")
def flatten(self: Tensor, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Merge neighbouring dimensions."""
    first, last = wrap_dim(start_dim, self.ndim), wrap_dim(end_dim, self.ndim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if not self._shape:
        return call("reshape", self, 1)
    if first == last:
        return self
    merged = math.prod(self._shape[first : last + 1])
    return call("reshape", self, (*self._shape[:first], merged, *self._shape[last + 1 :]))


@register("unflatten", "composite")
def unflatten(self: Tensor, dim: int, sizes: Sequence[int]) -> Any:
    """Split a dimension into several."""
    place = wrap_dim(dim, self.ndim)
    sizes = tuple(sizes)
    known = math.prod(n for n in sizes if n != -1)
    size = self._shape[place]
    if -1 in sizes and known and size % known == 0:
        sizes = tuple(size // known if n == -1 else n for n in sizes)
    if math.prod(sizes) != size:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim "
            f"{place} ({size}) in the input tensor"
        )
    return call("view", self, (*self._shape[:place], *sizes, *self._shape[place + 1 :]))


@register("permute", "view")
def permute(self: Tensor, *dims: Any, **names: Any) -> Tensor:
    """View with the dimensions in another order."""
    places = _sizes("permute", dims, names, "dims")
    if len(places) != self.ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {self.ndim} is not "
            f"equal to len(dims) = {len(places)}"
        )
    wrapped = [wrap_dim(dim, self.ndim) for dim in places]
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return self._view(
        [self._shape[d] for d in wrapped], [self._strides[d] for d in wrapped], self._offset
    )


@register("transpose", "view")
def transpose(self: Tensor, dim0: int, dim1: int) -> Tensor:
    """View with two dimensions exchanged."""
    a, b = wrap_dim(dim0, self.ndim), wrap_dim(dim1, self.ndim)
    shape, strides = list(self._shape), list(self._strides)
    if shape:
        shape[a], shape[b] = shape[b], shape[a]
        strides[a], strides[b] = strides[b], strides[a]
    return self._view(shape, strides, self._offset)


for _name in ("swapaxes", "swapdims"):

    @register(_name, "composite")
    def _swap(self: Tensor, dim0: int, dim1: int) -> Any:
        """View with two dimensions exchanged."""
        return call("transpose", self, dim0, dim1)


@register("movedim", "composite")
def movedim(self: Tensor, source: Any, destination: Any) -> Any:
    """View with dimensions moved to other places."""
    given = [source] if isinstance(source, int) else list(source)
    wanted = [destination] if isinstance(destination, int) else list(destination)
    if len(given) != len(wanted):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source "
            f"({given} dims) should contain the same number of dims as destination ({wanted} dims)"
        )
    origin = [wrap_dim(dim, self.ndim) for dim in given]
    target = [wrap_dim(dim, self.ndim) for dim in wanted]
    rest = [dim for dim in range(self.ndim) if dim not in origin]
    places = dict(zip(target, origin, strict=True))
    waiting = iter(rest)
    return call(
        "permute", self, [places[d] if d in places else next(waiting) for d in range(self.ndim)]
    )


@register("moveaxis", "composite")
def moveaxis(self: Tensor, source: Any, destination: Any) -> Any:
    """View with dimensions moved to other places."""
    return call("movedim", self, source, destination)


@register("t", "composite")
def t(self: Tensor) -> Any:
    """View a matrix transposed."""
    if self.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
    return call("transpose", self, 0, self.ndim - 1) if self.ndim == 2 else call("alias", self)


@register("numpy_T", "composite")
def numpy_t(self: Tensor) -> Any:
    """View with the dimensions reversed."""
    return call("permute", self, tuple(range(self.ndim - 1, -1, -1)))


@register("matrix_T", "composite")
def matrix_t(self: Tensor) -> Any:
    """View with the last two dimensions exchanged."""
    if self.ndim < 2:
        raise RuntimeError(
            "tensor.mT is only supported on matrices or batches of matrices. Got "
            f"{self.ndim}-D tensor."
        )
    return call("transpose", self, -2, -1)


@register("matrix_H", "composite")
def matrix_h(self: Tensor) -> Any:
    """View a matrix transposed, and conjugated if complex."""
    return call("conj", call("transpose", self, -2, -1))


@register("alias", "view")
def alias(self: Tensor) -> Tensor:
    """View the same elements."""
    return self._view(self._shape, self._strides, self._offset)


@register("detach", "view")
def detach(self: Tensor) -> Tensor:
    """View the same elements, apart from any recorded history."""
    return self._view(self._shape, self._strides, self._offset)


@register("as_strided", "view")
def as_strided(
    self: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> Tensor:
    """View the storage with any shape and strides."""
    offset = self._offset if storage_offset is None else storage_offset
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(s < 0 for s in stride):
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: "
            f"{list(stride)}"
        )
    needed = (offset + span(size, stride)) * self._dtype.itemsize if 0 not in size else 0
    if needed > self._storage.nbytes():
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and "
            f"itemsize {self._dtype.itemsize} requiring a storage size of {needed} are out of "
            f"bounds for storage of size {self._storage.nbytes()}"
        )
    return self._view(tuple(size), tuple(stride), offset)


@register("expand", "view")
def expand(self: Tensor, *size: Any, implicit: bool = False, **names: Any) -> Tensor:
    """View with dimensions of size 1 repeated, without a copy."""
    wanted = list(_sizes("expand", size, names))
    lead = len(wanted) - self.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand({call('type', self)}{{{list(self._shape)}}}, size={wanted}): the number of "
            f"sizes provided ({len(wanted)}) must be greater or equal to the number of dimensions "
            f"in the tensor ({self.ndim})"
        )
    strides = [0] * lead
    for place in range(lead, len(wanted)):
        have, stride = self._shape[place - lead], self._strides[place - lead]
        if wanted[place] == -1:
            wanted[place] = have
        if wanted[place] != have:
            if have != 1:
                raise RuntimeError(
                    f"The expanded size of the tensor ({wanted[place]}) must match the existing "
                    f"size ({have}) at non-singleton dimension {place}.  Target sizes: "
                    f"{wanted}.  Tensor sizes: {list(self._shape)}"
                )
            stride = 0
        strides.append(stride)
    for place in range(lead):
        if wanted[place] == -1:
            raise RuntimeError(
                f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing "
                f"dimension {place}"
            )
    return self._view(wanted, strides, self._offset)


@register("expand_as", "composite")
def expand_as(self: Tensor, other: Tensor) -> Any:
    """Expand to another tensor's shape."""
    return call("expand", self, other._shape)


@register("broadcast_to", "composite")
def broadcast_to(self: Tensor, size: Sequence[int]) -> Any:
    """Expand to a shape."""
    return call("expand", self, size)


@register("broadcast_tensors", "composite")
def broadcast_tensors(*tensors: Any) -> list[Any]:
    """Expand all to their common shape."""
    parts = list(tensors[0]) if isinstance(tensors[0], (list, tuple)) else list(tensors)
    shape = broadcast_shapes(*(each._shape for each in parts))
    return [call("expand", each, shape) for each in parts]


@register("squeeze", "view")
def squeeze(self: Tensor, dim: Any = None) -> Tensor:
    """View without dimensions of size 1."""
    dims = wrap_dims(dim, self.ndim) if dim != () else ()
    if not self._shape:
        dims = ()
    keep = [d for d in range(self.ndim) if not (d in dims and self._shape[d] == 1)]
    return self._view(
        [self._shape[d] for d in keep], [self._strides[d] for d in keep], self._offset
    )


@register("unsqueeze", "view")
def unsqueeze(self: Tensor, dim: int) -> Tensor:
    """View with a dimension of size 1 more."""
    place = wrap_dim(dim, self.ndim + 1)
    shape, strides = list(self._shape), list(self._strides)
    step = shape[place] * strides[place] if place < len(shape) else 1
    shape.insert(place, 1)
    strides.insert(place, step)
    return self._view(shape, strides, self._offset)


@register("select", "view")
def select(self: Tensor, dim: int, index: int) -> Tensor:
    """View one place of a dimension."""
    if not self._shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    place, number = wrap_dim(dim, self.ndim), int(index)
    size = self._shape[place]
    if not -size <= number < size:
        raise IndexError(
            f"select(): index {number} out of range for tensor of size {list(self._shape)} at "
            f"dimension {place}"
        )
    number %= size
    shape = [*self._shape[:place], *self._shape[place + 1 :]]
    strides = [*self._strides[:place], *self._strides[place + 1 :]]
    return self._view(shape, strides, self._offset + number * self._strides[place])


@register("slice", "view")
def slice_(
    self: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """View places of a dimension from start to end, by step."""
    place = wrap_dim(dim, self.ndim)
    if step <= 0:
        raise ValueError("step must be greater than zero")
    size = self._shape[place]
    first, last, step = slice(start, end, step).indices(size)
    count = max(0, -(-(last - first) // step))
    shape, strides = list(self._shape), list(self._strides)
    shape[place] = count
    offset = self._offset + first * strides[place]
    strides[place] *= step
    return self._view(shape, strides, offset)


@register("narrow", "composite")
def narrow(self: Tensor, dim: int, start: Any, length: int) -> Any:
    """View `length` places of a dimension from `start` on."""
    if not self._shape:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    place, first = wrap_dim(dim, self.ndim), int(start)
    size = self._shape[place]
    if not -size <= first <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but got {first})"
        )
    first += size if first < 0 else 0
    if first + length > size:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({size}).")
    return call("slice", self, place, first, first + length)


@register("unbind", "composite")
def unbind(self: Tensor, dim: int = 0) -> tuple[Any, ...]:
    """View each place of a dimension."""
    if not self._shape:
        raise RuntimeError("Dimension specified as 0 but tensor has no dimensions")
    place = wrap_dim(dim, self.ndim)
    return tuple(call("select", self, place, i) for i in range(self._shape[place]))


@register("split", "composite")
def split(
    self: Tensor, split_size: Any = None, dim: int = 0, *, split_size_or_sections: Any = None
) -> tuple[Any, ...]:
    """View pieces of a size, or of several sizes."""
    split_size = split_size_or_sections if split_size is None else split_size
    place = wrap_dim(dim, self.ndim)
    if not isinstance(split_size, int):
        return call("split_with_sizes", self, split_size, place)  # type: ignore[no-any-return]
    if not self._shape:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    if split_size < 0:
        raise RuntimeError(
            f"split expects split_size be non-negative, but got split_size={split_size}"
        )
    size = self._shape[place]
    if split_size == 0 and size:
        raise RuntimeError(
            f"split_size can only be 0 if dimension size is 0, but got dimension size of {size}"
        )
    starts = range(0, size, split_size) if size else (0,)
    return tuple(call("slice", self, place, i, i + max(split_size, 0)) for i in starts)


@register("split_with_sizes", "composite")
def split_with_sizes(self: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """View pieces of several sizes."""
    place = wrap_dim(dim, self.ndim)
    size = self._shape[place]
    if any(each < 0 for each in split_sizes):
        raise RuntimeError(
            "split_with_sizes expects split_sizes have only non-negative entries, but got "
            f"split_sizes={list(split_sizes)}"
        )
    if sum(split_sizes) != size:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size "
            f"at dimension {place}), but got split_sizes={list(split_sizes)}"
        )
    pieces, start = [], 0
    for each in split_sizes:
        pieces.append(call("slice", self, place, start, start + each))
        start += each
    return tuple(pieces)


@register("chunk", "composite")
def chunk(self: Tensor, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """View `chunks` pieces, the last one smaller where it must be."""
    if not self._shape:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    place = wrap_dim(dim, self.ndim)
    size = self._shape[place]
    each = -(-size // chunks)
    if each == 0:
        return tuple(call("slice", self, place, 0, 0) for _ in range(chunks))
    return call("split", self, each, place)  # type: ignore[no-any-return]


@register("tensor_split", "composite")
def tensor_split(self: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """View pieces, even ones or cut at places."""
    place = wrap_dim(dim, self.ndim)
    size = self._shape[place]
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise RuntimeError(
                f"number of sections must be larger than 0, got {indices_or_sections}"
            )
        least, more = divmod(size, indices_or_sections)
        counts = [least + (i < more) for i in range(indices_or_sections)]
        return call("split_with_sizes", self, counts, place)  # type: ignore[no-any-return]
    cuts = [None, *indices_or_sections, None]
    return tuple(call("slice", self, place, a, b) for a, b in itertools.pairwise(cuts))


@register("diagonal", "view")
def diagonal(self: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """View a diagonal."""
    a, b = wrap_dim(dim1, self.ndim), wrap_dim(dim2, self.ndim)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    rows, cols = self._shape[a], self._shape[b]
    count = max(0, min(rows, cols - offset) if offset >= 0 else min(rows + offset, cols))
    start = self._offset
    if count:
        start += offset * self._strides[b] if offset >= 0 else -offset * self._strides[a]
    keep = [d for d in range(self.ndim) if d not in (a, b)]
    return self._view(
        [self._shape[d] for d in keep] + [count],
        [self._strides[d] for d in keep] + [self._strides[a] + self._strides[b]],
        start,
    )


@register("unfold", "view")
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """View overlapping pieces of a dimension."""
    place = wrap_dim(dimension, self.ndim)
    if size > self._shape[place]:
        raise RuntimeError(
            f"maximum size for tensor at dimension {place} is {self._shape[place]} but size is "
            f"{size}"
        )
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    shape, strides = list(self._shape), list(self._strides)
    shape[place] = (shape[place] - size) // step + 1
    strides.append(strides[place])
    strides[place] *= step
    return self._view([*shape, size], strides, self._offset)


@register("view_as_real", "view")
def view_as_real(self: Tensor) -> Tensor:
    """View complex numbers as pairs of real ones."""
    if not self._dtype.is_complex:
        raise RuntimeError("view_as_real is only supported for complex tensors")
    strides = [s * 2 for s in self._strides]
    return Tensor._over(
        self._storage, self._dtype.to_real(), (*self._shape, 2), (*strides, 1), self._offset * 2
    )


@register("view_as_complex", "view")
def view_as_complex(self: Tensor) -> Tensor:
    """View pairs of real numbers as complex ones."""
    if self._dtype.name not in ("float32", "float64"):
        raise RuntimeError(
            "view_as_complex is only supported for half, float and double tensors, but got a "
            f"tensor of scalar type: {self._dtype.label}"
        )
    if not self._shape or self._shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    if self._strides[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    strides = [s // 2 for s in self._strides[:-1]]
    kind = self._dtype.to_complex()
    return Tensor._over(self._storage, kind, self._shape[:-1], strides, self._offset // 2)


@register("real", "view")
def real(self: Tensor) -> Any:
    """View the real parts."""
    return call("select", view_as_real(self), -1, 0) if self._dtype.is_complex else self


@register("imag", "view")
def imag(self: Tensor) -> Any:
    """View the imaginary parts."""
    if not self._dtype.is_complex:
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return call("select", view_as_real(self), -1, 1)


def _inplace(name: str) -> None:
    @register(f"{name}_", "inplace")
    def change(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Give the tensor itself the view's shape and strides."""
        seen = call(name, self, *args, **kwargs)
        self._shape, self._strides, self._offset = seen._shape, seen._strides, seen._offset
        return self


for _name in ("t", "transpose", "squeeze", "unsqueeze", "swapaxes", "swapdims", "as_strided"):
    _inplace(_name)


@register("resize_", "inplace")
def resize_(self: Tensor, *size: Any, memory_format: Any = None, **names: Any) -> Tensor:
    """Give the tensor another shape, dense, with new memory where it has too little."""
    wanted = Size(_sizes("resize_", size, names))
    room = self._storage.nbytes() // self._dtype.itemsize - self._offset
    fresh = new_empty(wanted, self._dtype, self.device)
    if wanted.numel() > room:
        kept = fresh._view((self.numel(),), (1,), 0)
        if self.is_contiguous() and self.numel():
            call("copy_", kept, self._view((self.numel(),), (1,), self._offset))
        self._storage, self._offset = fresh._storage, 0
    self._shape, self._strides = wanted, fresh._strides
    return self
