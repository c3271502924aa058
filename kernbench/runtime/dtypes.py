"""torch's element types: names, kinds, and how host arrays hold and compute them.

A :class:`dtype` equals the kernel language's type of the same bits (``torch.float16 ==
tl.float16``), so that kernels, benches and scripts may mix them.  Hosts hold bf16 and fp8 as raw
bits, and compute all floats below 32 bits in float32, as torch does on CPU.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from kernbench import _core
from kernbench.language import dtypes as tl

__all__ = ["DTYPES", "as_dtype", "dtype", "finfo", "from_compute", "iinfo", "to_compute"]


class dtype:
    """An element type under torch's name.

    Attributes
    ----------
    name : str
        Such as ``"float32"``.
    itemsize : int
        Bytes of an element.
    is_floating_point, is_complex, is_signed : bool
        What family it belongs to.
    element : tl.dtype or None
        The engine's type of the same bits; None for complex numbers, which live on hosts only.
    storage, compute : numpy.dtype
        How a host array holds it, and what it is computed in.
    """

    __slots__ = (
        "_hash",
        "compute",
        "element",
        "is_complex",
        "is_floating_point",
        "is_signed",
        "itemsize",
        "kir_name",
        "label",
        "name",
        "rank",
        "storage",
    )

    def __init__(self, name: str, label: str, element: tl.dtype | None, storage: str) -> None:
        self.name = name
        self.label = label  # torch's C++ name, which its messages use
        self.element = element
        self.kir_name = element.kir_name if element is not None else name
        self.storage = np.dtype(storage)
        self.itemsize = self.storage.itemsize
        self.is_complex = element is None
        self.is_floating_point = element is not None and element.is_floating()
        self.is_signed = element is None or element.kind in ("int", "float")
        low = self.is_floating_point and self.itemsize < 4
        self.compute = np.dtype("f4") if low else self.storage
        self.rank = 0  # place in the order of promotion
        self._hash = hash(element) if element is not None else hash(name)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, tl.dtype) and other == self.element

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)

    def to_real(self) -> dtype:
        """Return the type of the real part."""
        return {"complex64": BY_NAME["float32"], "complex128": BY_NAME["float64"]}.get(
            self.name, self
        )

    def to_complex(self) -> dtype:
        """Return the complex type whose parts are of this type, or wider."""
        wide = self.name in ("float64", "complex128")
        return BY_NAME["complex128" if wide else "complex64"]

    # The kernel language's questions, for scripts that ask them of a tensor's dtype.
    def is_floating(self) -> bool:
        """Whether it is a floating-point type."""
        return self.is_floating_point

    @property
    def is_integral(self) -> bool:
        """Whether it is an integer type or bool."""
        return not (self.is_floating_point or self.is_complex)


_LIST = (
    ("bool", "Bool", tl.int1, "?"),
    ("uint8", "Byte", tl.uint8, "u1"),
    ("int8", "Char", tl.int8, "i1"),
    ("int16", "Short", tl.int16, "i2"),
    ("int32", "Int", tl.int32, "i4"),
    ("int64", "Long", tl.int64, "i8"),
    ("uint16", "UInt16", tl.uint16, "u2"),
    ("uint32", "UInt32", tl.uint32, "u4"),
    ("uint64", "UInt64", tl.uint64, "u8"),
    ("float8_e4m3fn", "Float8_e4m3fn", tl.float8e4nv, "u1"),
    ("float8_e5m2", "Float8_e5m2", tl.float8e5, "u1"),
    ("float16", "Half", tl.float16, "f2"),
    ("bfloat16", "BFloat16", tl.bfloat16, "u2"),
    ("float32", "Float", tl.float32, "f4"),
    ("float64", "Double", tl.float64, "f8"),
    ("complex64", "ComplexFloat", None, "c8"),
    ("complex128", "ComplexDouble", None, "c16"),
)
DTYPES: tuple[dtype, ...] = tuple(dtype(*row) for row in _LIST)
for _place, _dtype in enumerate(DTYPES):
    _dtype.rank = _place
BY_NAME = {each.name: each for each in DTYPES}
_BY_ELEMENT = {each.element: each for each in DTYPES if each.element is not None}
_BY_NUMPY = {
    each.storage: each
    for each in DTYPES
    if each.name not in ("bfloat16",) and "float8" not in each.name
}
_PYTHON: dict[Any, str] = {float: "float32", int: "int64", bool: "bool", complex: "complex64"}


def as_dtype(spec: Any) -> dtype:
    """Return torch's type for a dtype of torch, of the kernel language or of NumPy, or a name.

    Raises
    ------
    TypeError
        When there is no such type.
    """
    if isinstance(spec, dtype):
        return spec
    if isinstance(spec, tl.dtype) and spec in _BY_ELEMENT:
        return _BY_ELEMENT[spec]
    if isinstance(spec, str) and spec.removeprefix("torch.") in BY_NAME:
        return BY_NAME[spec.removeprefix("torch.")]
    if spec in _PYTHON:
        return BY_NAME[{float: "float64"}.get(spec, _PYTHON[spec])]
    raise TypeError(f"expected a dtype such as torch.float16, got {spec!r}")


def of_numpy(array_dtype: np.dtype[Any]) -> dtype:
    """Return torch's type of a NumPy array's elements; ml_dtypes' types too."""
    found = _BY_NUMPY.get(array_dtype) or _BY_NUMPY.get(array_dtype.newbyteorder("="))
    found = found or BY_NAME.get(array_dtype.name)
    if found is None:
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{array_dtype.type.__name__}. The only "
            "supported types are: float64, float32, float16, complex64, complex128, int64, int32, "
            "int16, int8, uint64, uint32, uint16, uint8, and bool."
        )
    return found


