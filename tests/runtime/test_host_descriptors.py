"""Tensor descriptors made by the host: arguments of kernels, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl
from kernbench.triton.tools.tensor_descriptor import TensorDescriptor


@kb.jit
def described(source, rows, columns, R: tl.constexpr, C: tl.constexpr):
    if isinstance(source, tl.tensor_descriptor):
        return source
    else:
        return tl.make_tensor_descriptor(source, [rows, columns], [columns, 1], [R, C])


@kb.jit
def doubled(source, scale, target, rows, columns, R: tl.constexpr, C: tl.constexpr):
    source = described(source, rows, columns, R, C)
    target = described(target, rows, columns, R, C)
    for i in range(0, source.shape[0], R):
        target.store([i, 0], source.load([i, 0]) * scale)


def test_a_kernel_takes_descriptors_and_pointers() -> None:
    values = np.arange(70, dtype=np.float32).reshape(10, 7)
    with kb.Context("small") as ctx:
        x, out = ctx.tensor(values), ctx.zeros(10, 7)
        whole = TensorDescriptor.from_tensor(x, [4, 8])
        for source, target in (
            (whole, out),
            (x, TensorDescriptor(out, out.shape, out.stride(), (4, 8))),
            (whole, TensorDescriptor.from_tensor(out, [4, 8])),
        ):
            out.zero_()
            doubled[(1,)](source, 2.0, target, 10, 7, R=4, C=8)
            assert np.array_equal(out.numpy(), values * 2)
        n_kernels = len(doubled._compiled)
        doubled[(1,)](TensorDescriptor(x, [5, 7], [14, 1], [4, 8]), 3.0, out, 10, 7, R=4, C=8)
        assert len(doubled._compiled) == n_kernels  # shapes and strides are known at run time
        assert np.array_equal(out.numpy()[:5], values[::2] * 3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, [1], [1], [1]), TypeError, "expected a tensor as base, got a int"),
        (("x", [10, 7], [7], [4, 8]), ValueError, "of one length, got 2, 1, 2"),
        (("x", [], [], []), ValueError, "of one length, got 0, 0, 0"),
        (("x", [10, 7], [7, 1], [4, 8], "nan"), ValueError, "padding 'zero'.*got 'nan'"),
        (("x", [10, 7], [7, 1], [3, 8]), kb.CompilationError, r"powers of 2, got \[3, 8\]"),
        (("host", [10, 7], [7, 1], [4, 8]), ValueError, "argument 'source' cannot be accessed"),
    ],
)
def test_what_is_refused(arguments: tuple[Any, ...], error: type, message: str) -> None:
    with kb.Context("small") as ctx:
        x = ctx.tensor(np.zeros((10, 7), np.float32))
        named = {"x": x, "host": x.cpu()}
        base = named.get(arguments[0], arguments[0])
        with pytest.raises(error, match=message):
            doubled[(1,)](TensorDescriptor(base, *arguments[1:]), 1.0, x, 10, 7, R=4, C=8)
