"""Block pointers: a block of a tensor in memory, which ``advance`` moves on (ADR-0041).

A loop carries a block pointer, so it is a pack of registers: base, shape, strides and offsets,
after what is known of it at compile time.  A load or store makes the pointers and the mask of the
block, as one of a tensor descriptor does.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernbench.language.arithmetic import binary
from kernbench.language.builtin import builtin
from kernbench.language.dtypes import int32, int64, pointer_type
from kernbench.language.emitter import Emitter, check_shape
from kernbench.language.ops_descriptor import block_of, listed
from kernbench.language.values import (
    Const,
    Operand,
    Pack,
    PackKind,
    Refusal,
    Value,
    as_python,
    as_shape,
)


@dataclass(frozen=True, slots=True)
class BlockPointerKind(PackKind):
    """What is known of a block pointer at compile time."""

    dtype: pointer_type
    block_shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"block pointer of {self.dtype.element_ty}{list(self.block_shape)}"

    @property
    def type(self) -> pointer_type:
        """The type of a pointer to its elements."""
        return self.dtype


def kind_of(operand: Operand) -> BlockPointerKind | None:
    """Return what is known of a block pointer; None for everything else."""
    kind = operand.kind if isinstance(operand, Pack) else None
    return kind if isinstance(kind, BlockPointerKind) else None


def _parts(pack: Pack, rank: int) -> tuple[Value, list[Value], list[Value], list[Value]]:
    """Return base, shape, strides and offsets."""
    values = [item for item in pack.items[1:] if isinstance(item, Value)]
    return values[0], *(values[1 + part * rank : 1 + (part + 1) * rank] for part in range(3))  # type: ignore[return-value]


@builtin()
def make_block_ptr(
    e: Emitter,
    base: Operand,
    shape: Operand,
    strides: Operand,
    offsets: Operand,
    block_shape: Operand,
    order: Operand,
) -> Pack:
    """Describe the block at `offsets` of a tensor, for ``load``, ``store`` and ``advance``.

    Parameters
    ----------
    base : pointer
        To the first element.
    shape, strides : tuple of int or scalar
        Of the tensor, in elements.
    offsets : tuple of int or scalar
        Of the block's first element, along each dimension.
    block_shape : tuple of int
        Known at compile time.
    order : tuple of int
        Triton's hint about the layout, a permutation of the dimensions; without meaning here.

    Notes
    -----
    ``load(pointer, boundary_check=(0, 1))`` reads 0 where dimensions 0 and 1 lie outside of `shape`
    (NaN with ``padding_option="nan"``), and a store writes nothing there; dimensions that are not
    named are not checked.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.make_block_ptr(x_ptr, (3, 3), (3, 1), (1, 2), (2, 2), (1, 0))
    ...     out = tl.make_block_ptr(out_ptr, (2, 2), (2, 1), (0, 0), (2, 2), (1, 0))
    ...     tl.store(out, tl.load(x, boundary_check=(0, 1)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    ...     out = ctx.tensor([[0.0] * 2] * 2)
    ...     _ = kernel[(1,)](x, out)
    ...     print(out.numpy())
    [[6. 0.]
     [9. 0.]]
    """
    pointer = e.value(base)
    if not isinstance(pointer.type.dtype, pointer_type) or pointer.type.rank:
        raise Refusal(f"expected a pointer to the first element as base, got a {pointer}")
    block = as_shape(block_shape)
    check_shape(block)
    ordered = as_python(order)
    if not isinstance(ordered, tuple) or sorted(ordered) != list(range(len(block))):
        raise Refusal(
            f"expected order to be a permutation of {tuple(range(len(block)))}, got {ordered}"
        )
    parts: list[Operand] = []
    for name, operand, dtype in (
        ("shape", shape, int64),
        ("strides", strides, int64),
        ("offsets", offsets, int32),
    ):
        parts += [e.cast(e.index(item, name), dtype) for item in listed(operand, name, len(block))]
    kind = BlockPointerKind(pointer.type.dtype, block)
    return Pack((Const(kind), pointer, *parts))


@builtin()
def advance(e: Emitter, base: Operand, offsets: Operand) -> Pack:
    """Return the block pointer `base`, moved on by `offsets` elements along each dimension.

    Parameters
    ----------
    base : block pointer
        Of ``make_block_ptr``.
    offsets : tuple of int or scalar
        One for each dimension; negative ones go back.

    Returns
    -------
    block pointer
        Of the same tensor and block shape.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr):
    ...     x = tl.make_block_ptr(x_ptr, (6,), (1,), (0,), (2,), (0,))
    ...     total = tl.zeros((2,), tl.float32)
    ...     for _ in range(3):
    ...         total += tl.load(x)
    ...         x = tl.advance(x, (2,))
    ...     tl.store(out_ptr + tl.arange(0, 2), total)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 2)
    ...     _ = kernel[(1,)](ctx.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), out)
    ...     print(out.numpy())
    [ 9. 12.]
    """
    kind = kind_of(base)
    if kind is None or not isinstance(base, Pack):
        raise Refusal(f"expected a block pointer made by tl.make_block_ptr, got a {base}")
    rank = len(kind.block_shape)
    steps = listed(offsets, "offsets", rank)
    moved = [
        e.cast(e.value(binary(e, "add", old, e.cast(e.index(step, "offsets"), int32))), int32)
        for old, step in zip(base.items[-rank:], steps, strict=True)
    ]
    return Pack((*base.items[:-rank], *moved))


def addresses(
    e: Emitter, pack: Pack, kind: BlockPointerKind, boundary_check: Operand | None
) -> tuple[Operand, Operand]:
    """Return pointers and mask of the block, in whose dimensions `boundary_check` is inside."""
    rank = len(kind.block_shape)
    checked = () if boundary_check is None else as_python(boundary_check) or ()
    axes = checked if isinstance(checked, tuple) else (checked,)
    if not all(isinstance(axis, int) and -rank <= axis < rank for axis in axes):
        raise Refusal(
            f"expected boundary_check to name dimensions from 0 to {rank - 1}, got {checked}"
        )
    base, shape, strides, offsets = _parts(pack, rank)
    bounds = [size if d in {axis % rank for axis in axes} else None for d, size in enumerate(shape)]
    return block_of(e, base, kind.block_shape, strides, offsets, bounds)
