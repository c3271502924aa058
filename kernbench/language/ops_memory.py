"""``tl.load`` and ``tl.store``: one strided DMA, or a gather list, each."""

from __future__ import annotations

import math

from kernbench.language.arithmetic import truth, where
from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import dtype, int1, int64, pointer_type
from kernbench.language.emitter import Emitter, joint_shape
from kernbench.language.ops_block_pointer import addresses, kind_of
from kernbench.language.values import (
    Const,
    Kind,
    Operand,
    Pack,
    Refusal,
    Type,
    Value,
    as_python,
    is_number,
)


@builtin()
def load(
    e: Emitter,
    pointer: Operand,
    mask: Operand | None = None,
    other: Operand | None = None,
    boundary_check: Operand | None = None,
    padding_option: Operand | None = None,
    cache_modifier: Operand | None = None,
    eviction_policy: Operand | None = None,
    volatile: Operand | None = None,
) -> Value:
    """Read what `pointer` points to, where `mask` holds; `other` stands elsewhere.

    The result is a tile of the pointer's element type; the PE goes on while it is fetched.  The
    cache hints mean nothing on this machine.

    Parameters
    ----------
    pointer : pointer or block of pointers
        Where the elements lie; or a block pointer.
    mask : tensor of truth values, optional
        Nothing is read where it does not hold, so the pointers there may lead anywhere.
    other : number or tensor, optional
        What stands there; without it, 0.
    boundary_check, padding_option
        Of block pointers: see ``make_block_ptr``.
    cache_modifier, eviction_policy, volatile
        Triton's hints; without meaning on this machine.

    Returns
    -------
    tensor
        A tile with the shape that `pointer`, `mask` and `other` broadcast to.

    Notes
    -----
    One strided DMA where the addresses are affine, a gather list elsewhere (ADR-0041 D7).  Outside
    of the tensor's memory it is an `OutOfBoundsError` with the kernel's line.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, out_ptr, n):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs, mask=offs < n, other=-1.0)
    ...     tl.store(out_ptr + offs, x)
    >>> with kb.Context("small") as ctx:
    ...     x, out = ctx.tensor([2.0, 1.0, 5.0]), ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](x, out, 3)
    ...     print(out.numpy())
    [ 2.  1.  5. -1.]
    """
    if kind_of(pointer) is not None and not is_none(other):
        raise Refusal("a block pointer takes padding_option, no `other`")
    pointer, mask, padding = _block_pointer(e, pointer, mask, boundary_check, padding_option)
    other = other if padding is None else padding
    target = _pointer(e, pointer)
    if is_none(mask) and not is_none(other):
        raise Refusal("`other` was given without a mask; it stands where the mask does not hold")
    test = None if is_none(mask) else _mask(e, mask)
    shapes = [target.type.shape] + ([test.type.shape] if test is not None else [])
    fill = None if is_none(other) or other is None else e.settle(e.value(other))
    if fill is not None:
        shapes.append(fill.type.shape)
    shape = joint_shape(*shapes)
    target, element = e.broadcast(target, shape), _element(target)
    if test is not None:
        test = e.align(test, len(shape))
    if fill is not None:
        fill = _constant_or_cast(e, other, fill, element)
    scalar_fill = fill if fill is not None and fill.type.kind is Kind.SCALAR else None
    type_ = Type(Kind.TILE, element, shape)
    loaded = e.emit("load", type_, target, test, scalar_fill)
    if fill is None or scalar_fill is not None or test is None:
        return loaded
    return where(e, test, loaded, fill)


