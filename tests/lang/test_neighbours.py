"""Gathers, scans, sorts and counts: what the comparison with Triton does not reach."""

from __future__ import annotations

import numpy as np
import pytest
from running import run
from test_refusals import refused, statement

import kernbench as kb
import kernbench.language as tl
from kernbench.language import ops_absent
from kernbench.language.builtin import Builtin

N = 64


def computed(expression: str, x: np.ndarray, n: int = N) -> np.ndarray:
    """Return what an expression of `x` is on the machine, `n` elements of it."""
    source = (
        "def kernel(x_ptr, out_ptr, N: tl.constexpr, R: tl.constexpr):\n"
        "    x = tl.load(x_ptr + tl.arange(0, N))\n"
        f"    tl.store(out_ptr + tl.arange(0, R), tl.reshape({expression}, (R,)))\n"
    )
    scope = {"tl": tl, "larger": larger}
    exec(compile(source, __file__, "exec"), scope)
    kernel = tl.jit(scope["kernel"])
    kernel._unsafe_update_src(source)
    with kb.Context("small") as ctx:
        out = ctx.tensor(np.zeros(n, x.dtype))
        kernel[(1,)](ctx.tensor(x), out, len(x), n)
        return out.numpy()


@kb.jit
def larger(a, a_at, b, b_at):
    wins = b > a
    return tl.where(wins, b, a), tl.where(wins, b_at, a_at)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_sorts_along_any_axis(axis: int) -> None:
    x = np.random.default_rng(7).permutation(N).astype(np.int32)
    cube = x.reshape(4, 2, 8)
    got = computed(f"tl.sort(tl.reshape(x, (4, 2, 8)), {axis})", x)
    assert np.array_equal(got.reshape(cube.shape), np.sort(cube, axis))
    got = computed(f"tl.topk(tl.reshape(x, (4, 2, 8)), 2, {axis})", x, 2 * N // cube.shape[axis])
    want = np.flip(np.sort(cube, axis), axis).take([0, 1], axis)
    assert np.array_equal(got.reshape(want.shape), want)


def test_merges_two_orders() -> None:
    x = np.concatenate([np.arange(0, 64, 2), np.arange(63, 0, -2)]).astype(np.float32)
    assert np.array_equal(computed("tl.bitonic_merge(x)", x), np.arange(64))


@pytest.mark.parametrize("dtype", ["int64", "uint32", "int8", "uint64"])
def test_counts_in_pieces_and_what_has_a_bin(dtype: str) -> None:
    x = np.random.default_rng(9).integers(0, 100, 1024).astype(dtype)
    x[:3] = np.iinfo(dtype).max
    assert np.iinfo(dtype).max > 99 or dtype == "int8"
    call = "tl.histogram(x, 64, tl.arange(0, N) % 4 != 1)"
    kept = x[np.arange(1024) % 4 != 1].astype(np.int64)
    want = np.bincount(kept[(kept >= 0) & (kept < 64)], minlength=64)
    assert np.array_equal(computed(call, x, 64), want)


def test_scans_several_tensors_together() -> None:
    x = np.random.default_rng(3).permutation(N).astype(np.int32)
    got = computed("tl.associative_scan((x, tl.arange(0, N)), 0, larger)[1]", x)
    assert np.array_equal(x[got], np.maximum.accumulate(x))
    got = computed("tl.reduce((x, tl.arange(0, N)), 0, larger)[1]", x, 1)
    assert got[0] == x.argmax()


@tl.jit
def moved(x_ptr, out_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    left, right = tl.split(tl.reshape(x, (N // 2, 2)))
    halves = tl.cat(tl.flip(left), right)
    tl.store(out_ptr + offs, tl.gather(halves, offs ^ 3, 0) + tl.cumsum(x, 0))
    tl.store(out_ptr + N + offs, tl.sort(x, descending=True))
    tl.store(out_ptr + 2 * N + offs, tl.histogram(x, N, x != 5))


def test_the_engine_moves_as_numpy_does() -> None:
    x = np.random.default_rng(2).integers(-3, N, N).astype(np.int32)
    out = np.zeros(3 * N, np.int32)
    run(moved, 1, x, out, N)
    assert np.array_equal(out[N : 2 * N], np.sort(x)[::-1])
    assert np.array_equal(out[2 * N :], np.bincount(x[(x >= 0) & (x != 5)], minlength=N))


def test_a_sum_of_floats_has_one_order() -> None:
    x = np.random.default_rng(1).standard_normal(N).astype(np.float32)
    want, step = x.copy(), 1
    while step < N:
        want[step:] = want[:-step] + want[step:]
        step *= 2
    assert np.array_equal(computed("tl.cumsum(x)", x), want)


def test_splits_what_was_joined_and_joins_scalars() -> None:
    x = np.arange(N, dtype=np.float32)
    assert np.array_equal(computed("tl.join(*tl.split(tl.reshape(x, (32, 2))))", x), x)
    assert np.array_equal(computed("tl.join(1.5, 2.5)", x, 2), [1.5, 2.5])
    assert np.array_equal(computed("tl.cat(x, x + 64)", x, 2 * N), np.arange(2 * N))


def test_an_index_outside_of_its_axis_is_told_with_the_line() -> None:
    x = np.arange(N, dtype=np.int32)
    with pytest.raises(kb.OutOfBoundsError, match=r"kernel:3: gather: .*from 0 to 63, got 64"):
        computed("tl.gather(x, x + 1, 0)", x)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("y = tl.gather(x, x, 0)", "expected an index of integers"),
        ("y = tl.gather(a, i, 0)", "expected an index with the shape of"),
        ("y = tl.flip(x, 1)", "expected an axis from -1 to 0, got 1"),
        ("y = tl.split(a)", "expected a last dimension of 2"),
        ("y = tl.join(x, i)", "expected tensors of one dtype"),
        ("y = tl.cat(x, a)", "expected tensors of one shape"),
        ("y = tl.cumsum(n)", "expected a tensor with dimensions"),
        ("y = tl.topk(x, 3)", "expected a k that is a power of 2"),
        ("y = tl.histogram(x, 8)", "expected integers in one dimension"),
        ("y = tl.associative_scan(x, 0, n)", "expected a function decorated with @kb.jit"),
        ("y = tl.associative_scan(i, 0, tl.fdiv)", "tl.fdiv expects floats"),
        ("y = tl.float8e4b15", "the machine has float8e4nv and float8e5"),
    ],
)
def test_refuses(line: str, message: str) -> None:
    error = refused(statement(line), np.zeros(N, np.float32), 3, N)
    assert message in str(error)


ABSENT = sorted(each.name for each in vars(ops_absent).values() if isinstance(each, Builtin))


@pytest.mark.parametrize("name", ABSENT)
def test_what_is_not_there_says_what_to_use(name: str) -> None:
    error = refused(statement(f"y = tl.{name}(x, 1)"), np.zeros(N, np.float32), 3, N)
    assert f"tl.{name} is not implemented; " in str(error)


def test_every_name_is_there_or_says_what_to_use() -> None:
    with pytest.raises(AttributeError, match="float8e4nv"):
        tl.float8e4b8  # noqa: B018
    assert set(ABSENT) <= set(tl.__all__)
