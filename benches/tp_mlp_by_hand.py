"""A two-layer MLP on two ranks, by hand: `kernbench run benches/tp_mlp_by_hand.py`.

    y = relu(x @ w1) @ w2

Rank r holds half of w1's columns and the same half of w2's rows (Megatron's split), so each rank
computes a partial sum of y alone.  The partial sums change hands through a Queue, by way of the
host: the price of doing without a collective is in the times that are printed.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import kernbench as kb
import kernbench.language as tl

RANKS = 2


@kb.jit
def gemm(
    a_ptr, b_ptr, c_ptr, M, N, K,
    BLOCK: tl.constexpr, BLOCK_K: tl.constexpr, RELU: tl.constexpr,
):  # fmt: skip
    blocks_n = tl.cdiv(N, BLOCK)
    pid = tl.program_id(0)
    row = (pid // blocks_n) * BLOCK + tl.arange(0, BLOCK)
    col = (pid % blocks_n) * BLOCK + tl.arange(0, BLOCK)
    k = tl.arange(0, BLOCK_K)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        left = K - start
        a_mask = (row[:, None] < M) & (k[None, :] < left)
        b_mask = (k[:, None] < left) & (col[None, :] < N)
        a = tl.load(a_ptr + row[:, None] * K + start + k[None, :], mask=a_mask, other=0.0)
        b = tl.load(b_ptr + (start + k[:, None]) * N + col[None, :], mask=b_mask, other=0.0)
        acc = tl.dot(a, b, acc)
    if RELU:
        acc = tl.maximum(acc, 0.0)
    mask = (row[:, None] < M) & (col[None, :] < N)
    tl.store(c_ptr + row[:, None] * N + col[None, :], acc, mask=mask)


@kb.jit
def add(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    total = tl.load(x_ptr + offs, mask=mask) + tl.load(y_ptr + offs, mask=mask)
    tl.store(x_ptr + offs, total, mask=mask)


def launch_gemm(a: Any, b: Any, c: Any, relu: bool) -> Any:
    m, k, n, block = *a.shape, b.shape[1], 64
    programs = -(-m // block) * -(-n // block)
    return gemm[(programs,)](a, b, c, m, n, k, BLOCK=block, BLOCK_K=64, RELU=relu)


def worker(rank: int, weights: Any, handed: Any, results: Any) -> None:
    torch = kb.current_context()
    host_x, host_w1, host_w2 = weights
    half = host_w1.shape[1] // RANKS
    mine = slice(rank * half, (rank + 1) * half)
    x = torch.tensor(host_x)
    w1, w2 = torch.tensor(host_w1[:, mine].copy()), torch.tensor(host_w2[mine].copy())
    hidden = torch.empty((len(host_x), half))
    partial = torch.empty((len(host_x), host_w2.shape[1]))
    begin_fs = torch.now_fs
    launch_gemm(x, w1, hidden, relu=True)
    second = launch_gemm(hidden, w2, partial, relu=False)
    torch.wait(second)
    computed_fs = torch.now_fs
    handed[1 - rank].put(partial.numpy())
    other = torch.tensor(handed[rank].get())
    n = partial.numel()
    torch.wait(add[(-(-n // 1024),)](partial, other, n, BLOCK=1024))
    results.put((rank, partial.numpy(), begin_fs, computed_fs, torch.now_fs))


def run(torch: Any) -> None:
    parser = argparse.ArgumentParser(prog="tp_mlp_by_hand.py", description=__doc__)
    parser.add_argument("--tokens", type=int, default=128, help="rows of x; default 128")
    parser.add_argument("--width", type=int, default=256, help="columns of x and y; default 256")
    args = parser.parse_args()
    if args.tokens < 1 or args.width < 1:
        parser.error("expected --tokens and --width of at least 1")
    if torch.cuda.device_count() < RANKS:
        raise SystemExit(f"tp_mlp_by_hand: expected {RANKS} SIPs or more (--set system.sips=N)")
    if not torch.data:
        raise SystemExit("tp_mlp_by_hand: the host hands values over: expected a run with data")
    rng = np.random.default_rng(torch.seed)
    shapes = (args.tokens, args.width), (args.width, 4 * args.width), (4 * args.width, args.width)
    weights = [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]
    mp = torch.multiprocessing
    handed, results = [mp.Queue() for _ in range(RANKS)], mp.Queue()
    mp.spawn(worker, args=(weights, handed, results), nprocs=RANKS)

    x, w1, w2 = (part.astype(np.float64) for part in weights)
    exact = np.maximum(x @ w1, 0) @ w2
    scale = np.maximum(np.abs(x) @ np.abs(w1), 0) @ np.abs(w2)
    for _ in range(RANKS):
        rank, y, begin_fs, computed_fs, end_fs = results.get()
        error = (np.abs(y - exact) / scale).max()
        print(
            f"rank {rank}: compute {(computed_fs - begin_fs) / 1e6:,.0f} ns, hand-over and sum "
            f"{(end_fs - computed_fs) / 1e6:,.0f} ns, error {error:.1e} of the sum of magnitudes"
        )
        if error > 1e-6:
            raise SystemExit("tp_mlp_by_hand: the numbers differ from NumPy's")