@cache
def _fp8_values(kir_name: str) -> npt.NDArray[np.float32]:
    raw = _core.convert(kir_name, "float32", bytes(range(256)))
    return np.frombuffer(raw, np.float32)


def to_compute(array: npt.NDArray[Any], kind: dtype) -> npt.NDArray[Any]:
    """Return the elements of a host array (as held) as numbers to compute with."""
    if kind.compute is kind.storage:
        return array
    if kind.name == "float16":
        return array.astype(np.float32)
    if kind.name == "bfloat16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    values: npt.NDArray[Any] = _fp8_values(kind.kir_name)[array]
    return values


def from_compute(array: npt.NDArray[Any], kind: dtype) -> npt.NDArray[Any]:
    """Return computed numbers as a host array holds them, rounded to nearest even."""
    if kind.compute is kind.storage:
        return array if array.dtype == kind.storage else _cast(array, kind.storage)
    wide = _cast(array, np.dtype("f4"))
    if kind.name == "float16":
        with np.errstate(over="ignore"):
            return wide.astype(np.float16)
    if kind.name == "bfloat16":
        bits = np.ascontiguousarray(wide).view(np.uint32).reshape(wide.shape)
        rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
        return np.where(np.isnan(wide), np.uint16(0x7FC0), rounded)
    if kind.name == "float8_e4m3fn":  # has no infinity: torch takes its greatest number instead
        wide = np.clip(wide, np.float32(-448), np.float32(448))
    raw = _core.convert("float32", kind.kir_name, np.ascontiguousarray(wide).tobytes())
    return np.frombuffer(raw, np.uint8).reshape(wide.shape)


def _cast(array: npt.NDArray[Any], target: np.dtype[Any]) -> npt.NDArray[Any]:
    """C's conversions, as torch has them; what C leaves open is what x86 does."""
    if array.dtype == target:
        return array
    if array.dtype.kind == "c" and target.kind not in "cb":
        array = array.real
    if array.dtype.kind == "f" and target.kind in "iu":
        with np.errstate(invalid="ignore", over="ignore"):
            if target.itemsize < 8:
                return array.astype(np.int64 if target.itemsize == 4 else np.int32).astype(target)
            return array.astype(target)
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(target)


class finfo:
    """Limits of a floating-point type, as ``torch.finfo``.

    Examples
    --------
    >>> finfo(BY_NAME["float16"]).max
    65504.0
    """

    def __init__(self, type: Any = None) -> None:
        kind = BY_NAME["float32"] if type is None else as_dtype(type)
        kind = kind.to_real()
        if not kind.is_floating_point:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle "
                "'torch.finfo'"
            )
        assert kind.element is not None
        mantissa = kind.element.fp_mantissa_width
        exponent_bits = kind.itemsize * 8 - 1 - mantissa
        bias = (1 << (exponent_bits - 1)) - 1
        self.dtype = kind.name
        self.bits = kind.itemsize * 8
        self.eps = 2.0**-mantissa
        self.max = 448.0 if kind.name == "float8_e4m3fn" else (2 - self.eps) * 2.0**bias
        self.min = -self.max
        self.tiny = self.smallest_normal = 2.0 ** (1 - bias)
        digits = {"float64": 15, "float32": 6, "float16": 3, "bfloat16": 2}.get(kind.name, 0)
        self.resolution = float(f"1e-{digits}")

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        parts = [f"{name}={getattr(self, name):g}" for name in names]
        return f"finfo({', '.join(parts)}, dtype={self.dtype})"


class iinfo:
    """Limits of an integer type, as ``torch.iinfo``.

    Examples
    --------
    >>> iinfo(BY_NAME["int8"])
    iinfo(min=-128, max=127, dtype=int8)
    """

    def __init__(self, type: Any) -> None:
        kind = as_dtype(type)
        if kind.name == "bool":
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if not kind.is_integral:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle "
                "'torch.iinfo'"
            )
        limits = np.iinfo(kind.storage)
        self.dtype = kind.name
        self.bits = kind.itemsize * 8
        self.min, self.max = int(limits.min), int(limits.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
