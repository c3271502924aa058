"""Types of results: Triton's promotion, casts, and who knows a value."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from running import FakeTensor, compiled, run

import kernbench
import kernbench.language as tl
from kernbench.language.dtypes import DTYPES, round_to, to_dtype
from kernbench.language.promotion import promote


@tl.jit
def show_type(x_ptr, y_ptr, OP: tl.constexpr, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    y = tl.load(y_ptr + offs)
    if OP == "+":
        z = x + y
    elif OP == "/":
        z = x / y
    elif OP == "//":
        z = x // y
    elif OP == "<":
        z = x < y
    elif OP == "number":
        z = x * 2
    elif OP == "float":
        z = x * 0.5
    elif OP == "assigned":
        half = 0.5
        z = x * half
    elif OP == "max":
        z = tl.maximum(x, 0.0)
    elif OP == "sum":
        z = tl.sum(x)
    elif OP == "greatest":
        z = tl.max(x)
    tl.static_print(z.dtype)


def dtype_of(capsys, op, x, y="float32"):
    """Name of the type of ``x op y``."""
    tensors = [FakeTensor(np.zeros(8, np.float32)) for _ in range(2)]
    tensors[0].dtype, tensors[1].dtype = x, y
    show_type.compile(*tensors, OP=op, N=8)
    show_type._compiled.clear()
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    ("op", "x", "y", "result"),
    [
        ("+", "float16", "float16", "fp16"),
        ("+", "float16", "bfloat16", "fp16"),
        ("+", "bfloat16", "bfloat16", "bf16"),
        ("+", "bfloat16", "float32", "fp32"),
        ("+", "float64", "float32", "fp64"),
        ("+", "int64", "float16", "fp16"),
        ("+", "int64", "bfloat16", "fp32"),
        ("+", "int8", "int32", "int32"),
        ("+", "uint32", "int32", "uint32"),
        ("+", "uint8", "int32", "int32"),
        ("+", "bool", "int8", "int8"),
        ("+", "float8e4nv", "float8e5", "fp16"),
        ("+", "float8e4nv", "float8e4nv", "fp8e4nv"),
        ("/", "float16", "float16", "fp32"),
        ("/", "int32", "int32", "fp32"),
        ("/", "int32", "float64", "fp64"),
        ("//", "int16", "int32", "int32"),
        ("<", "float16", "float32", "int1"),
        ("number", "float16", "", "fp16"),
        ("number", "int8", "", "int8"),
        ("float", "float16", "", "fp16"),
        ("float", "int32", "", "fp32"),
        ("assigned", "float16", "", "fp32"),
        ("max", "float16", "", "fp32"),
        ("sum", "float16", "", "fp16"),
        ("sum", "int8", "", "int32"),
        ("sum", "uint8", "", "uint32"),
        ("greatest", "float16", "", "fp32"),
        ("greatest", "bfloat16", "", "fp32"),
        ("greatest", "int8", "", "int32"),
    ],
)
def test_types_of_results(capsys, op, x, y, result):
    assert dtype_of(capsys, op, x, y or "float32") == result


def test_promotion_is_defined_for_every_pair_of_numbers():
    for a in DTYPES:
        for b in DTYPES:
            fp8 = a.is_fp8() or b.is_fp8()
            if fp8 and not (a.is_floating() and b.is_floating()):
                continue
            assert promote(a, b) in DTYPES


@tl.jit
def arithmetic(a_ptr, b_ptr, out_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    a, b = tl.load(a_ptr + offs), tl.load(b_ptr + offs)
    tl.store(out_ptr + offs, a // b)
    tl.store(out_ptr + N + offs, a % b)
    tl.store(out_ptr + 2 * N + offs, (a << 2) | (b & 3) ^ 1)
    tl.store(out_ptr + 3 * N + offs, ~a >> 1)
    tl.store(out_ptr + 4 * N + offs, -a + (not b) + (a > 0).to(tl.int32))
    tl.store(out_ptr + 5 * N + offs, a / b)


def test_integer_division_truncates():
    a = np.array([7, -7, 7, -7, 0, 1, 6, -6], np.int32)
    b = np.array([2, 2, -2, -2, 5, 3, 3, 3], np.int32)
    out = np.zeros((6, 8), np.int32)
    run(arithmetic, 1, a, b, out, N=8)
    quotient = np.trunc(a / b).astype(np.int32)
    np.testing.assert_array_equal(out[0], quotient)
    np.testing.assert_array_equal(out[1], a - b * quotient)
    np.testing.assert_array_equal(out[2], (a << 2) | (b & 3) ^ 1)
    np.testing.assert_array_equal(out[3], ~a >> 1)
    np.testing.assert_array_equal(out[4], -a + (b == 0) + (a > 0))
    np.testing.assert_array_equal(out[5], quotient)


@tl.jit
def known_at_once(out_ptr, n, N: tl.constexpr):
    """Compute on scalars and index blocks: nothing but the stores needs an engine."""
    offs = tl.arange(0, N) - 3
    tl.store(out_ptr + offs + 3, offs // n)
    tl.store(out_ptr + offs + N + 3, offs % n)
    tl.store(out_ptr + offs + 2 * N + 3, tl.where(offs > 0, offs, n) + (n // -2) + (-7 // 2))
    tl.store(out_ptr + offs + 3 * N + 3, tl.minimum(offs, n) ^ (offs << 1) if n > 0 else offs)


def test_index_arithmetic_needs_no_engine():
    out = np.zeros((4, 8), np.int32)
    made = compiled(known_at_once, out, 3, N=8)
    run(known_at_once, 1, out, 3, N=8)
    i = np.arange(8) - 3
    np.testing.assert_array_equal(out[0], np.trunc(i / 3))
    np.testing.assert_array_equal(out[1], np.fmod(i, 3))
    np.testing.assert_array_equal(out[2], np.where(i > 0, i, 3) - 1 + (-7 // 2))
    np.testing.assert_array_equal(out[3], np.minimum(i, 3) ^ (i << 1))
    from kir_interpreter import decode

    assert not {"math", "load", "full"} & {inst.op for inst in decode(made.code).insts}


@tl.jit
def conversions(x_ptr, out_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    tl.store(out_ptr + offs, x)
    tl.store(out_ptr + N + offs, x.to(tl.bfloat16).to(tl.float32))
    tl.store(
        out_ptr + 2 * N + offs, tl.cast(x, tl.int32, bitcast=True).to(tl.float32, bitcast=True)
    )
    tl.store(out_ptr + 3 * N + offs, offs.to(tl.float32) * 0.5)
    tl.store(out_ptr + 4 * N + offs, tl.full([N], 3, tl.float32) + tl.zeros_like(x))
    tl.store(out_ptr + 5 * N + offs, (offs < 3).to(tl.float16))
    tl.store(out_ptr + 6 * N + offs, tl.where(offs < 3, 1.5, 0.0))


def test_conversions():
    x = np.linspace(-2, 2, 8).astype(np.float32)
    out = np.zeros((7, 8), np.float32)
    run(conversions, 1, x, out, N=8)
    i = np.arange(8)
    expected = [
        x,
        x.astype(ml_dtypes.bfloat16),
        x,
        i / 2,
        0 * i + 3,
        i < 3,
        np.where(i < 3, 1.5, 0),
    ]
    np.testing.assert_array_equal(out, np.array([np.asarray(e, np.float32) for e in expected]))


@pytest.mark.parametrize(
    ("name", "numpy"),
    [
        ("float16", np.float16),
        ("bfloat16", ml_dtypes.bfloat16),
        ("float8e4nv", ml_dtypes.float8_e4m3fn),
        ("float8e5", ml_dtypes.float8_e5m2),
        ("float32", np.float32),
    ],
)
def test_constants_are_rounded_as_the_engine_would(name, numpy):
    rng = np.random.default_rng(9)
    samples = np.concatenate(
        [
            rng.standard_normal(500) * 10.0 ** rng.integers(-9, 6, 500),
            [0.0, -0.0, 1e40, 464.0, 465.0],
        ]
    )
    with np.errstate(over="ignore"):
        expected = samples.astype(numpy).astype(np.float64)
    got = np.array([round_to(float(x), to_dtype(name)) for x in samples])
    np.testing.assert_array_equal(got, expected)


def test_names_of_dtypes():
    assert to_dtype("torch.float16") is tl.float16
    assert to_dtype(np.dtype("bool")) is tl.int1
    assert to_dtype("*fp32".lstrip("*")) is tl.float32
    assert (tl.float16.name, str(tl.int1), repr(tl.bfloat16)) == (
        "fp16",
        "int1",
        "triton.language.bf16",
    )
    assert tl.pointer_type(tl.float16).element_ty is tl.float16
    assert tl.int1.itemsize == 1 and tl.float64.itemsize == 8
    with pytest.raises(TypeError, match=r"expected a dtype, one of .*; got 'float12'"):
        to_dtype("float12")


@tl.jit
def compare_with_numbers(x_ptr, half_ptr, out_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + offs)
    half = tl.load(half_ptr + offs)
    tl.store(out_ptr + offs, x < 300)
    tl.store(out_ptr + N + offs, x > -(2**40))
    tl.store(out_ptr + 2 * N + offs, half == 0.1)
    tl.store(out_ptr + 3 * N + offs, half == 0.5)


def test_numbers_have_their_own_type_in_comparisons() -> None:
    x = np.array([-128, 0, 127, 5], np.int8)
    half = np.array([0.1, 0.5, np.inf, 0], np.float16)
    out = np.full((4, 4), 7, np.int8)
    run(compare_with_numbers, 1, x, half, out, N=4)
    # fp16's 0.1 is not fp32's.
    np.testing.assert_array_equal(out, [[1] * 4, [1] * 4, [0] * 4, [0, 1, 0, 0]])


@tl.jit
def shift_signed_by_unsigned(x_ptr, n_ptr, out_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    tl.store(out_ptr + offs, tl.load(x_ptr + offs) >> tl.load(n_ptr + offs))


def test_shift_right_takes_its_kind_from_the_left_operand() -> None:
    x, n = np.array([-128, -1, 64, -7], np.int8), np.array([1, 3, 2, 1], np.uint8)
    out = np.zeros(4, np.uint8)
    run(shift_signed_by_unsigned, 1, x, n, out, N=4)
    np.testing.assert_array_equal(out, (x >> n.astype(np.int8)).astype(np.uint8))


@tl.jit
def add_float_argument(x_ptr, f, out_ptr, N: tl.constexpr):
    offs = tl.arange(0, N)
    tl.store(out_ptr + offs, tl.load(x_ptr + offs) + f)


def test_float_arguments_are_rounded_to_fp32() -> None:
    with kernbench.Context("small") as ctx:
        out = ctx.zeros(4, dtype=tl.float64)
        add_float_argument[(1,)](ctx.tensor(np.zeros(4)), 0.1, out, N=4)
        np.testing.assert_array_equal(out.numpy(), np.float64(np.float32(0.1)))
