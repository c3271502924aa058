"""Functions of libdevice that are made of others, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from running import on_engine
from test_refusals import X, refused, statement

import kernbench.language as tl
from kernbench.language import libdevice

EDGES = [0.0, 0.5, 1.0, 1.5, 2.5, 0.49999997, 8388607.5, 8388608.0, 1e30, 1e-40, np.inf, 3.7]


@tl.jit
def whole(x_ptr, out_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    tl.store(out_ptr + offs, libdevice.rint(x))
    tl.store(out_ptr + N + offs, libdevice.trunc(x))
    tl.store(out_ptr + 2 * N + offs, libdevice.round(x))
    tl.store(out_ptr + 3 * N + offs, libdevice.isinf(x).to(x.dtype))
    tl.store(out_ptr + 4 * N + offs, libdevice.finitef(x).to(x.dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_whole_numbers_and_what_is_finite(dtype: type) -> None:
    rest = np.random.default_rng(4).uniform(-9, 9, 64 - 2 * len(EDGES) - 1)
    x = np.array([*EDGES, *(-np.array(EDGES)), np.nan, *rest], dtype)
    out = on_engine(whole, (1,), [x, np.zeros((5, 64), dtype), 64], {})[1]
    with np.errstate(invalid="ignore"):
        below = np.floor(np.abs(x))
        away = np.copysign(below + (np.abs(x) - below >= 0.5), x)
    for mine, theirs in zip(out[:3], (np.rint(x), np.trunc(x), away), strict=True):
        np.testing.assert_array_equal(mine, theirs)
        signs = ~np.isnan(x)
        assert np.array_equal(np.signbit(mine[signs]), np.signbit(theirs[signs]))
    assert np.array_equal(out[3] == 1, np.isinf(x))
    assert np.array_equal(out[4] == 1, np.isfinite(x))


def test_what_is_missing_says_what_there_is() -> None:
    error = refused(statement("tl.libdevice.log1p(x)"), X, 3, 64)
    assert "libdevice.log1p is not in kernbench; it has abs, ceil" in str(error)
