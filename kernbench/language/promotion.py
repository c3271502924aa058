"""Which type arithmetic happens in: Triton's rules, in Triton's order.

A Python number in an expression (`weak` below) does not take part in promotion when its family is
not above the other operand's: ``x_fp16 * 2.0`` stays fp16, ``i_int8 + 1`` stays int8, and
``i_int32 * 0.5`` is fp32.  Everything else counts with its own type, float arguments too.
"""

from __future__ import annotations

from kernbench.language.dtypes import (
    bfloat16,
    dtype,
    float16,
    float32,
    float64,
    int1,
    int32,
    int64,
    uint32,
    uint64,
)
from kernbench.language.values import Refusal

_FAMILIES = {"bool": 0, "int": 1, "uint": 1, "float": 2}


def number_dtype(value: bool | int | float) -> dtype:
    """Return the type that a Python number has when nothing else decides."""
    if isinstance(value, bool):
        return int1
    if isinstance(value, int):
        for candidate in (int32, uint32, int64, uint64):
            if candidate.get_int_min_value() <= value <= candidate.get_int_max_value():
                return candidate
        raise Refusal(f"expected an integer of at most 64 bits, got {value}")
    magnitude = abs(value)
    fits = not magnitude < float("inf") or magnitude == 0.0
    return float32 if fits or 2.0**-126 <= magnitude <= (2 - 2.0**-23) * 2.0**127 else float64


def promote(
    a: dtype, b: dtype, *, a_weak: bool = False, b_weak: bool = False, division: bool = False
) -> dtype:
    """Return the type of arithmetic on `a` and `b`.

    Parameters
    ----------
    a, b : dtype
        Types of the operands.
    a_weak, b_weak : bool
        Whether the operand is a bare Python number.
    division : bool
        Whether the operation is ``/``, ``//`` or ``%``, which 16-bit floats do in fp32.
    """
    if a_weak != b_weak:
        number, tensor = (a, b) if a_weak else (b, a)
        if _FAMILIES[number.kind] <= _FAMILIES[tensor.kind]:
            return float32 if division and tensor in (float16, bfloat16) else tensor
    if float64 in (a, b):
        return float64
    if float32 in (a, b):
        return float32
    if float16 in (a, b):
        return float32 if division else float16
    if a == b == bfloat16:
        return float32 if division else bfloat16
    if bfloat16 in (a, b):
        return float32
    if a.is_fp8() and b.is_fp8():
        return a if a == b else float16
    if not a.is_int() or not b.is_int():
        raise Refusal(f"no arithmetic between {a} and {b}; cast one of them with .to()")
    if division and a.is_int_signed() != b.is_int_signed():
        raise Refusal(
            f"/, // and % of {a} and {b} differ in signedness, and would surprise; cast one of them"
        )
    return promote_integers(a, b)


def promote_integers(a: dtype, b: dtype) -> dtype:
    """C's usual arithmetic conversions, without its promotion to int."""
    if a.is_int_signed() == b.is_int_signed():
        return a if a.primitive_bitwidth > b.primitive_bitwidth else b
    unsigned, signed = (b, a) if a.is_int_signed() else (a, b)
    return unsigned if unsigned.primitive_bitwidth >= signed.primitive_bitwidth else signed
