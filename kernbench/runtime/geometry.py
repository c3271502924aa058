"""Shapes and strides: what views are, and how results are laid out, as torch has it.

Strides count elements.  Nothing here knows of tensors or memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = [
    "broadcast_shapes",
    "contiguous",
    "dense_strides",
    "is_contiguous",
    "like_strides",
    "permuted_strides",
    "result_strides",
    "span",
    "view_strides",
    "wrap_dim",
    "wrap_dims",
]

Shape = Sequence[int]


def dense_strides(shape: Shape) -> tuple[int, ...]:
    """Row-major strides in elements."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def is_contiguous(shape: Shape, strides: Shape) -> bool:
    """Whether the elements lie row-major without gaps."""
    step = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size == 1:
            continue
        if size == 0:
            return True
        if stride != step:
            return 0 in shape
        step *= size
    return True


contiguous = is_contiguous


def span(shape: Shape, strides: Shape) -> int:
    """Elements from the first to one past the last."""
    if 0 in shape:
        return 0
    return 1 + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))


def wrap_dim(dim: int, ndim: int) -> int:
    """Return a dimension counted from the front.

    Raises
    ------
    IndexError
        When there is none such.
    """
    around = max(ndim, 1)
    if not -around <= dim < around:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-around}, {around - 1}], "
            f"but got {dim})"
        )
    return dim % around


def wrap_dims(dims: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Return dimensions counted from the front; None, and none at all, means every one."""
    if dims is None:
        return tuple(range(ndim))
    if isinstance(dims, int):
        return (wrap_dim(dims, ndim),)
    wrapped = tuple(wrap_dim(dim, ndim) for dim in dims)
    for dim in wrapped:
        if wrapped.count(dim) > 1:
            raise RuntimeError(f"dim {dim} appears multiple times in the list of dims")
    return wrapped or tuple(range(ndim))


def broadcast_shapes(*shapes: Shape) -> tuple[int, ...]:
    """Return the shape that all broadcast to.

    Raises
    ------
    RuntimeError
        When they do not.
    """
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return tuple(first)
    result = list(first)
    for shape in shapes[1:]:
        longest = max(len(result), len(shape))
        left = [1] * (longest - len(result)) + result
        right = [1] * (longest - len(shape)) + list(shape)
        for dim in range(longest - 1, -1, -1):
            if left[dim] == right[dim] or right[dim] == 1:
                continue
            if left[dim] != 1:
                raise RuntimeError(
                    f"The size of tensor a ({left[dim]}) must match the size of tensor b "
                    f"({right[dim]}) at non-singleton dimension {dim}"
                )
            left[dim] = right[dim]
        result = left
    return tuple(result)


def broadcast_strides(shape: Shape, own: Shape, strides: Shape) -> tuple[int, ...]:
    """Return the strides with which a tensor of shape `own` covers `shape`."""
    lead = len(shape) - len(own)
    fitted = [
        0 if n == 1 and want != 1 else s
        for n, s, want in zip(own, strides, shape[lead:], strict=True)
    ]
    return (0,) * lead + tuple(fitted)


def _dense(shape: Shape, strides: Shape) -> bool:
    """Whether the elements fill their span, each once."""
    order = sorted((s, n) for n, s in zip(shape, strides, strict=True) if n != 1)
    step = 1
    for stride, size in order:
        if stride != step:
            return False
        step *= size
    return True


def permuted_strides(shape: Shape, operands: Sequence[Shape]) -> tuple[int, ...]:
    """Dense strides in the order of dimensions that the operands' strides suggest."""
    order = list(range(len(shape) - 1, -1, -1))  # innermost first

    def before(inner: int, outer: int) -> int:
        for strides in operands:
            a, b = strides[inner], strides[outer]
            if a == 0 or b == 0:
                continue
            if a != b:
                return -1 if a < b else 1
            if shape[inner] > shape[outer]:
                return 1
        return 0

    for start in range(1, len(order)):
        moving = start
        for place in range(start - 1, -1, -1):
            found = before(order[place], order[moving])
            if found > 0:
                order[place], order[moving] = order[moving], order[place]
                moving = place
            elif found < 0:
                break
    strides, step = [0] * len(shape), 1
    for dim in order:
        strides[dim] = step
        step *= max(shape[dim], 1)
    return tuple(strides)


def result_strides(
    shape: Shape, operands: Sequence[tuple[Shape, Shape]], numbers: bool = False
) -> tuple[int, ...]:
    """Strides of what an element-wise operation makes from operands of (shape, strides).

    `numbers` says that there are Python numbers among them.
    """
    if len(shape) < 2:
        return dense_strides(shape)
    same = not numbers and all(tuple(own) == tuple(shape) for own, _ in operands)
    if same:
        if all(is_contiguous(*operand) for operand in operands):
            return dense_strides(shape)
        first = tuple(operands[0][1])
        if all(tuple(strides) == first for _, strides in operands) and _dense(shape, first):
            return first
    covering = [broadcast_strides(shape, own, strides) for own, strides in operands]
    return permuted_strides(shape, covering)


def like_strides(shape: Shape, strides: Shape) -> tuple[int, ...]:
    """Strides of ``empty_like``, ``clone``: the same if dense, else in the same order."""
    if _dense(shape, strides):
        return tuple(strides)
    if is_contiguous(shape, strides):
        return dense_strides(shape)
    return permuted_strides(shape, [strides])


def view_strides(shape: Shape, strides: Shape, wanted: Shape) -> tuple[int, ...] | None:
    """Return the strides that show the same elements under another shape; None if none do."""
    if 0 in shape:
        return tuple(strides) if tuple(shape) == tuple(wanted) else dense_strides(wanted)
    if not shape:
        return (1,) * len(wanted)
    result = [0] * len(wanted)
    place = len(wanted) - 1
    base, elements, covered = strides[-1], 1, 1
    for dim in range(len(shape) - 1, -1, -1):
        elements *= shape[dim]
        if dim == 0 or (shape[dim - 1] != 1 and strides[dim - 1] != elements * base):
            while place >= 0 and (covered < elements or wanted[place] == 1):
                result[place] = covered * base
                covered *= wanted[place]
                place -= 1
            if covered != elements:
                return None
            if dim > 0:
                base, elements, covered = strides[dim - 1], 1, 1
    return tuple(result) if place == -1 else None


def resolve_shape(wanted: Shape, count: int) -> tuple[int, ...]:
    """Fill in the one size that is -1.

    Raises
    ------
    RuntimeError
        When the shape does not hold `count` elements.
    """
    if list(wanted).count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    for size in wanted:
        if size < -1:
            place = list(wanted).index(size)
            raise RuntimeError(
                f"invalid shape dimension {size} at index {place} of shape {list(wanted)}"
            )
    known = math.prod(size for size in wanted if size != -1)
    if -1 in wanted:
        if known == 0 and count == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(wanted)} because the "
                "unspecified dimension size -1 can be any value and is ambiguous"
            )
        if known and count % known == 0:
            return tuple(count // known if size == -1 else size for size in wanted)
    elif known == count:
        return tuple(wanted)
    raise RuntimeError(f"shape '{list(wanted)}' is invalid for input of size {count}")
