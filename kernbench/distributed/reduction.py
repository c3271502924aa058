"""``ReduceOp``: how a reduction combines values."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from kernbench.errors import ArgumentError
from kernbench.runtime.dtypes import BY_NAME
from kernbench.runtime.tensor import Tensor

__all__ = ["PremulSum", "ReduceOp", "Reduction", "check_op", "supports_complex"]


BOOL = BY_NAME["bool"]


class ReduceOp(enum.Enum):
    """How values are combined.

    Examples
    --------
    >>> ReduceOp.SUM
    <RedOpType.SUM: 0>
    """

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7
    PREMUL_SUM = 8

    def __repr__(self) -> str:
        return f"<RedOpType.{self.name}: {self.value}>"

    def __str__(self) -> str:
        return f"RedOpType.{self.name}"

    @enum.property
    def op(self) -> ReduceOp:
        """Itself: torch's holds one of RedOpType."""
        return self


setattr(ReduceOp, "RedOpType", ReduceOp)  # noqa: B010 - not a member of the enumeration


class PremulSum:
    """A sum of values each multiplied by a factor first; what NCCL calls a pre-multiplied sum."""

    def __init__(self, factor: float | Tensor) -> None:
        self.factor = factor

    def __repr__(self) -> str:
        return f"<RedOpType.PREMUL_SUM: 8, factor {self.factor}>"


@dataclass(frozen=True, slots=True)
class Reduction:
    """How a collective combines values.

    Attributes
    ----------
    name : str
        As collectives know it.
    factor : object
        What each value is multiplied by first; None for none.
    """

    name: str = "sum"
    factor: Any = None

    def scaled(self, tensor: Any) -> Any:
        """Return what is combined of a tensor: itself, or another one."""
        return tensor if self.factor is None else tensor * self.factor

    def __str__(self) -> str:
        return self.name if self.factor is None else "premul_sum"


def supports_complex(reduceOp: ReduceOp) -> bool:
    """Return whether complex numbers can be combined so: part by part."""
    return reduceOp in (ReduceOp.SUM, ReduceOp.AVG, ReduceOp.PREMUL_SUM)


def check_op(op: Any, tensor: Tensor, backend: str) -> Reduction:
    """Return what an operation means to collectives.

    Raises
    ------
    RuntimeError
        When the backend, or the dtype, does not go with it; complex numbers are summed, and their
        mean taken, part by part.
    """
    if isinstance(op, PremulSum):
        if backend != "nccl":
            raise RuntimeError("ReduceOp.PREMUL_SUM is only available with the NCCL backend")
        return Reduction("sum", op.factor)
    if not isinstance(op, ReduceOp):
        raise TypeError(
            f"op: expected a ReduceOp such as torch.distributed.ReduceOp.SUM, got {op!r}"
        )
    if op is ReduceOp.PREMUL_SUM:
        raise RuntimeError(
            "ReduceOp.PREMUL_SUM: expected a factor; make one with PremulSum(factor)"
        )
    if tensor.dtype.is_complex and not supports_complex(op):
        raise ArgumentError(f"expected SUM or AVG, for {op} does not support complex tensors")
    if tensor.dtype is BOOL and op is ReduceOp.AVG:
        raise TypeError("Cannot use ReduceOp.AVG with boolean inputs")
    if tensor.dtype is BOOL and op is ReduceOp.SUM:
        return Reduction("bor")  # True where any is
    floating = tensor.dtype.is_floating_point or tensor.dtype.is_complex
    if op is ReduceOp.AVG and backend == "gloo" and not floating:
        raise RuntimeError(
            f"ReduceOp.AVG with Gloo: result type Float can't be cast to {tensor.dtype}: expected "
            "floating point"
        )
    if op in (ReduceOp.BAND, ReduceOp.BOR, ReduceOp.BXOR):
        if backend == "nccl":
            raise RuntimeError(f"Cannot use ReduceOp.{op.name} with NCCL")
        if floating:
            raise RuntimeError(f"Cannot use ReduceOp.{op.name} with non-integral dtype")
    return Reduction(op.name.lower())
