"""Normal numbers from uniform ones, to the bit as torch draws them on CPU.

torch fills float32 tensors by eights, with the logarithm, sine and cosine of the Cephes library in
single precision, every ``a * b + c`` rounded once.  The same polynomials are evaluated here in the
same order.  A product of two float32 is exact in float64, so that rounding the sum to float32 is
rounding once, but for ties that float64 makes, which are rare.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["normal_pairs"]

Array = npt.NDArray[Any]
F32 = np.float32

_LOG = (
    7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
    -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
)  # fmt: skip
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_QUARTERS = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)
"""-pi / 4 in three parts, the first ones short, so that their products are exact."""


def _fma(a: Any, b: Any, c: Any) -> Array:
    product = np.asarray(a, F32).astype(np.float64) * np.asarray(b, F32).astype(np.float64)
    found: Array = (product + np.asarray(c, F32).astype(np.float64)).astype(F32)
    return found


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    found = np.full_like(x, F32(coefficients[0]))
    for coefficient in coefficients[1:]:
        found = _fma(found, x, F32(coefficient))
    return found


def _log(x: Array) -> Array:
    mantissa, power = np.frexp(x)
    exponent = power.astype(F32)
    low = mantissa < F32(math.sqrt(0.5))
    exponent -= low
    m = np.where(low, mantissa + (mantissa - F32(1)), mantissa - F32(1)).astype(F32)
    square = m * m
    tail = _polynomial(_LOG, m) * m * square
    tail = _fma(exponent, F32(-2.12194440e-4), tail)
    tail = _fma(-square, F32(0.5), tail)
    return _fma(exponent, F32(0.693359375), m + tail)


def _sin_cos(x: Array) -> tuple[Array, Array]:
    octant = ((x * F32(4 / math.pi)).astype(np.int32) + 1) & ~1
    turns = octant.astype(F32)
    for part in _QUARTERS:
        x = _fma(turns, F32(part), x)
    square = x * x
    cosine = _polynomial(_COS, square) * square
    cosine = _fma(cosine, square, -(square * F32(0.5))) + F32(1)
    sine = _polynomial(_SIN, square) * square
    sine = _fma(sine, x, x)
    straight = (octant & 2) == 0
    found_sin = np.where(straight, sine, cosine)
    found_cos = np.where(straight, cosine, sine)
    return (
        np.where((octant & 4) != 0, -found_sin, found_sin),
        np.where((~(octant - 2) & 4) != 0, -found_cos, found_cos),
    )


def normal_pairs(unit: Array, mean: float, std: float) -> Array:
    """Turn blocks of eight and eight uniform numbers into as many normal ones.

    Parameters
    ----------
    unit : array of shape (blocks, 2, 8)
        Uniform numbers in [0, 1), float32 or float64.
    mean, std : float
        Of the distribution.
    """
    if unit.dtype == np.float64:
        radius = np.sqrt(-2.0 * np.log(1.0 - unit[:, 0]))
        angle = 2.0 * math.pi * unit[:, 1]
        waves = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        wide: Array = radius[:, None] * waves * std + mean
        return wide
    radius = np.sqrt(F32(-2) * _log(F32(1) - unit[:, 0]))
    sine, cosine = _sin_cos(F32(2 * math.pi) * unit[:, 1])
    waves = radius[:, None] * np.stack([cosine, sine], axis=1)
    return _fma(waves, F32(std), F32(mean))
