"""Tensor descriptors: a matrix or vector in memory, and the blocks in which it is moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kernbench.language.arithmetic import binary
from kernbench.language.builtin import BUILTINS, BoundMethod, Builtin, builtin
from kernbench.language.dtypes import dtype, int64, pointer_type
from kernbench.language.emitter import Emitter, check_shape
from kernbench.language.values import (
    Const,
    Operand,
    Pack,
    Refusal,
    Value,
    as_python,
    as_shape,
)


@dataclass(frozen=True, slots=True, eq=False)
class Descriptor:
    """What ``tl.make_tensor_descriptor`` made: registers, and a shape known at compile time.

    Attributes
    ----------
    base : Value
        Pointer to the first element.
    shape, strides : tuple of Value
        Extents and strides, in elements: int64 scalars.
    block_shape : tuple of int
        Of a tile.
    """

    base: Value
    shape: tuple[Value, ...]
    strides: tuple[Value, ...]
    block_shape: tuple[int, ...]
    load: BoundMethod = field(init=False)
    store: BoundMethod = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "load", BoundMethod(_LOAD, Const(self)))
        object.__setattr__(self, "store", BoundMethod(_STORE, Const(self)))

    @property
    def element(self) -> dtype:
        """The dtype of an element."""
        assert isinstance(self.base.type.dtype, pointer_type)
        return self.base.type.dtype.element_ty

    @property
    def dtype(self) -> dtype:
        """The dtype of an element, as kernels name it."""
        return self.element

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.block_shape)

    def __repr__(self) -> str:
        return f"tensor descriptor of {self.element}{list(self.block_shape)}"


@builtin()
def make_tensor_descriptor(
    e: Emitter,
    base: Operand,
    shape: Operand,
    strides: Operand,
    block_shape: Operand,
    padding_option: Operand | None = None,
) -> Const:
    """Describe a tensor of `shape` elements from `base` on, to be moved in blocks.

    `shape` and `strides` (in elements) may be known when the kernel runs only; `block_shape` is
    known at compile time.  A descriptor has ``load(offsets)`` and ``store(offsets, value)``: what
    lies outside of `shape` is read as 0, and not written.  ``tl.composite`` takes descriptors.

    Differs from Triton: no stride has to be 1, and `padding_option` is zero.

    Parameters
    ----------
    base : pointer
        To the first element.
    shape, strides : tuple of int or scalar
        In elements; a scalar's value may be known when the kernel runs only.
    block_shape : tuple of int
        Of a tile; known at compile time.
    padding_option : {"zero"}, optional
        What is read outside; the only one supported.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.make_tensor_descriptor(x_ptr, (3, 3), (3, 1), (2, 2))
    ...     out = tl.make_tensor_descriptor(out_ptr, (2, 2), (2, 1), (2, 2))
    ...     out.store((0, 0), x.load((1, 2)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    ...     out = ctx.tensor([[0.0] * 2] * 2)
    ...     _ = kernel[(1,)](x, out)
    ...     print(out.numpy())
    [[6. 0.]
     [9. 0.]]
    """
    pointer = e.value(base)
    if not pointer.type.is_pointer or pointer.type.rank:
        raise Refusal(f"expected a pointer to the first element as base, got a {pointer}")
    padding = "zero" if padding_option is None else as_python(padding_option)
    if padding not in (None, "", "zero"):
        raise Refusal(f"expected padding_option 'zero', the only one supported, got {padding!r}")
    block = as_shape(block_shape)
    check_shape(block)
    parts = []
    for name, operand in (("shape", shape), ("strides", strides)):
        items = operand.listed if isinstance(operand, Pack) else (operand,)
        if len(items) != len(block):
            raise Refusal(
                f"expected {name} and block_shape of equal lengths, got {len(items)} and "
                f"{len(block)}"
            )
        parts.append(tuple(e.cast(e.index(item, name), int64) for item in items))
    return Const(Descriptor(pointer, parts[0], parts[1], block))


def as_descriptor(operand: Operand, what: str) -> Descriptor:
    """Return the descriptor that an operand is."""
    if isinstance(operand, Const) and isinstance(operand.value, Descriptor):
        return operand.value
    raise Refusal(f"expected {what} made by tl.make_tensor_descriptor, got {operand}")


def listed(operand: Operand, name: str, rank: int) -> tuple[Operand, ...]:
    """Return the items of a tuple with one for each dimension."""
    items = operand.listed if isinstance(operand, Pack) else (operand,)
    if len(items) != rank:
        raise Refusal(f"expected {rank} {name}, got {len(items)}: one for each of the dimensions")
    return items


def block_of(
    e: Emitter,
    base: Value,
    block_shape: Sequence[int],
    strides: Sequence[Value],
    offsets: Sequence[Operand],
    bounds: Sequence[Value | None],
) -> tuple[Operand, Operand]:
    """Return the pointers of a block, and the mask of what lies inside where there are bounds."""
    pointers: Operand = base
    mask: Operand = Const(True)
    for d, (offset, size, bound) in enumerate(zip(offsets, block_shape, bounds, strict=True)):
        start = e.cast(e.index(offset, "an offset"), int64)
        lanes = BUILTINS["arange"].compile(e, [Const(0), Const(size)], {})
        index = binary(e, "add", e.cast(e.value(lanes), int64), start)
        shape = tuple(size if axis == d else 1 for axis in range(len(block_shape)))
        index = e.reshape(e.value(index), shape)
        pointers = binary(e, "add", pointers, binary(e, "mul", index, strides[d]))
        if bound is not None:
            below = binary(e, "lt", index, bound)
            inside = binary(e, "and", binary(e, "ge", index, Const(0)), below)
            mask = inside if isinstance(mask, Const) else binary(e, "and", mask, inside)
    return pointers, mask


def _block(e: Emitter, descriptor: Descriptor, offsets: Operand) -> tuple[Operand, Operand]:
    starts = listed(offsets, "offsets", descriptor.rank)
    return block_of(
        e, descriptor.base, descriptor.block_shape, descriptor.strides, starts, descriptor.shape
    )


def _load(e: Emitter, descriptor: Operand, offsets: Operand) -> Operand:
    source = as_descriptor(descriptor, "a descriptor")
    pointers, mask = _block(e, source, offsets)
    return BUILTINS["load"].compile(e, [pointers, mask, Const(0)], {})


def _store(e: Emitter, descriptor: Operand, offsets: Operand, value: Operand) -> None:
    target = as_descriptor(descriptor, "a descriptor")
    pointers, mask = _block(e, target, offsets)
    BUILTINS["store"].compile(e, [pointers, value, mask], {})


_LOAD = Builtin("<descriptor>.load", _load)
_STORE = Builtin("<descriptor>.store", _store)


@builtin()
def load_tensor_descriptor(e: Emitter, desc: Operand, offsets: Operand) -> Operand:
    """Return the block of a descriptor at `offsets`: ``desc.load(offsets)``.

    Parameters
    ----------
    desc : tensor descriptor
        Of ``make_tensor_descriptor``, or the host's.
    offsets : tuple of int or scalar
        Of the block's first element.

    Returns
    -------
    tensor
        Of the block's shape; 0 where it lies outside.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.make_tensor_descriptor(x_ptr, (6,), (1,), (4,))
    ...     tl.store(out_ptr + tl.arange(0, 4), tl.load_tensor_descriptor(x, (3,)))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([-1.0] * 4)
    ...     _ = kernel[(1,)](ctx.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), out)
    ...     print(out.numpy())
    [4. 5. 6. 0.]
    """
    return _load(e, desc, offsets)


@builtin()
def store_tensor_descriptor(e: Emitter, desc: Operand, offsets: Operand, value: Operand) -> None:
    """Write the block of a descriptor at `offsets`: ``desc.store(offsets, value)``.

    Parameters
    ----------
    desc : tensor descriptor
        Of ``make_tensor_descriptor``, or the host's.
    offsets : tuple of int or scalar
        Of the block's first element.
    value : tensor
        Of the block's shape; what lies outside is not written.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     out = tl.make_tensor_descriptor(out_ptr, (6,), (1,), (4,))
    ...     tl.store_tensor_descriptor(out, (3,), tl.arange(0, 4) + 1.0)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 6)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [0. 0. 0. 1. 2. 3.]
    """
    _store(e, desc, offsets, value)
