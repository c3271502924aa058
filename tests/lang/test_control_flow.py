"""Branches, loops, joins, inlining: what is decided when compiled, and what when run."""

from __future__ import annotations

import numpy as np
import pytest
from kir_interpreter import AssertHit, decode
from running import compiled, run, text

import kernbench.language as tl
from kernbench.errors import CompilationError

WIDTH = 4
SCALE = tl.constexpr(3)


def out(n=1, dtype=np.int32):
    return np.zeros(n, dtype)


def scalar(kernel, *args, dtype=np.int32, **kwargs):
    """Return what a kernel stores to its first parameter."""
    result = out(dtype=dtype)
    run(kernel, 1, result, *args, **kwargs)
    return result[0]


@tl.jit
def collatz(out_ptr, n):
    steps = 0
    while n != 1:
        if n % 2 == 0:  # noqa: SIM108 - a branch is what is tested
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
    tl.store(out_ptr, steps)


@pytest.mark.parametrize(("n", "steps"), [(1, 0), (6, 8), (27, 111)])
def test_while_with_a_branch(n, steps):
    assert scalar(collatz, n) == steps


@tl.jit
def swap(out_ptr, n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    tl.store(out_ptr, a)


def test_values_that_a_loop_swaps():
    assert [scalar(swap, n) for n in range(9)] == [0, 1, 1, 2, 3, 5, 8, 13, 21]


@tl.jit
def three_way_swap(out_ptr, n):
    a, b, c = 1, 2, 3
    for i in range(n):
        if i % 2 == 0:
            a, b, c = b, c, a
        else:
            a, c = c, a
    tl.store(out_ptr, a * 100 + b * 10 + c)


def test_a_ring_of_values():
    a, b, c = 1, 2, 3
    for i in range(5):
        a, b, c = (b, c, a) if i % 2 == 0 else (c, b, a)
    assert scalar(three_way_swap, 5) == a * 100 + b * 10 + c


@tl.jit
def nested(out_ptr, n):
    total = 0
    for i in range(n):
        for j in tl.range(i, n, 2):
            total += i * 10 + j
        total -= 1
    tl.store(out_ptr, total)


def test_nested_loops():
    expected = sum(sum(i * 10 + j for j in range(i, 7, 2)) - 1 for i in range(7))
    assert scalar(nested, 7) == expected


@tl.jit
def downwards(out_ptr, n):
    digits = 0
    for i in range(n, 0, -2):
        digits = digits * 10 + i
    tl.store(out_ptr, digits)


def test_a_range_downwards():
    assert scalar(downwards, 7) == 7531


@tl.jit
def unrolled(out_ptr, N: tl.constexpr):
    total = 0
    for i in tl.static_range(1, N):
        for factor in (1, 10):
            total += i * factor
    tl.store(out_ptr, total)


def test_static_range_leaves_no_jump():
    assert scalar(unrolled, N=5) == 110
    assert "jump" not in text(unrolled, out(), N=5)


@tl.jit
def early(out_ptr, n):
    if n > 10:
        tl.store(out_ptr, 1)
        return
    if n > 5:
        tl.store(out_ptr, 2)
    elif n < 0:
        return
    else:
        tl.store(out_ptr, 3)


@pytest.mark.parametrize(("n", "result"), [(11, 1), (7, 2), (5, 3), (-1, 0)])
def test_early_return(n, result):
    assert scalar(early, n) == result


@tl.jit
def classify(n, limit: tl.constexpr = 5):
    if n < 0:
        return -1, "negative"
    for i in range(limit):
        if n == i * i:
            return i, "negative"
    return limit, "negative"


@tl.jit
def calls(out_ptr, n):
    root, _ = classify(n)
    tl.store(out_ptr, root)


@pytest.mark.parametrize(("n", "root"), [(-3, -1), (0, 0), (9, 3), (10, 5)])
def test_returns_of_an_inlined_function(n, root):
    assert scalar(calls, n) == root


@tl.jit
def ternary(out_ptr, n, FLAG: tl.constexpr):
    x = n if n > 3 else 3
    y = 10 if FLAG else undefined_name  # noqa: F821
    tl.store(out_ptr, x * y if (n > 0 and n < 100) or n == -5 else 0)


@pytest.mark.parametrize(("n", "result"), [(5, 50), (1, 30), (-1, 0), (-5, 30), (100, 0)])
def test_conditional_expressions(n, result):
    assert scalar(ternary, n, FLAG=True) == result


@tl.jit
def constants(out_ptr, bias_ptr, N: tl.constexpr, DTYPE: tl.constexpr):
    HALF: tl.constexpr = N // 2
    if bias_ptr is None:  # noqa: SIM108 - a branch is what is tested
        start = WIDTH * SCALE
    else:
        start = tl.load(bias_ptr)
    if tl.float16 == DTYPE and HALF > 2:
        start += 1000
    elif DTYPE.is_fp32():
        start += 2000
    assert HALF >= 1, "N is too small"
    tl.static_assert(N % 2 == 0, "N must be even")
    tl.store(out_ptr, start + HALF + len((1, 2)) + (1 if isinstance(N, int) else 0))


def test_constants_are_decided_when_compiled():
    assert scalar(constants, None, N=8, DTYPE=tl.float16) == 12 + 1000 + 4 + 3
    assert scalar(constants, np.array([5], np.int32), N=4, DTYPE=tl.float32) == 5 + 2000 + 2 + 3
    assert "jump" not in text(constants, out(), None, N=8, DTYPE=tl.float16)


@tl.jit
def carried_kinds(out_ptr, x_ptr, n, N: tl.constexpr):
    """Before the loop a number, an index block and a scalar; at its end three tiles."""
    offs = tl.arange(0, N)
    best = -1
    mask = offs < 0
    ids = offs
    for i in range(n):
        x = tl.load(x_ptr + i * N + offs)
        best = tl.maximum(tl.max(x), best)
        mask = mask | (x == 7)
        ids += x
    tl.store(out_ptr + offs, tl.where(mask, ids, best))


@pytest.mark.parametrize("n", [0, 3])
def test_kinds_that_a_loop_raises(n):
    x = np.random.default_rng(0).integers(0, 9, (3, 8)).astype(np.int32)
    result = out(8)
    run(carried_kinds, 1, result, x, n, N=8)
    seen = (x[:n] == 7).any(axis=0)
    expected = np.where(seen, np.arange(8) + x[:n].sum(0), x[:n].max(initial=-1))
    np.testing.assert_array_equal(result, expected)


@tl.jit
def dies_on_an_edge(out_ptr, x_ptr, n, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    if n > 0:
        tl.store(out_ptr + offs, x)
    for i in range(n):
        if i == 1:
            tl.store(out_ptr + offs, x + 1)
        else:
            y = x * 2
            if n > 5:
                tl.store(out_ptr + offs, y)


def test_tiles_are_freed_on_every_path():
    x = np.arange(8, dtype=np.int32)
    for n, expected in [(0, 0 * x), (1, x), (2, x + 1), (6, 2 * x)]:
        result = out(8)
        run(dies_on_an_edge, 1, result, x, n, N=8)
        np.testing.assert_array_equal(result, expected)


@tl.jit
def loop_from_memory(out_ptr, n_ptr):
    total = 0
    for i in range(tl.load(n_ptr)):
        total += i
    while tl.load(n_ptr) < total:
        total -= 10
    tl.store(out_ptr, total)


def test_bounds_from_memory_are_materialised():
    n = np.array([6], np.int32)
    result = out()
    run(loop_from_memory, 1, result, n)
    assert result[0] == 5


@tl.jit
def checked(out_ptr, x_ptr, n):
    tl.device_assert(n > 0, "n must be positive")
    assert tl.load(x_ptr) > 0, "x must be positive"
    tl.store(out_ptr, n)


def test_device_assert():
    x = np.array([0], np.float32)
    result = out()
    run(checked, 1, result, x, 3)
    with pytest.raises(AssertHit, match="n must be positive"):
        run(checked, 1, result, x, -3)
    strict = tl.jit(debug=True)(checked.fn)
    with pytest.raises(AssertHit, match="x must be positive"):
        run(strict, 1, result, x, 3)


@tl.jit
def printing(out_ptr, N: tl.constexpr):
    tl.static_print(f"N is {N:>4}", tl.arange(0, N), sep=" | ", flush=True)
    for i in range(2):
        tl.static_print("twice compiled", N)
        x = i
        x += 1
    tl.store(out_ptr, N)


def test_static_print(capsys):
    run(printing, 1, out(), N=8)
    assert capsys.readouterr().out == "N is    8 | block int32[8]\ntwice compiled 8\n"


@tl.jit
def hoisted(out_ptr, stride, n, B: tl.constexpr):
    total = 0
    for i in range(n):
        total += i * (stride * B + stride // 3)
    tl.store(out_ptr, total)


def test_loops_repeat_no_arithmetic_of_constant_operands():
    assert scalar(hoisted, 7, 5, B=4) == 10 * (28 + 2)
    few, many = (run(hoisted, 1, out(), 7, n, B=4) for n in (5, 6))
    assert many - few == 5  # multiply, add, count, compare, jump


@tl.jit
def apply(f: tl.constexpr, x, *rest):
    for extra in rest:
        x += extra
    return f(x)


@tl.jit
def square(x):
    return x * x


@tl.jit
def higher_order(out_ptr, f: tl.constexpr, n):
    tl.store(out_ptr, apply(f, n, 1, 2))


def test_functions_as_constants():
    assert scalar(higher_order, square, 4) == 49


def closure_kernel(width):
    @tl.jit
    def kernel(out_ptr, n):
        tl.store(out_ptr, n * width)

    return kernel


def test_closures_are_constants():
    assert scalar(closure_kernel(3), 5) == 15
    assert scalar(closure_kernel(4), 5) == 20


@tl.constexpr_function
def bits(n):
    return n.bit_length()


@tl.jit
def uses_constexpr_function(out_ptr, N: tl.constexpr):
    tl.store(out_ptr, bits(N) + tl.next_power_of_2(N) + tl.cdiv(N, 4))


def test_constexpr_functions():
    assert scalar(uses_constexpr_function, N=9) == 4 + 16 + 3


@tl.jit
def disagree(out_ptr, x_ptr, n):
    x = tl.load(x_ptr + tl.arange(0, 8))
    y = tl.zeros([8], tl.float32)
    for _ in range(n):
        y = x
    tl.store(out_ptr + tl.arange(0, 8), y)


def test_a_join_that_does_not_agree_names_both_definitions():
    with pytest.raises(CompilationError) as caught:
        text(disagree, out(8), np.zeros(8, np.float16), 3)
    message = caught.value.message
    first = disagree.source.first_line
    assert f"'y' is a tile fp32[8] from line {first + 2}" in message
    assert f"a tile fp16[8] from line {first + 4}" in message


@tl.jit
def static_conditions(out_ptr, ON: tl.constexpr):
    x = 1
    while ON:
        tl.store(out_ptr, x)
        return
    while not ON and x == 2:
        x = undefined_name  # noqa: F821
    for i in range(3):
        x += (y := i) + y
    tl.store(out_ptr, x + 100)


def test_loops_whose_condition_is_constant():
    assert scalar(static_conditions, ON=True) == 1
    assert scalar(static_conditions, ON=False) == 107


@tl.jit
def many_values(out_ptr, n, N: tl.constexpr):
    total = 0
    for i in tl.static_range(N):
        total += (n + i) * (n - i) // (i + 1)
    tl.store(out_ptr, total)


def test_registers_are_shared():
    expected = sum(int((9 + i) * (9 - i) / (i + 1)) for i in range(200))
    assert scalar(many_values, 9, N=200) == expected
    made = compiled(many_values, out(), 9, N=200)
    kernel = decode(made.code)
    constants = sum(inst.op == "const" for inst in kernel.insts)
    assert len(kernel.regs) < constants + 10 < len(kernel.insts) / 4
