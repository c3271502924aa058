"""Golden op logs: the machine `small` on two tiny kernels, as text, record by record.

They change when the timing model, the compiler or the schedule does, and then on purpose:
`make golden` (KERNBENCH_GOLDEN=write) writes them anew, and the difference is read like code.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl

FOLDER = Path(__file__).parent


@kb.jit
def add(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    total = tl.load(x_ptr + offs, mask=mask) + tl.load(y_ptr + offs, mask=mask)
    tl.store(out_ptr + offs, total, mask=mask)


@kb.jit
def matmul(a_ptr, b_ptr, c_ptr, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):  # type: ignore[no-untyped-def]
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    cols = tl.arange(0, BN)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        ks = k + tl.arange(0, BK)
        a = tl.load(a_ptr + rows[:, None] * K + ks[None, :])
        b = tl.load(b_ptr + ks[:, None] * BN + cols[None, :])
        acc = tl.dot(a, b, acc)
    tl.store(c_ptr + rows[:, None] * BN + cols[None, :], acc.to(tl.float16))


def run_add(ctx: kb.Context) -> None:
    n = 900
    x = np.arange(n, dtype=np.float32)
    out = ctx.empty(n)
    add[(4,)](ctx.tensor(x), ctx.tensor(3 * x), out, n, BLOCK=256)
    assert np.array_equal(out.numpy(), 4 * x)


def run_matmul(ctx: kb.Context) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-3, 4, shape).astype(np.float16) for shape in ((64, 96), (96, 32)))
    c = ctx.empty(64, 32, dtype=kb.float16)
    b_ = ctx.tensor(b, placement=kb.Replicated())
    matmul[(4,)](ctx.tensor(a), b_, c, 96, BM=16, BN=32, BK=32)
    assert np.array_equal(c.numpy(), a @ b)  # small integers: exact


@pytest.mark.parametrize("run", [run_add, run_matmul], ids=["vector_add", "gemm"])
def test_golden(run: Callable[[kb.Context], None], request: pytest.FixtureRequest) -> None:
    with kb.Context("small") as ctx:
        run(ctx)
        text = ctx.oplog.dump()
    path = FOLDER / f"{request.node.callspec.id}.oplog.txt"
    if os.environ.get("KERNBENCH_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    expected = path.read_text(encoding="utf-8")
    assert len(expected.splitlines()) <= 200
    assert text == expected, f"{path.name} differs; `make golden` if that is meant"
