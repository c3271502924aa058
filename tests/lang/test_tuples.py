"""Tuples and named tuples: made in kernels, handed to them, and carried through control flow."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from running import run

import kernbench as kb
import kernbench.language as tl
from kernbench.errors import CompilationError


class Matrix(NamedTuple):
    ptr: tl.tensor
    stride: int
    bias: tl.tensor | None = None


@tl.jit
def sum_of_matrices(matrices, out_ptr, factors, N: tl.constexpr, FIRST: tl.constexpr):
    tl.static_assert(isinstance(matrices[0], Matrix) and not isinstance(factors, Matrix))
    offs = tl.arange(0, N)
    total = tl.zeros((N,), tl.float32)
    for matrix in matrices:
        if matrix.bias is not None:
            total += tl.load(matrix.bias + offs)
        total += tl.load(matrix.ptr + offs * matrix.stride)
    scale, shift = factors
    tl.store(out_ptr + FIRST.stride + offs, total * scale + shift)


def test_tuples_of_tensors_and_numbers_are_arguments():
    x, y = np.arange(16, dtype=np.float32), np.ones(16, np.float32)
    with kb.Context("small") as ctx:
        a, b, out = ctx.tensor(x), ctx.tensor(y), ctx.zeros((9,))
        first = Matrix(None, 1)
        sum_of_matrices[(1,)]((Matrix(a, 2), Matrix(b, 1, b)), out, (2, 0.5), 8, first)
        np.testing.assert_array_equal(out.numpy()[1:], (x[::2] + 2) * 2 + 0.5)
        sum_of_matrices[(1,)]((Matrix(a, 2), Matrix(b, 1)), out, (3, 0.5), 8, first)
        np.testing.assert_array_equal(out.numpy()[1:], (x[::2] + 1) * 3 + 0.5)
    assert len(sum_of_matrices._compiled) == 2, "one for each set of types, not of values"


class State(NamedTuple):
    count: tl.tensor
    total: tl.tensor
    step: int = 2


@tl.jit
def advanced(state, x):
    if x > 4:
        return State(state.count, state.total + x, step=state.step)
    return State(state.count + 1, state.total)


@tl.jit
def counted(x_ptr, out_ptr, n):
    state = State(0, 0)
    for i in range(0, n, state.step):
        state = advanced(state, tl.load(x_ptr + i))
    tl.store(out_ptr, state.count)
    tl.store(out_ptr + 1, state.total)
    tl.store(out_ptr + 2, len(state) + state[2])


def test_named_tuples_go_through_loops_branches_and_helpers():
    x, out = np.array([1, 0, 7, 0, 5, 0, 2], np.int32), np.zeros(3, np.int32)
    run(counted, 1, x, out, 7)
    assert out.tolist() == [2, 12, 5]


@tl.jit
def printed(x_ptr, n):
    pointer = tl.make_block_ptr(x_ptr, (8,), (1,), (0,), (8,), (0,))
    tl.static_print((n, 2), State(n, 3), tl.tuple(State(n, 3)), pointer)


def test_tuples_are_printed_by_what_they_hold(capsys):
    with kb.Context("small") as ctx:
        printed[(1,)](ctx.zeros((8,)), 5)
    held = "(scalar int32, 3, 2)"
    text = f"(scalar int32, 2) State{held} {held} block pointer of fp32[8]\n"
    assert capsys.readouterr().out == text


@tl.jit
def misspelled(out_ptr):
    tl.store(out_ptr, State(0, 0).totals)


@tl.jit
def too_few(out_ptr):
    tl.store(out_ptr, State(0).total)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (misspelled, "State has no field 'totals'; it has count, total, step"),
        (too_few, r"State\(count, total, step\): missing a required argument: 'total'"),
    ],
)
def test_named_tuples_refuse_what_they_do_not_have(kernel, message):
    with kb.Context("small") as ctx, pytest.raises(CompilationError, match=message):
        kernel[(1,)](ctx.tensor([0]))


def test_a_tensor_for_a_constant_is_a_plain_mistake():
    with kb.Context("small") as ctx:
        x = ctx.zeros((4,))
        with pytest.raises(TypeError, match="'FIRST' is a Tensor, and the parameter is annotated"):
            sum_of_matrices[(1,)]((), x, (1, 1), 4, x)
