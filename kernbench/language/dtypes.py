"""Element types of the kernel language, under Triton's names.

``tl.float16.name`` is Triton's short name (``"fp16"``); ``kir_name`` is the name that the engine's
list of dtypes has for it (``"float16"``, and ``"bool"`` for ``tl.int1``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from kernbench.language.constant import constexpr

__all__ = [
    "DTYPES",
    "TRITON_MAX_TENSOR_NUMEL",
    "bfloat16",
    "block_type",
    "const",
    "dtype",
    "float8e4nv",
    "float8e5",
    "float16",
    "float32",
    "float64",
    "int1",
    "int8",
    "int16",
    "int32",
    "int64",
    "pi32_t",
    "pointer_type",
    "round_to",
    "tensor",
    "tensor_descriptor",
    "to_dtype",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "void",
]


@dataclass(frozen=True, slots=True, repr=False)
class dtype:
    """A scalar element type.

    Attributes
    ----------
    name : str
        Triton's short name, such as ``"fp16"``.
    kir_name : str
        The engine's name, such as ``"float16"``.
    primitive_bitwidth : int
        Bits of a value; 1 for ``int1``, which takes one byte in memory.
    kind : {"bool", "int", "uint", "float", "void"}
        What family it belongs to.
    fp_mantissa_width : int
        Explicit mantissa bits of a float, else 0.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> tl.float16
    triton.language.fp16
    >>> tl.float16.itemsize
    2
    >>> tl.int1.is_floating()
    False
    """

    name: str
    kir_name: str
    primitive_bitwidth: int
    kind: str
    fp_mantissa_width: int = 0

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"triton.language.{self.name}"

    @property
    def itemsize(self) -> int:
        """Bytes of a value in memory."""
        return max(1, self.primitive_bitwidth // 8)

    @property
    def int_bitwidth(self) -> int:
        """Bits of an integer type."""
        return self.primitive_bitwidth

    @property
    def scalar(self) -> dtype:
        """The element type of a type: itself."""
        return self

    def is_floating(self) -> bool:
        """Whether it is a floating-point type."""
        return self.kind == "float"

    def is_int(self) -> bool:
        """Whether it is an integer type; ``int1`` counts."""
        return self.kind in ("bool", "int", "uint")

    def is_int_signed(self) -> bool:
        """Whether it is a signed integer."""
        return self.kind == "int"

    def is_int_unsigned(self) -> bool:
        """Whether it is an unsigned integer; ``int1`` counts, as in Triton."""
        return self.kind in ("bool", "uint")

    def is_bool(self) -> bool:
        """Whether it is ``int1``."""
        return self.kind == "bool"

    def is_int1(self) -> bool:
        """Whether it is ``int1``."""
        return self.kind == "bool"

    def is_standard_floating(self) -> bool:
        """Whether it is a float of 16 bits or more, as IEEE or bf16."""
        return self.name in ("fp16", "bf16", "fp32", "fp64")

    def is_fp8(self) -> bool:
        """Whether it is a float of 8 bits."""
        return self.name.startswith("fp8")

    def is_fp8e4nv(self) -> bool:
        """Whether it is ``fp8e4nv``."""
        return self.name == "fp8e4nv"

    def is_fp8e5(self) -> bool:
        """Whether it is ``fp8e5``."""
        return self.name == "fp8e5"

    def is_fp16(self) -> bool:
        """Whether it is ``fp16``."""
        return self.name == "fp16"

    def is_bf16(self) -> bool:
        """Whether it is ``bf16``."""
        return self.name == "bf16"

    def is_fp32(self) -> bool:
        """Whether it is ``fp32``."""
        return self.name == "fp32"

    def is_fp64(self) -> bool:
        """Whether it is ``fp64``."""
        return self.name == "fp64"

    def is_int8(self) -> bool:
        """Whether it is ``int8``."""
        return self.name == "int8"

    def is_int16(self) -> bool:
        """Whether it is ``int16``."""
        return self.name == "int16"

    def is_int32(self) -> bool:
        """Whether it is ``int32``."""
        return self.name == "int32"

    def is_int64(self) -> bool:
        """Whether it is ``int64``."""
        return self.name == "int64"

    def is_uint8(self) -> bool:
        """Whether it is ``uint8``."""
        return self.name == "uint8"

    def is_uint16(self) -> bool:
        """Whether it is ``uint16``."""
        return self.name == "uint16"

    def is_uint32(self) -> bool:
        """Whether it is ``uint32``."""
        return self.name == "uint32"

    def is_uint64(self) -> bool:
        """Whether it is ``uint64``."""
        return self.name == "uint64"

    def is_ptr(self) -> bool:
        """Whether it is a pointer type."""
        return False

    def is_block(self) -> bool:
        """Whether it is the type of a block."""
        return False

    def is_void(self) -> bool:
        """Whether it is no value's type."""
        return self.kind == "void"

    def is_dtype(self) -> bool:
        """Whether it is a type."""
        return True

    def get_int_min_value(self) -> int:
        """Smallest value of an integer type."""
        return -(1 << (self.primitive_bitwidth - 1)) if self.kind == "int" else 0

    def get_int_max_value(self) -> int:
        """Largest value of an integer type."""
        return (1 << (self.primitive_bitwidth - (self.kind == "int"))) - 1