@builtin()
def store(
    e: Emitter,
    pointer: Operand,
    value: Operand,
    mask: Operand | None = None,
    boundary_check: Operand | None = None,
    cache_modifier: Operand | None = None,
    eviction_policy: Operand | None = None,
) -> None:
    """Write `value`, converted to the pointer's element type, where `mask` holds.

    Parameters
    ----------
    pointer : pointer or block of pointers
        Where to; or a block pointer.
    value : tensor or number
        Broadcast to the shape of `pointer`; rounded to nearest even where it is narrowed.
    mask : tensor of truth values, optional
        Nothing is written where it does not hold.
    boundary_check
        Of block pointers: see ``make_block_ptr``.
    cache_modifier, eviction_policy
        Triton's hints; without meaning on this machine.

    Notes
    -----
    The program goes on at once; a later load of the same bytes waits for it.  Outside of the
    tensor's memory it is an `OutOfBoundsError` with the kernel's line.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr, n):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, offs * offs, mask=offs < n)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([-1] * 4)
    ...     _ = kernel[(1,)](out, 3)
    ...     print(out.numpy())
    [ 0  1  4 -1]
    """
    pointer, mask, _ = _block_pointer(e, pointer, mask, boundary_check)
    target = _pointer(e, pointer)
    source = e.value(value)
    test = None if is_none(mask) else _mask(e, mask)
    if not target.type.rank and (source.type.rank or (test is not None and test.type.rank)):
        raise Refusal(f"expected a pointer block to store a {source}, got a {target}")
    shapes = [target.type.shape, source.type.shape]
    shape = joint_shape(*shapes, *([test.type.shape] if test is not None else []))
    if shape != target.type.shape:
        raise Refusal(
            f"expected pointers of shape {list(shape)}, as value and mask have together, got a "
            f"{target}: several elements would go to one place"
        )
    source = _constant_or_cast(e, value, source, _element(target))
    source = e.align(source, len(shape))
    if test is not None:
        test = e.align(test, len(shape))
    e.emit_effect("store", target, source, test)


@builtin()
def debug_barrier(e: Emitter) -> None:
    """Wait until all earlier memory operations of the program are complete.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, x + 1)
    ...     tl.debug_barrier()
    ...     tl.store(x_ptr + offs, tl.load(x_ptr + (offs ^ 1)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [3. 2. 5. 4.]
    """
    e.emit_effect("wait_memory")


def _pointer(e: Emitter, pointer: Operand) -> Value:
    value = e.value(pointer)
    if not value.type.is_pointer:
        raise Refusal(f"expected a pointer or a block of pointers, got a {value}")
    return value


def _element(pointer: Value) -> dtype:
    assert isinstance(pointer.type.dtype, pointer_type)
    return pointer.type.dtype.element_ty


def _mask(e: Emitter, mask: Operand | None) -> Value | None:
    assert mask is not None
    if is_number(mask) and as_python(mask):
        return None
    test = e.value(mask)
    if isinstance(mask, Value) and test.type.dtype != int1:
        raise Refusal(f"expected truths (int1) as mask, got a {test}; compare, as in offs < n")
    return e.materialise(truth(e, test))


def _constant_or_cast(e: Emitter, operand: Operand | None, value: Value, element: dtype) -> Value:
    if isinstance(operand, Const) and isinstance(operand.value, (bool, int, float)):
        number = operand.value
        return e.constant(int(number) if element.is_int() else number, element)
    if value.type.is_pointer and not (element.is_int() and element.primitive_bitwidth == 64):
        raise Refusal(f"expected a number for elements of {element}, got a {value}; use tl.load")
    return e.cast(e.cast(value, int64) if value.type.is_pointer else value, element)


def _block_pointer(
    e: Emitter,
    pointer: Operand,
    mask: Operand | None,
    boundary_check: Operand | None,
    padding_option: Operand | None = None,
) -> tuple[Operand, Operand | None, Operand | None]:
    """Return pointers, mask and padding of a block pointer; of others, what was given."""
    kind = kind_of(pointer)
    if kind is None:
        for name, operand in (
            ("boundary_check", boundary_check),
            ("padding_option", padding_option),
        ):
            if not is_none(operand) and operand is not None and as_python(operand) not in ((), ""):
                raise Refusal(
                    f"{name} belongs to block pointers (tl.make_block_ptr), got a {pointer}; "
                    "use a mask"
                )
        return pointer, mask, None
    assert isinstance(pointer, Pack)
    if not is_none(mask):
        raise Refusal("a block pointer takes boundary_check, no mask")
    option = None if padding_option is None else as_python(padding_option)
    if option not in (None, "", "zero", "nan"):
        raise Refusal(f"expected padding_option 'zero' or 'nan', got {option!r}")
    if option == "nan" and not kind.dtype.element_ty.is_floating():
        raise Refusal(f"expected floats for padding_option 'nan', got a {kind}")
    pointers, inside = addresses(e, pointer, kind, boundary_check)
    checked = None if isinstance(inside, Const) else inside
    return pointers, checked, Const(math.nan) if option == "nan" and checked is not None else None
