"""Copies beside compute: `kernbench run benches/streams.py`.

A matrix comes over the host link in pieces, and each piece is multiplied.  On one stream copies and
kernels take turns; with a stream for the copies, piece i + 1 travels while piece i is computed, and
the time is the longer of both.  Times are read from events, which the machine stamps.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import kernbench as kb
import kernbench.language as tl
import kernbench.torch as host
from kernbench.runtime import streams


@kb.jit
def multiply(
    x_ptr, w_ptr, y_ptr, M, N, K,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    blocks_n = tl.cdiv(N, BLOCK_N)
    row = (tl.program_id(0) // blocks_n) * BLOCK_M + tl.arange(0, BLOCK_M)
    col = (tl.program_id(0) % blocks_n) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        left = K - start
        x_mask = (row[:, None] < M) & (k[None, :] < left)
        w_mask = (k[:, None] < left) & (col[None, :] < N)
        x = tl.load(x_ptr + row[:, None] * K + start + k[None, :], mask=x_mask, other=0.0)
        w = tl.load(w_ptr + (start + k[:, None]) * N + col[None, :], mask=w_mask, other=0.0)
        acc = tl.dot(x, w, acc)
    mask = (row[:, None] < M) & (col[None, :] < N)
    tl.store(y_ptr + row[:, None] * N + col[None, :], acc, mask=mask)


def pipeline(torch: Any, pieces: list[Any], w: Any, overlap: bool) -> tuple[float, list[Any]]:
    """Copy and multiply each piece; return the time in microseconds, and the products."""
    m, k = pieces[0].shape
    n = w.shape[1]
    compute = streams.current_stream()
    copies = streams.Stream() if overlap else compute
    begin, end = (streams.Event(enable_timing=True) for _ in range(2))
    there = [torch.empty((m, k), dtype=kb.float16) for _ in pieces]
    results = [torch.empty((m, n), dtype=kb.float32) for _ in pieces]
    torch.synchronize()
    begin.record()
    copies.wait_event(begin)
    for piece, x, y in zip(pieces, there, results, strict=True):
        with streams.stream(copies):
            x.copy_(piece, non_blocking=True)
            arrived = copies.record_event()
        compute.wait_event(arrived)
        programs = -(-m // 64) * -(-n // 64)
        multiply[(programs,)](x, w, y, m, n, k, BLOCK_M=64, BLOCK_N=64, BLOCK_K=64)
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) * 1e3, results


def run(torch: Any) -> None:
    parser = argparse.ArgumentParser(prog="streams.py", description="copies beside compute")
    parser.add_argument("--pieces", type=int, default=8, help="default 8")
    parser.add_argument("--rows", type=int, default=256, help="of a piece; default 256")
    parser.add_argument("--width", type=int, default=512, help="of all matrices; default 512")
    args = parser.parse_args()
    if min(args.pieces, args.rows, args.width) < 1:
        parser.error("expected --pieces, --rows and --width of at least 1")
    rng = np.random.default_rng(torch.seed)
    shape = args.pieces * args.rows, args.width
    x = rng.standard_normal(shape, dtype=np.float32).astype(np.float16)
    w = rng.standard_normal((args.width, args.width), dtype=np.float32).astype(np.float16)
    pieces = [host.from_numpy(part) for part in np.split(x, args.pieces)]
    on_machine = torch.tensor(w)
    serial_us, first = pipeline(torch, pieces, on_machine, overlap=False)
    overlap_us, second = pipeline(torch, pieces, on_machine, overlap=True)
    print(
        f"streams: {args.pieces} pieces of {args.rows} x {args.width} fp16; one stream "
        f"{serial_us:,.2f} us, two {overlap_us:,.2f} us, {serial_us / overlap_us:.2f} times as fast"
    )
    if torch.data:
        exact = x.astype(np.float64) @ w.astype(np.float64)
        scale = np.abs(x).astype(np.float64) @ np.abs(w).astype(np.float64)
        for products in (first, second):
            error = (np.abs(np.concatenate([y.numpy() for y in products]) - exact) / scale).max()
            print(f"error {error:.1e} of the sum of magnitudes")
            if error > 1e-6:
                raise SystemExit("streams: the numbers differ from NumPy's")
