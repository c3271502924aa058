"""Softmax along rows: `kernbench run benches/softmax.py --rows 4096 --cols 1000`."""

from __future__ import annotations

import argparse
import math
from typing import Any

import numpy as np

import kernbench as kb
import kernbench.language as tl


@kb.jit
def softmax(x_ptr, y_ptr, rows, cols, ROWS: tl.constexpr, COLS: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    col = tl.arange(0, COLS)
    offsets = row[:, None] * cols + col[None, :]
    mask = (row[:, None] < rows) & (col[None, :] < cols)
    x = tl.load(x_ptr + offsets, mask=mask, other=float("-inf"))
    e = tl.exp(x - tl.max(x, axis=1)[:, None])
    y = e / tl.sum(e, axis=1)[:, None]
    tl.store(y_ptr + offsets, y, mask=mask)


def rows_of_a_program(torch: Any, rows: int, width: int) -> int:
    """As many as give every PE one program, but no more than 8192 elements."""
    system = torch.topology.system
    pes = system["cubes_x"] * system["cubes_y"] * system["n_pes"]
    share = 1 << (max(1, rows // pes).bit_length() - 1)
    return max(1, min(share, 8192 // width))


def run(torch: Any) -> None:
    parser = argparse.ArgumentParser(prog="softmax.py", description="softmax of rows in float32")
    parser.add_argument("--rows", type=int, default=4096, help="default 4096")
    parser.add_argument("--cols", type=int, default=1024, help="default 1024")
    args = parser.parse_args()
    if args.rows < 1 or args.cols < 1:
        parser.error("expected --rows and --cols of at least 1")

    shape = (args.rows, args.cols)
    if torch.data:
        host_x = np.random.default_rng(torch.seed).standard_normal(shape, dtype=np.float32)
    else:
        host_x = np.broadcast_to(np.float32(0), shape)
    x, y = torch.tensor(host_x), torch.empty(shape, dtype=kb.float32)
    width = 1 << (args.cols - 1).bit_length()
    height = rows_of_a_program(torch, args.rows, width)
    programs = -(-args.rows // height)
    softmax[(programs,)](x, y, args.rows, args.cols, ROWS=height, COLS=width)
    print(f"softmax: {args.rows} x {args.cols} float32, {programs} programs of {height} rows")

    if torch.data:
        exact = host_x.astype(np.float64)
        exact = np.exp(exact - exact.max(axis=1, keepdims=True))
        exact /= exact.sum(axis=1, keepdims=True)
        error = np.abs(y.numpy() - exact).max()
        # With u = 2**-24: x - max is off by |x - max| u, exp turns that into a relative error and
        # adds 2 u (1 ulp); the sum has the same and at most log2(cols) + 1 roundings; the division
        # one.
        spread = float(np.ptp(host_x, axis=1).max())
        tolerance = 2**-24 * (2 * (spread + 2) + math.log2(width) + 2) * float(exact.max())
        print(f"max error {error:.3g}, tolerance {tolerance:.3g} (against float64)")
        if not error <= tolerance:
            raise SystemExit("softmax: the numbers differ from NumPy's")
