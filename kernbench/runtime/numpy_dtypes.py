"""How the engine's element types and NumPy's answer to each other."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from kernbench import _core
from kernbench.language import dtypes as tl

__all__ = ["from_bytes", "of_numpy", "to_bytes", "to_numpy"]

_TO_NUMPY: dict[tl.dtype, str] = {
    tl.int1: "?",
    tl.int8: "i1",
    tl.int16: "i2",
    tl.int32: "i4",
    tl.int64: "i8",
    tl.uint8: "u1",
    tl.uint16: "u2",
    tl.uint32: "u4",
    tl.uint64: "u8",
    tl.float16: "f2",
    tl.float32: "f4",
    tl.float64: "f8",
}
_ML_DTYPES = {tl.bfloat16: "bfloat16", tl.float8e4nv: "float8_e4m3fn", tl.float8e5: "float8_e5m2"}
_BY_NAME = {np.dtype(code).name: dtype for dtype, code in _TO_NUMPY.items()} | {
    name: dtype for dtype, name in _ML_DTYPES.items()
}


def to_numpy(dtype: tl.dtype) -> np.dtype[Any]:
    """Return the NumPy dtype of the same bits.

    Raises
    ------
    TypeError
        For bf16 and fp8, which NumPy has not, when the package ml_dtypes is not installed.
    """
    if dtype in _TO_NUMPY:
        return np.dtype(_TO_NUMPY[dtype])
    try:
        ml_dtypes = importlib.import_module("ml_dtypes")
    except ImportError:
        raise TypeError(
            f"numpy has no {dtype.name}: expected the package ml_dtypes, which is not installed; "
            "`pip install ml_dtypes`, or ask for numpy(dtype='float32')"
        ) from None
    found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, _ML_DTYPES[dtype]))
    return found


def of_numpy(dtype: npt.DTypeLike) -> tl.dtype:
    """Return the engine's element type of a NumPy dtype (ml_dtypes' too).

    Raises
    ------
    TypeError
        When the engine has none, as for complex numbers or strings.
    """
    name = np.dtype(dtype).name
    if name not in _BY_NAME:
        raise TypeError(f"tensor: expected a dtype among {', '.join(_BY_NAME)}, got {name}")
    return _BY_NAME[name]


def to_bytes(values: npt.NDArray[Any], dtype: tl.dtype) -> bytes:
    """Convert the elements of an array, row-major, in one exact, round-to-nearest-even step."""
    source = of_numpy(values.dtype)
    raw = np.ascontiguousarray(values).tobytes()
    return raw if source == dtype else _core.convert(source.kir_name, dtype.kir_name, raw)


def from_bytes(raw: npt.NDArray[np.uint8], dtype: tl.dtype, wanted: npt.DTypeLike) -> Any:
    """Convert elements of ``dtype`` to an array of another NumPy dtype."""
    target = np.dtype(wanted)
    converted = _core.convert(dtype.kir_name, of_numpy(target).kir_name, raw.tobytes())
    return np.frombuffer(converted, dtype=target)
