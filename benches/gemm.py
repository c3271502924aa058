"""C = A @ B, on a machine whose memory lies beside its PEs: `kernbench run benches/gemm.py`.

The grid is laid out so that a cube computes rows of C whose rows of A its own memory holds, and its
PEs share out the columns.  ``--placement placed`` puts the operands where that finds them: A and C
by rows, B once in every cube.  ``--placement blocked`` is what a plain launch gets: all three in
equal parts over the whole SIP, so that every PE fetches most of B from other cubes.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import kernbench as kb
import kernbench.language as tl

DTYPES = {
    "fp16": (kb.float16, np.float16),
    "fp32": (kb.float32, np.float32),
    "fp64": (kb.float64, np.float64),
}


@kb.jit
def gemm(
    a_ptr, b_ptr, c_ptr, M, N, K,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, ACC: tl.constexpr,
):  # fmt: skip
    blocks_n = tl.cdiv(N, BLOCK_N)
    pid = tl.program_id(0)
    row = (pid // blocks_n) * BLOCK_M + tl.arange(0, BLOCK_M)
    col = (pid % blocks_n) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + row[:, None] * K + k[None, :]
    b_ptrs = b_ptr + k[:, None] * N + col[None, :]
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=ACC)
    for start in range(0, K, BLOCK_K):
        left = K - start
        a = tl.load(a_ptrs, mask=(row[:, None] < M) & (k[None, :] < left), other=0.0)
        b = tl.load(b_ptrs, mask=(k[:, None] < left) & (col[None, :] < N), other=0.0)
        acc = tl.dot(a, b, acc)
        a_ptrs += BLOCK_K
        b_ptrs += BLOCK_K * N
    c_ptrs = c_ptr + row[:, None] * N + col[None, :]
    c = acc.to(c_ptr.dtype.element_ty)
    tl.store(c_ptrs, c, mask=(row[:, None] < M) & (col[None, :] < N))


def tile_for(torch: Any, m: int, n: int) -> tuple[int, int, int]:
    """Choose a tile: a cube's rows high and a PE's share of the columns wide, but not flat.

    What a tile needs of A and B grows with its height plus its width, and the ports of the memories
    are the bottleneck: a square one on half of the PEs is faster than a flat one on all of them.
    """
    system = torch.topology.system
    rows = -(-m // (system["cubes_x"] * system["cubes_y"]))
    columns = -(-n // system["n_pes"])

    def fit(size: int, most: int) -> int:
        return min(max(1 << (size - 1).bit_length(), 64), most)

    width = fit(columns, 512)
    return fit(max(rows, width), 256), width, 64


def check(c: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """Compare with NumPy's product.

    Let u be the unit roundoff of the accumulation.  Of random data the partial sums are no more
    than about |a_i| |b_j| / sqrt(K), so K roundings of random sign add up to about u |a_i| |b_j|.
    Allowed are eight times that, for our chain of multiply-adds and for NumPy's, and one rounding
    to the dtype of c.
    """
    wide = np.float64 if a.dtype == np.float64 else np.float32
    exact = a.astype(wide) @ b.astype(wide)
    rows, columns = np.linalg.norm(a.astype(wide), axis=1), np.linalg.norm(b.astype(wide), axis=0)
    chains = 2 * 8 * (np.finfo(wide).eps / 2) * np.outer(rows, columns)
    tolerance = chains + np.finfo(c.dtype).eps / 2 * (np.abs(exact) + chains)
    error = np.abs(c - exact)
    print(
        f"max error {error.max():.3g}, tolerance {tolerance.min():.3g} to {tolerance.max():.3g} by "
        f"element (against NumPy's {exact.dtype})"
    )
    if not (error <= tolerance).all():
        raise SystemExit("gemm: the numbers differ from NumPy's")


def run(torch: Any) -> None:
    parser = argparse.ArgumentParser(prog="gemm.py", description="C = A @ B")
    for name in ("--m", "--n", "--k"):
        parser.add_argument(name, type=int, default=1024, help="default 1024")
    parser.add_argument("--dtype", choices=DTYPES, default="fp16", help="default fp16")
    parser.add_argument("--tile", metavar="MxNxK", help="such as 128x128x64; default: by size")
    parser.add_argument("--placement", choices=("placed", "blocked"), default="placed")
    args = parser.parse_args()
    m, n, k = args.m, args.n, args.k
    if min(m, n, k) < 1:
        parser.error("expected --m, --n and --k of at least 1")
    try:
        tile = tuple(map(int, args.tile.split("x"))) if args.tile else tile_for(torch, m, n)
        tile_m, tile_n, tile_k = tile
    except ValueError:
        parser.error(f"--tile: expected MxNxK, such as 128x128x64; got {args.tile!r}")

    dtype, numpy_dtype = DTYPES[args.dtype]
    if torch.data:
        rng = np.random.default_rng(torch.seed)
        host_a = rng.standard_normal((m, k), dtype=np.float32).astype(numpy_dtype)
        host_b = rng.standard_normal((k, n), dtype=np.float32).astype(numpy_dtype)
    else:
        host_a = np.broadcast_to(numpy_dtype(0), (m, k))
        host_b = np.broadcast_to(numpy_dtype(0), (k, n))
    a = torch.tensor(host_a, placement=kb.Blocked())
    in_cubes = kb.Replicated() if args.placement == "placed" else kb.Blocked()
    b = torch.tensor(host_b, placement=in_cubes)
    c = torch.empty((m, n), dtype=dtype, placement=kb.Blocked())

    programs = -(-m // tile_m) * -(-n // tile_n)
    acc = tl.float64 if dtype == kb.float64 else tl.float32
    blocks = {"BLOCK_M": tile_m, "BLOCK_N": tile_n, "BLOCK_K": tile_k}
    gemm[(programs,)](a, b, c, m, n, k, **blocks, ACC=acc)
    print(
        f"gemm: {m} x {n} x {k} {args.dtype}, {args.placement}, tile {tile_m}x{tile_n}x{tile_k}, "
        f"{programs} programs"
    )
    if torch.data:
        check(c.numpy(), host_a, host_b)