@dataclass(frozen=True, slots=True, repr=False)
class pointer_type:
    """The type of a pointer to values of ``element_ty``: a 64-bit virtual address.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> print(tl.pointer_type(tl.int32))
    pointer<int32>
    """

    element_ty: dtype
    address_space: int = 1

    def __str__(self) -> str:
        return f"pointer<{self.element_ty}>"

    def __repr__(self) -> str:
        return f"triton.language.pointer_type({self.element_ty!r})"

    @property
    def name(self) -> str:
        """Triton's name of the pointer type."""
        return str(self)

    @property
    def primitive_bitwidth(self) -> int:
        """Bits of an address."""
        return 64

    @property
    def itemsize(self) -> int:
        """Bytes of an address."""
        return 8

    @property
    def scalar(self) -> pointer_type:
        """The element type of a type: itself."""
        return self

    def is_ptr(self) -> bool:
        """Whether it is a pointer type."""
        return True

    def is_int(self) -> bool:
        """Whether it is an integer type."""
        return False

    def is_floating(self) -> bool:
        """Whether it is a floating-point type."""
        return False

    def is_bool(self) -> bool:
        """Whether it is ``int1``."""
        return False


@dataclass(frozen=True, slots=True)
class block_type:
    """The type of a block of values: what ``x.type`` is in a kernel when `x` has a shape.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> tl.block_type(tl.float32, (16, 8)).numel
    128
    """

    element_ty: dtype | pointer_type
    shape: tuple[int, ...]

    @property
    def scalar(self) -> dtype | pointer_type:
        """The type of an element."""
        return self.element_ty

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def is_block(self) -> bool:
        """Whether it is the type of a block."""
        return True

    def is_ptr(self) -> bool:
        """Whether it is a pointer type; a block of pointers is not."""
        return False


class tensor:
    """The type of values in kernels, for ``isinstance(x, tl.tensor)`` and annotations.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr, n):
    ...     tl.static_assert(isinstance(n, tl.tensor))
    ...     tl.store(x_ptr, n)
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([0])
    ...     _ = kernel[(1,)](x, 5)
    ...     print(x.numpy())
    [5]
    """


class const:
    """The annotation of pointers that a kernel only loads from.

    Differs from Triton: a store to them is not refused.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr: tl.const, out_ptr):
    ...     tl.store(out_ptr, tl.load(x_ptr) + 1)
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0])
    ...     _ = kernel[(1,)](ctx.tensor([4]), out)
    ...     print(out.numpy())
    [5]
    """


class tensor_descriptor:
    """The type of tensor descriptors in kernels, for ``isinstance(x, tl.tensor_descriptor)``.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     x = tl.make_tensor_descriptor(x_ptr, (4,), (1,), (4,))
    ...     if isinstance(x, tl.tensor_descriptor):
    ...         x.store((0,), x.load((0,)) * 2)
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [2. 4. 6. 8.]
    """


