"""``tl.cast``: values in another type."""

from __future__ import annotations

from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import dtype, pointer_type
from kernbench.language.emitter import Emitter
from kernbench.language.values import (
    Const,
    Kind,
    Operand,
    Refusal,
    Type,
    Value,
    as_bool,
    as_python,
    is_number,
    no_dtype,
)


def _cast(
    e: Emitter,
    input: Operand,
    dtype: Operand,
    fp_downcast_rounding: Operand | None = None,
    bitcast: Operand | None = None,
) -> Value:
    """`input` converted to `dtype`, rounded to nearest even; with `bitcast`, its bits reread.

    Parameters
    ----------
    input : tensor or number
        Also as a method: ``x.to(dtype)``.
    dtype : dtype
        Of the result.
    fp_downcast_rounding : {"rtne"}, optional
        To nearest even, the only one supported.
    bitcast : bool
        Whether to reread the bits; the sizes are equal then.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.cast(x, tl.int32))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.5, -1.5, 2.0, 1e3])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [   1.   -1.    2. 1000.]
    """
    target = _type(dtype)
    if not is_none(fp_downcast_rounding) and fp_downcast_rounding is not None:
        rounding = as_python(fp_downcast_rounding)
        if rounding != "rtne":
            raise Refusal(f"expected fp_downcast_rounding 'rtne', got {rounding!r}")
    value = e.value(input)
    if bitcast is None or not as_bool(bitcast, "bitcast"):
        if isinstance(input, Const) and is_number(input) and not isinstance(target, pointer_type):
            number = input.value
            assert isinstance(number, (bool, int, float))
            if not (isinstance(number, float) and target.is_int()):
                return e.constant(number, target)
        return e.cast(value, target)
    return _bitcast(e, value, target)


def _type(operand: Operand) -> dtype | pointer_type:
    target = as_python(operand)
    if not isinstance(target, (dtype, pointer_type)):
        raise no_dtype(target)
    return target


def _bitcast(e: Emitter, value: Value, target: dtype | pointer_type) -> Value:
    source = value.type.dtype
    if source == target:
        return value
    if isinstance(source, pointer_type) or isinstance(target, pointer_type):
        return e.cast(value, target)
    if source.primitive_bitwidth != target.primitive_bitwidth:
        raise Refusal(
            f"cannot reread the bits of {source} as {target}: their sizes differ; take a type of "
            f"{source.primitive_bitwidth} bits"
        )
    type_ = Type(value.type.kind, target, value.type.shape)
    if value.type.kind is Kind.SCALAR:
        return e.emit("scalar", type_, value, sub="bitcast")
    if value.type.kind is Kind.BLOCK and not target.is_floating():
        return e.emit("block", type_, value, sub="bitcast")
    type_ = Type(Kind.TILE, target, value.type.shape)
    return e.emit("math", type_, value, sub="bitcast")


cast = builtin("cast", method=True)(_cast)
builtin("to", method=True)(_cast)
