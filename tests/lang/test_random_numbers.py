"""tl.rand and its kin: the numbers that Triton 3.7.1 gives."""

from __future__ import annotations

import numpy as np
import pytest
from running import run

import kernbench.language as tl
from kernbench.errors import CompilationError


@tl.jit
def draw(ints_ptr, floats_ptr, seed, N: tl.constexpr):
    offs = tl.arange(0, N)
    a, b, c, d = tl.randint4x(seed, offs.to(tl.int64) * 5000000000 - 3)
    tl.store(ints_ptr + offs, a)
    tl.store(ints_ptr + N + offs, b)
    tl.store(ints_ptr + 2 * N + offs, c)
    tl.store(ints_ptr + 3 * N + offs, d)
    tl.store(ints_ptr + 4 * N + offs, tl.randint(seed, offs, 3))
    tl.store(floats_ptr + offs, tl.rand(seed, offs))
    tl.store(floats_ptr + N + offs, tl.randn(seed, offs))
    _, _, x, y = tl.randn4x(seed, offs)
    tl.store(floats_ptr + 2 * N + offs, x)
    tl.store(floats_ptr + 3 * N + offs, y)


# By seed: what randint4x gives at offsets beyond 32 bits and below 0, randint in 3 rounds; rand,
# randn and the last two of randn4x at offsets 0 to 3.
TRITON = {
    123: (
        """
        2771444947 2250241310 3684160119 2875895212
        2397398542 3010793328 3710874459 11421167
        202878774 2025483966 1081862783 4273461713
        1574383286 1019926274 2798153463 2639419218
        2867391378 1760495049 3899956411 38564698
        """,
        """
        0.13389548659324646 0.7207006216049194 0.34458476305007935 0.23751315474510193
        0.6753043532371521 0.8019989728927612 -1.459712028503418 0.004234171472489834
        -0.8638191223144531 -0.12663087248802185 0.9408146142959595 -0.4755226671695709
        0.7940049767494202 1.3242321014404297 0.36005479097366333 1.477403998374939
        """,
    ),
    -7: (
        """
        4013059234 2139862248 2394762124 4015565728
        3912042370 3145889198 641058752 2972660663
        2802280789 1402449455 924442269 810389867
        3069232672 3049517893 2798706672 702513916
        1519286260 2559154564 4256390196 2999947077
        """,
        """
        0.21381671726703644 0.9372270107269287 0.9754988551139832 0.3165605664253235
        0.35215410590171814 -0.2535119652748108 0.03910007327795029 1.0161556005477905
        -1.7089437246322632 1.9548505544662476 -0.8865313529968262 -0.35770830512046814
        3.1223983764648438 0.0916781947016716 -0.1040063127875328 -0.4413903057575226
        """,
    ),
    1099511627785: (
        """
        3546649560 2885613293 185863182 3725308266
        2232795862 929787587 2679016623 1112400183
        2583100706 56521347 2737310415 3713554145
        1633788271 1224775296 377358454 2390029743
        879082874 4133638420 1237448088 2696616782
        """,
        """
        0.6965850591659546 0.8668834567070007 0.7124685645103455 0.5572839379310608
        0.2593759000301361 0.5331024527549744 -0.7888901829719543 0.7225993275642395
        -1.152940273284912 -0.5577048659324646 -0.4571712911128998 -0.571731686592102
        0.47952574491500854 1.1559094190597534 0.030104059725999832 1.8400849103927612
        """,
    ),
}


@pytest.mark.parametrize("seed", TRITON)
def test_the_numbers_are_triton_s(seed):
    ints, floats = np.zeros((5, 4), np.uint32), np.zeros((4, 4), np.float32)
    run(draw, 1, ints, floats, seed, N=4)
    expected_ints, expected_floats = (np.array(text.split()) for text in TRITON[seed])
    assert np.array_equal(ints.ravel(), expected_ints.astype(np.uint32))
    expected = expected_floats.astype(np.float32).reshape(4, 4)
    assert np.array_equal(floats[0], expected[0])
    np.testing.assert_allclose(floats, expected, rtol=2e-6)


# Where Triton's interpreter gives 0.
DROPPED = {
    *(1, 8, 10, 11, 12, 16, 18, 19, 23, 33, 36, 38, 49, 53),
    *(56, 57, 63, 64, 68, 70, 72, 81, 84, 85, 88, 89, 90, 95, 99),
}


@tl.jit
def dropout(x_ptr, out_ptr, n, p, seed, B: tl.constexpr):
    offs = tl.program_id(0) * B + tl.arange(0, B)
    mask = offs < n
    x = tl.load(x_ptr + offs, mask=mask)
    keep = tl.rand(seed, offs) > p
    tl.store(out_ptr + offs, tl.where(keep, x / (1 - p), 0.0), mask=mask)


@pytest.mark.parametrize("block", [16, 64])
def test_dropout_does_not_depend_on_the_blocks(block):
    x, out = np.ones(100, np.float32), np.zeros(100, np.float32)
    run(dropout, -(-100 // block), x, out, 100, 0.25, 512, B=block)
    assert set(out.tolist()) == {0.0, float(np.float32(1) / np.float32(0.75))}
    assert set(np.flatnonzero(out == 0).tolist()) == DROPPED


@tl.jit
def of_a_float(out_ptr):
    tl.store(out_ptr, tl.rand(1.5, tl.arange(0, 4)))


def test_a_seed_is_an_integer():
    with pytest.raises(CompilationError, match="seed of random numbers: expected an integer"):
        run(of_a_float, 1, np.zeros(4, np.float32))
