"""Type promotion by torch's rules: tensors before zero-dimensional ones before Python numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kernbench.runtime.dtypes import BY_NAME, dtype
from kernbench.runtime.rank_state import rank_state

if TYPE_CHECKING:
    from kernbench.runtime.tensor import Tensor

__all__ = ["can_cast", "promote_types", "result_type"]

_LATTICE = {
    # What follows each integer: the first type in order that holds both.
    ("uint8", "int8"): "int16",
}


def promote_types(left: dtype, right: dtype) -> dtype:
    """Return the smallest type that both convert to.

    Raises
    ------
    RuntimeError
        For fp8, and for unsigned integers above 8 bits with other integers, as torch does.
    """
    if left is right:
        return left
    low, high = sorted((left, right), key=lambda each: each.rank)
    if "float8" in low.name or "float8" in high.name:
        raise RuntimeError(
            "Promotion for Float8 Types is not supported, attempted to promote "
            f"{left.label} and {right.label}"
        )
    wide_unsigned = ("uint16", "uint32", "uint64")
    if (low.name in wide_unsigned or high.name in wide_unsigned) and not high.is_floating_point:
        raise RuntimeError(
            "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote "
            f"{left.label} and {right.label}"
        )
    if high.is_complex:
        both = low.name == "float64" or low.name == "complex128"
        return BY_NAME["complex128"] if both else high
    if (low.name, high.name) == ("float16", "bfloat16"):
        return BY_NAME["float32"]
    return BY_NAME[_LATTICE.get((low.name, high.name), high.name)]


def number_dtype(number: Any) -> dtype:
    """Return the type that a Python number has in promotion."""
    default = BY_NAME[rank_state().default_dtype]
    if isinstance(number, bool):
        return BY_NAME["bool"]
    if isinstance(number, int):
        return BY_NAME["int64"]
    return default.to_complex() if isinstance(number, complex) else default


def _combine(higher: dtype | None, lower: dtype | None) -> dtype | None:
    if higher is None or lower is None:
        return higher or lower
    if higher.is_complex:
        return higher
    if higher.is_floating_point:
        return higher.to_complex() if lower.is_complex else higher
    if higher.name == "bool" or not lower.is_integral:
        return promote_types(higher, lower)
    return higher


def result_type(operands: Iterable[Tensor | Any]) -> dtype:
    """Return the type in which these operands meet: tensors and Python numbers."""
    dims: dtype | None = None
    zeros: dtype | None = None
    numbers: dtype | None = None
    for operand in operands:
        kind = getattr(operand, "_dtype", None)
        if kind is None:
            kind = number_dtype(operand)
            numbers = kind if numbers is None else promote_types(numbers, kind)
        elif operand._shape:
            dims = kind if dims is None else promote_types(dims, kind)
        else:
            zeros = kind if zeros is None else promote_types(zeros, kind)
    found = _combine(dims, _combine(zeros, numbers))
    if found is None:
        raise ValueError("result_type: expected at least one tensor or number")
    return found


def can_cast(source: dtype, target: dtype) -> bool:
    """Whether torch lets a result of one type be written to a tensor of another."""
    if source.is_complex and not target.is_complex:
        return False
    if source.is_floating_point and target.is_integral:
        return False
    return source.name == "bool" or target.name != "bool"
