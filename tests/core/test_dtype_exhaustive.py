"""Conversions of the engine against NumPy and ml_dtypes.

Every code of the 8- and 16-bit types goes to every type; larger types go over the midpoints between
neighbouring codes of the small floats, where rounding is decided, and over their neighbours.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from kernbench import _core

Array = npt.NDArray[Any]

SMALL_FLOATS: dict[str, np.dtype[Any]] = {
    "float8e4nv": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8e5": np.dtype(ml_dtypes.float8_e5m2),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}
FLOATS = SMALL_FLOATS | {name: np.dtype(name) for name in ("float32", "float64")}
INTS = {
    f"{kind}{bits}": np.dtype(f"{kind}{bits}")
    for kind in ("int", "uint")
    for bits in (8, 16, 32, 64)
}
DTYPES = {"bool": np.dtype(bool)} | INTS | FLOATS

CANONICAL_NAN = {
    "float8e4nv": 0x7F,
    "float8e5": 0x7E,
    "float16": 0x7E00,
    "bfloat16": 0x7FC0,
    "float32": 0x7FC00000,
    "float64": 0x7FF8000000000000,
}


def convert(src: str, dst: str, values: Array) -> Array:
    assert values.dtype == DTYPES[src]
    return np.frombuffer(_core.convert(src, dst, values.tobytes()), dtype=DTYPES[dst])


def codes(values: Array) -> Array:
    return values.view(f"u{values.dtype.itemsize}")


def every_code(name: str) -> Array:
    dtype = DTYPES[name]
    if name == "bool":
        return np.array([False, True])
    return np.arange(1 << (8 * dtype.itemsize), dtype=f"u{dtype.itemsize}").view(dtype)


@np.errstate(all="ignore")
def check(src: str, dst: str, values: Array) -> None:
    """Compare bit by bit where NumPy defines the result, with our own rule where it does not."""
    got = convert(src, dst, values)
    if src == dst:
        np.testing.assert_array_equal(codes(got), codes(values))
        return
    wide = values.astype(np.float32) if src in SMALL_FLOATS else values
    expected = wide.astype(DTYPES[dst])
    if dst in FLOATS:
        is_nan = np.isnan(expected.astype(np.float64))
        assert (codes(got)[is_nan] == CANONICAL_NAN[dst]).all()
        got, expected = got[~is_nan], expected[~is_nan]
    elif src in FLOATS and dst in INTS:
        limits = np.iinfo(DTYPES[dst])
        whole = np.trunc(wide.astype(np.float64))
        below, above = whole < float(limits.min), whole >= float(limits.max) + (limits.bits < 53)
        is_nan = np.isnan(whole)
        assert (got[below] == limits.min).all()
        assert (got[above] == limits.max).all()
        assert (got[is_nan] == 0).all()
        inside = ~(below | above | is_nan)
        got, expected = got[inside], expected[inside]
    np.testing.assert_array_equal(codes(got), codes(expected))


@pytest.mark.parametrize("dst", DTYPES)
@pytest.mark.parametrize("src", [name for name, dtype in DTYPES.items() if dtype.itemsize <= 2])
def test_every_code_of_small_types(src: str, dst: str) -> None:
    check(src, dst, every_code(src))


@pytest.mark.parametrize("name", SMALL_FLOATS)
@pytest.mark.parametrize("wide", ["float32", "float64"])
def test_every_code_survives_the_way_there_and_back(name: str, wide: str) -> None:
    values = every_code(name)
    back = convert(wide, name, convert(name, wide, values))
    is_nan = np.isnan(values.astype(np.float32))
    np.testing.assert_array_equal(codes(back)[~is_nan], codes(values)[~is_nan])
    assert (codes(back)[is_nan] == CANONICAL_NAN[name]).all()


def midpoints(name: str, wide: str) -> Array:
    """Midpoints between neighbouring codes, one step above and below each, and both signs."""
    with np.errstate(all="ignore"):
        exact = every_code(name).astype(np.float64)
        exact = np.unique(exact[np.isfinite(exact)])
        middle = ((exact[1:] + exact[:-1]) / 2).astype(DTYPES[wide])
        largest = exact[-1:].astype(DTYPES[wide])
        beyond = [largest * DTYPES[wide].type(1 + 2.0**-k) for k in range(1, 12)]
        near = [np.nextafter(middle, DTYPES[wide].type(to)) for to in (-np.inf, np.inf)]
    limits = np.array([0.0, np.inf, np.nan, np.finfo(DTYPES[wide]).tiny], DTYPES[wide])
    values = np.concatenate([exact.astype(DTYPES[wide]), middle, *near, *beyond, limits])
    return np.concatenate([values, -values])


@pytest.mark.parametrize("dst", SMALL_FLOATS)
def test_float32_rounds_at_every_midpoint(dst: str) -> None:
    check("float32", dst, midpoints(dst, "float32"))


def test_float64_rounds_once_to_float16() -> None:
    """NumPy converts directly; through float32 the neighbours of a midpoint would fall onto it."""
    check("float64", "float16", midpoints("float16", "float64"))


@pytest.mark.parametrize("dst", ["float8e4nv", "float8e5", "bfloat16"])
@np.errstate(all="ignore")
def test_float64_rounds_once_to_what_numpy_lacks(dst: str) -> None:
    """ml_dtypes goes through float32, so the reference is the neighbour on the right side."""
    exact = every_code(dst).astype(np.float64)
    exact = np.unique(exact[np.isfinite(exact) & (exact >= 0)])
    middle = (exact[1:] + exact[:-1]) / 2
    for value, expected in (
        (np.nextafter(middle, -np.inf), exact[:-1]),
        (np.nextafter(middle, np.inf), exact[1:]),
    ):
        np.testing.assert_array_equal(convert("float64", dst, value).astype(np.float64), expected)
        np.testing.assert_array_equal(convert("float64", dst, -value).astype(np.float64), -expected)


@pytest.mark.parametrize("dst", DTYPES)
@pytest.mark.parametrize("src", ["int32", "int64", "uint32", "uint64"])
def test_large_integers(src: str, dst: str) -> None:
    powers = np.array([1 << k for k in range(64)], dtype=np.uint64)
    steps = np.array([0, 1, 2, 3], dtype=np.uint64)
    near = np.concatenate([powers[:, None] + steps, powers[:, None] - steps]).ravel()
    values = np.random.default_rng(0).integers(0, 2**64, 100_000, dtype=np.uint64, endpoint=False)
    values = np.concatenate([near, values]).astype(DTYPES[src])
    if dst in ("float8e4nv", "float8e5", "bfloat16"):  # ml_dtypes rounds twice where float32 does
        with np.errstate(all="ignore"):
            single = values.astype(np.float32)
            values = values[single.astype(np.longdouble) == values.astype(np.longdouble)]
    check(src, dst, values)


@pytest.mark.parametrize("dst", DTYPES)
@pytest.mark.parametrize("src", ["float32", "float64"])
def test_random_bits_of_large_floats(src: str, dst: str) -> None:
    generator = np.random.default_rng(1)
    bits = generator.integers(0, 256, 200_000 * DTYPES[src].itemsize, dtype=np.uint8)
    scaled = generator.normal(size=100_000) * 2.0 ** generator.integers(-30, 70, 100_000)
    values = np.concatenate([bits.view(src), scaled.astype(src)])
    if src == "float64" and dst in ("float8e4nv", "float8e5", "bfloat16"):
        with np.errstate(all="ignore"):
            values = values.astype(np.float32).astype(np.float64)
    check(src, dst, values)


@pytest.mark.slow
@pytest.mark.parametrize("dst", SMALL_FLOATS)
def test_float32_patterns_over_the_whole_range(dst: str) -> None:
    """Every 251st of all 2^32 patterns: a prime, so every low half occurs (all of them pass)."""
    values = np.arange(0, 1 << 32, 251, dtype=np.uint32).view(np.float32)
    for part in np.array_split(values, 16):
        check("float32", dst, part)


def test_refuses_what_is_no_dtype_and_torn_elements() -> None:
    with pytest.raises(ValueError, match="dtype"):
        _core.convert("float17", "float32", b"")
    with pytest.raises(ValueError, match="3 bytes"):
        _core.convert("float32", "int8", b"abc")