void = dtype("void", "void", 0, "void")
int1 = dtype("int1", "bool", 1, "bool")
int8 = dtype("int8", "int8", 8, "int")
int16 = dtype("int16", "int16", 16, "int")
int32 = dtype("int32", "int32", 32, "int")
int64 = dtype("int64", "int64", 64, "int")
uint8 = dtype("uint8", "uint8", 8, "uint")
uint16 = dtype("uint16", "uint16", 16, "uint")
uint32 = dtype("uint32", "uint32", 32, "uint")
uint64 = dtype("uint64", "uint64", 64, "uint")
float8e4nv = dtype("fp8e4nv", "float8e4nv", 8, "float", 3)
float8e5 = dtype("fp8e5", "float8e5", 8, "float", 2)
float16 = dtype("fp16", "float16", 16, "float", 10)
bfloat16 = dtype("bf16", "bfloat16", 16, "float", 7)
float32 = dtype("fp32", "float32", 32, "float", 23)
float64 = dtype("fp64", "float64", 64, "float", 52)

pi32_t = pointer_type(int32)

TRITON_MAX_TENSOR_NUMEL = 1 << 22
"""Elements of the largest tile, KB_MAX_TILE_ELEMENTS of csrc/kernel/kir.h."""

DTYPES: tuple[dtype, ...] = (
    int1,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    float8e4nv,
    float8e5,
    float16,
    bfloat16,
    float32,
    float64,
)

_ALIASES = {"i1": int1, "float8_e4m3fn": float8e4nv, "float8_e5m2": float8e5, "fp8e4": float8e4nv}
_ALIASES |= {f"i{t.primitive_bitwidth}": t for t in DTYPES if t.kind == "int"}
_ALIASES |= {f"u{t.primitive_bitwidth}": t for t in DTYPES if t.kind == "uint"}
_BY_NAME = {t.name: t for t in DTYPES} | {t.kir_name: t for t in DTYPES} | _ALIASES


def to_dtype(spec: Any) -> dtype:
    """Return the dtype that `spec` names.

    Parameters
    ----------
    spec : object
        A dtype, its name in Triton's, NumPy's or torch's spelling (``"fp16"``, ``"float16"``,
        ``"torch.float16"``), or anything whose ``kir_name``, ``name`` or text is such a name.

    Raises
    ------
    TypeError
        When there is no such dtype.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> tl.to_dtype("torch.bfloat16")
    triton.language.bf16
    """
    if isinstance(spec, constexpr):
        spec = spec.value
    if isinstance(spec, dtype):
        return spec
    for text in (spec, getattr(spec, "kir_name", None), getattr(spec, "name", None), str(spec)):
        if isinstance(text, str) and (found := _BY_NAME.get(text.rpartition(".")[2])) is not None:
            return found
    raise TypeError(
        f"expected a dtype, one of {', '.join(t.kir_name for t in DTYPES)}; got {spec!r}"
    )


def round_to(value: float, target: dtype) -> float:
    """Return the value of floating type `target` that is nearest to `value`, ties to even.

    Too large a value becomes infinity, or NaN for ``fp8e4nv``, which has no infinity.
    """
    if target is float64 or value == 0.0 or not math.isfinite(value):
        return math.nan if target is float8e4nv and math.isinf(value) else value
    exponent_bits = target.primitive_bitwidth - 1 - target.fp_mantissa_width
    bias = (1 << (exponent_bits - 1)) - 1
    exponent = max(math.frexp(value)[1] - 1, 1 - bias)
    quantum = exponent - target.fp_mantissa_width
    rounded = math.ldexp(round(math.ldexp(value, -quantum)), quantum)
    largest = (
        448.0 if target is float8e4nv else math.ldexp(2 - 2.0**-target.fp_mantissa_width, bias)
    )
    if abs(rounded) <= largest:
        return rounded
    return math.nan if target is float8e4nv else math.copysign(math.inf, value)
