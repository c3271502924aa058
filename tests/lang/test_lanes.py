"""``tl.map_elementwise``: a function of one element does to a tensor what Python does to each."""

from __future__ import annotations

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl
from kernbench.errors import CompilationError


@tl.jit
def collatz(x):
    if x % 2 == 0:
        return x // 2
    return 3 * x + 1


@tl.jit
def branches(x, a):
    y = 0.0
    if x > 0:
        if x > 2:
            if a > 0:
                return x * 10
            y = 1.0
        else:
            y = x
    elif a > 0:
        y = -x if x < -2 else 5.0
    return y + clipped(x)


@tl.jit
def clipped(x):
    if x > 3:
        return 3.0
    else:
        if not x >= -3:
            return -3.0
    return x


@tl.jit
def loops(x, a):
    y = 0.0
    for i in range(3):
        if x > i:
            y += 1
        y += a
    k = 0
    while k < 2:
        y = y * 2 if a > 0 else y
        k += 1
    return y


@tl.jit
def pairs(x, a):
    best = (x, 1) if x > a else (a, 2)
    if x == a:
        return 0.5, 0
    return best


@tl.jit
def mapped(x_ptr, a_ptr, out_ptr, which_ptr, F: tl.constexpr, N: tl.constexpr):
    offs = tl.arange(0, N)
    x, a = tl.load(x_ptr + offs), tl.load(a_ptr + offs)
    if F.__name__ == "pairs":
        value, which = tl.map_elementwise(F, x, a)
        tl.store(which_ptr + offs, which)
        tl.store(out_ptr + offs, value)
    else:
        tl.store(out_ptr + offs, tl.map_elementwise(F, x, a))


X = np.tile(np.arange(-4, 4), 8).astype(np.float32)
A = np.repeat(np.arange(-4, 4), 8).astype(np.float32)


@pytest.mark.parametrize("function", [branches, loops, pairs])
def test_as_python_does_to_each_element(function, monkeypatch):
    monkeypatch.setitem(globals(), "clipped", clipped.fn)
    want = [function.fn(x, a) for x, a in zip(X.tolist(), A.tolist(), strict=True)]
    monkeypatch.undo()
    with kb.Context("small") as ctx:
        out, which = ctx.zeros((64,)), ctx.tensor(np.zeros(64, np.int32))
        mapped[(1,)](ctx.tensor(X), ctx.tensor(A), out, which, function, 64)
        if function is pairs:
            np.testing.assert_array_equal(which.numpy(), [pair[1] for pair in want])
            want = [pair[0] for pair in want]
        np.testing.assert_array_equal(out.numpy(), np.array(want, np.float32))


@tl.jit
def indices(out_ptr, N: tl.constexpr):
    i = tl.arange(0, N)
    tl.store(
        out_ptr + i[:, None] * N + i[None, :], tl.map_elementwise(product, i[:, None], i[None, :])
    )


@tl.jit
def product(i, j):
    if i > j:
        return i * j
    return collatz(i)


def test_what_is_mapped_is_broadcast_and_may_be_indices():
    i, j = np.arange(8)[:, None], np.arange(8)[None, :]
    with kb.Context("small") as ctx:
        out = ctx.tensor(np.zeros((8, 8), np.int32))
        indices[(1,)](out, 8)
        want = np.where(i > j, i * j, np.where(i % 2 == 0, i // 2, 3 * i + 1))
        np.testing.assert_array_equal(out.numpy(), want)


@tl.jit
def reads(x, a):
    return tl.load(x) + a


@tl.jit
def no_result(x, a):
    if x > a:
        return x


@tl.jit
def two_types(x, a):
    if x > a:
        return x
    return 1


@tl.jit
def out_of_a_loop(x, a):
    for i in range(3):
        if x > i:
            return a
    return x


@tl.jit
def as_long_as_it_takes(x, a):
    while x > 0:
        x -= a
    return x


@tl.jit
def stores(x, a):
    tl.debug_barrier()
    return x


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (reads, "expected a pointer or a block of pointers"),
        (stores, "a function of one element cannot wait_memory"),
        (no_result, "expected no_result to return a value on every path"),
        (two_types, "the result of two_types is a tile fp32.* and a constexpr 1"),
        (out_of_a_loop, "return in a loop is not supported in a function of one element"),
        (as_long_as_it_takes, "expected one truth as condition"),
    ],
)
def test_what_a_function_of_one_element_cannot_do(function, message):
    with kb.Context("small") as ctx:
        x = ctx.tensor(X)
        with pytest.raises(CompilationError, match=message):
            mapped[(1,)](x, x, x, x, function, 64)
