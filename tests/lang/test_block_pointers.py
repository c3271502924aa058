"""Block pointers: what is read and written, what control flow carries, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from running import run
from test_refusals import refused, statement

import kernbench as kb
import kernbench.language as tl

ROWS, COLUMNS = 6, 10


@tl.jit
def corner(x_ptr, out_ptr, top, left, R: tl.constexpr, C: tl.constexpr, CHECK: tl.constexpr):
    x = tl.make_block_ptr(x_ptr, (6, 10), (10, 1), (top, left), (R, C), (1, 0))
    out = tl.make_block_ptr(out_ptr, (R, C), (C, 1), (0, 0), (R, C), order=(1, 0))
    tl.store(out, tl.load(x, boundary_check=CHECK, padding_option="zero"))


def test_checked_dimensions_are_read_as_zero() -> None:
    x = np.arange(1, 1 + ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS)
    wide = np.zeros((ROWS + 8, COLUMNS + 8), np.float32)
    wide[4:-4, 4:-4] = x
    for top, left in ((0, 0), (4, 0), (0, 8), (-2, -3), (5, 9), (-4, 10)):
        out = np.full((4, 4), -1, np.float32)
        run(corner, 1, x, out, top, left, 4, 4, (0, 1))
        assert np.array_equal(out, wide[top + 4 : top + 8, left + 4 : left + 8])


def test_a_dimension_that_is_not_checked_goes_on_in_the_next_row() -> None:
    x = np.arange(ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS)
    out = np.full((2, 4), -1, np.float32)
    run(corner, 1, x, out, 3, 8, 2, 4, (0,))
    assert out.tolist() == [[38.0, 39.0, 40.0, 41.0], [48.0, 49.0, 50.0, 51.0]]


@tl.jit
def swept(x_ptr, y_ptr, out_ptr, n, which, B: tl.constexpr):
    if which > 0:
        source = tl.make_block_ptr(x_ptr, (n,), (1,), (0,), (B,), (0,))
    else:
        source = tl.make_block_ptr(y_ptr, (n,), (2,), (B,), (B,), (0,))
    target = tl.make_block_ptr(out_ptr, (n,), (1,), (0,), (B,), (0,))
    while n > 0:
        x = tl.load(source, boundary_check=(0,))
        tl.store(target, x.to(target.dtype.element_ty), boundary_check=(0,))
        source, target = source.advance((B,)), tl.advance(target, [B])
        n -= B


@pytest.mark.parametrize("which", [0, 1])
def test_branches_and_loops_carry_them(which: int) -> None:
    x = np.arange(20, dtype=np.int32)
    y = np.arange(100, 140, dtype=np.int32)
    out = np.zeros(20, np.int64)
    run(swept, 1, x, y, out, 20, which, 8)
    late = np.concatenate([y[16:40:2], np.zeros(8, np.int32)])
    assert np.array_equal(out, x if which else late)


@kb.jit
def padded(x_ptr, out_ptr):
    x = tl.make_block_ptr(x_ptr, (3,), (1,), (0,), (4,), (0,))
    tl.store(out_ptr + tl.arange(0, 4), tl.load(x, boundary_check=(0,), padding_option="nan"))


def test_padding_of_nan() -> None:
    with kb.Context("small") as ctx:
        out = ctx.zeros(4)
        padded[(1,)](ctx.tensor([1.0, 2.0, 3.0]), out)
        assert np.array_equal(out.numpy(), [1, 2, 3, np.nan], equal_nan=True)


@kb.jit
def halves(x_ptr, out_ptr, n, B: tl.constexpr):
    x = tl.make_tensor_descriptor(x_ptr, (n,), (1,), (B,))
    out = tl.make_tensor_descriptor(out_ptr, x.shape, x.strides, x.block_shape)
    for start in range(0, x.shape[0], x.block_shape[0]):
        tl.store_tensor_descriptor(
            out, [start], (tl.load_tensor_descriptor(x, [start]) / 2).to(out.dtype)
        )


def test_descriptors_tell_what_they_describe() -> None:
    x = np.arange(20, dtype=np.float32)
    out = np.zeros(20, np.float32)
    run(halves, 1, x, out, 20, 8)
    assert np.array_equal(out, x / 2)


P = "tl.make_block_ptr(x_ptr, (3,), (1,), (0,), (4,), (0,))"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (P.replace("x_ptr", "n"), "expected a pointer to the first element as base"),
        (P.replace("(1,)", "(1, 2)"), "expected 1 strides, got 2"),
        (P.replace("(4,)", "(3,)"), "powers of 2"),
        (P.replace("(4,)", "(n,)"), "known at compile time"),
        (P.replace("(0,))", "(1,))"), "expected order to be a permutation of (0,), got (1,)"),
        (f"tl.load({P}, mask=True)", "a block pointer takes boundary_check, no mask"),
        (f"tl.load({P}, other=0.0)", "a block pointer takes padding_option, no `other`"),
        (
            f"tl.load({P}, boundary_check=(1,))",
            "expected boundary_check to name dimensions from 0 to 0, got (1,)",
        ),
        (f"tl.load({P}, padding_option='one')", "expected padding_option 'zero' or 'nan'"),
        (f"tl.store({P}, 1.0, mask=True)", "a block pointer takes boundary_check, no mask"),
        (f"tl.advance({P}, (1, 2))", "expected 1 offsets, got 2"),
        ("tl.advance(x_ptr, (1,))", "expected a block pointer made by tl.make_block_ptr, got a"),
        (f"{P} + 1", "expected numbers or tensors, got a block pointer of fp32[4] and a"),
        (f"{P} + (1,)", "expected a tuple, got a block pointer of fp32[4]"),
        (f"y = {P}[1]", "expected a tuple, got a block pointer of fp32[4]"),
        (f"y = len({P})", "expected a tuple, got a block pointer of fp32[4]"),
        (f"y, z = {P}", "expected a tuple, got a block pointer of fp32[4]"),
        (f"for y in {P}: pass", "expected a tuple, got a block pointer of fp32[4]"),
        (f"y = {P}.shape", "shape"),
        (f"y = tl.sum({P})", "expected one value, got a block pointer of fp32[4]"),
        ("tl.load(x_ptr, boundary_check=(0,))", "boundary_check belongs to block pointers"),
    ],
)
def test_refusals_have_a_place_and_a_reason(line: str, message: str) -> None:
    error = refused(statement(line), np.zeros(64, np.float32), 3, 64)
    assert message in str(error)


def test_two_of_different_blocks_do_not_meet() -> None:
    lines = f"p = {P}\n    if n > 0:\n        p = {P.replace('(4,)', '(8,)')}\n    tl.load(p)"
    error = refused(statement(lines), np.zeros(64, np.float32), 3, 64)
    assert "block pointer of fp32[4]" in str(error)
    assert "block pointer of fp32[8]" in str(error)
