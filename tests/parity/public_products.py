"""Kernels of products: persistent, split along K, quantised."""

from __future__ import annotations

import numpy as np
from case import Tensor, whole
from public import floats, numbers, public, room

TILES = """
@jit
def swizzle(tile_id, M, N, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, GROUP_M: tl.constexpr):
    grid_m = tl.cdiv(M, BLOCK_M)
    grid_n = tl.cdiv(N, BLOCK_N)
    width = GROUP_M * grid_n
    group_id = tile_id // width
    group_size = min(grid_m - group_id * GROUP_M, GROUP_M)
    pid_m = group_id * GROUP_M + (tile_id % group_size)
    pid_n = (tile_id % width) // group_size
    return pid_m, pid_n


@jit
def mac_loop(
    A,
    B,
    pid_m,
    pid_n,
    k_start,
    k_end,
    M,
    N,
    K,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    rm = (pid_m * BLOCK_M + tl.arange(0, BLOCK_M)) % M
    rn = (pid_n * BLOCK_N + tl.arange(0, BLOCK_N)) % N
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(k_start, k_end):
        rk = k * BLOCK_K + tl.arange(0, BLOCK_K)
        a = tl.load(A + rm[:, None] * K + rk[None, :], mask=rk[None, :] < K, other=0.0)
        b = tl.load(B + rk[:, None] * N + rn[None, :], mask=rk[:, None] < K, other=0.0)
        acc += tl.dot(a, b)
    return acc
"""
PERSISTENT_MATMUL = (
    TILES
    + """

@jit
def kernel(
    A,
    B,
    out,
    M,
    N,
    K,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr,
):
    tiles = tl.cdiv(M, BLOCK_M) * tl.cdiv(N, BLOCK_N)
    k_tiles = tl.cdiv(K, BLOCK_K)
    for tile_id in tl.range(tl.program_id(0), tiles, tl.num_programs(0), flatten=True):
        pid_m, pid_n = swizzle(tile_id, M, N, BLOCK_M, BLOCK_N, GROUP_M)
        acc = mac_loop(A, B, pid_m, pid_n, 0, k_tiles, M, N, K, BLOCK_M, BLOCK_N, BLOCK_K)
        rm = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)
        rn = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
        c = acc.to(tl.float16)
        tl.store(out + rm[:, None] * N + rn[None, :], c, mask=(rm[:, None] < M) & (rn[None, :] < N))
"""
)
SPLIT_K_INTO_A_WORKSPACE = (
    TILES
    + """

@jit
def kernel(
    A,
    B,
    out,
    M,
    N,
    K,
    SPLIT_K: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    pid = tl.program_id(0)
    pid_k = tl.program_id(1)
    pid_m, pid_n = swizzle(pid, M, N, BLOCK_M, BLOCK_N, 1)
    per = tl.cdiv(tl.cdiv(K, BLOCK_K), SPLIT_K)
    acc = mac_loop(
        A,
        B,
        pid_m,
        pid_n,
        pid_k * per,
        min((pid_k + 1) * per, tl.cdiv(K, BLOCK_K)),
        M,
        N,
        K,
        BLOCK_M,
        BLOCK_N,
        BLOCK_K,
    )
    rm = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)
    rn = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    tl.store(
        out + pid_k * M * N + rm[:, None] * N + rn[None, :],
        acc,
        mask=(rm < M)[:, None] & (rn < N)[None, :],
    )
"""
)
STREAM_K = (
    TILES
    + """

@jit
def kernel(
    A,
    B,
    out,
    out_partial,
    M,
    N,
    K,
    total_iters,
    iters_per_tile,
    per_program,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    pid = tl.program_id(0)
    start = pid * per_program
    last = tl.minimum(start + per_program, total_iters)
    slot = 0
    while start < last:
        end = tl.minimum(start + (iters_per_tile - start % iters_per_tile), last)
        tile_id = start // iters_per_tile
        pid_m, pid_n = swizzle(tile_id, M, N, BLOCK_M, BLOCK_N, 4)
        acc = mac_loop(
            A,
            B,
            pid_m,
            pid_n,
            start % iters_per_tile,
            start % iters_per_tile + end - start,
            M,
            N,
            K,
            BLOCK_M,
            BLOCK_N,
            BLOCK_K,
        )
        rm = tl.arange(0, BLOCK_M)
        rn = tl.arange(0, BLOCK_N)
        if start % iters_per_tile == 0 and end % iters_per_tile == 0:
            c = out + (pid_m * BLOCK_M + rm)[:, None] * N + (pid_n * BLOCK_N + rn)[None, :]
            tl.store(c, acc)
        else:
            tl.store(
                out_partial + ((pid * 4 + slot) * BLOCK_M + rm[:, None]) * BLOCK_N + rn[None, :],
                acc,
            )
            slot += 1
        start = end
"""
)
INT8_GEMM_WITH_SCALES = """
@jit
def kernel(
    A,
    B,
    sa,
    sb,
    bias,
    out,
    M,
    N,
    K,
    HAS_BIAS: tl.constexpr,
    ACT: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
):
    pid_m, pid_n = tl.program_id(0), tl.program_id(1)
    rm, rn, rk = pid_m * BM + tl.arange(0, BM), pid_n * BN + tl.arange(0, BN), tl.arange(0, BK)
    a_ptrs = A + rm[:, None] * K + rk[None, :]
    b_ptrs = B + rk[:, None] * N + rn[None, :]
    acc = tl.zeros((BM, BN), tl.int32)
    for k in range(0, tl.cdiv(K, BK)):
        a = tl.load(a_ptrs, mask=rk[None, :] < K - k * BK, other=0)
        b = tl.load(b_ptrs, mask=rk[:, None] < K - k * BK, other=0)
        acc = tl.dot(a, b, acc, out_dtype=tl.int32)
        a_ptrs += BK
        b_ptrs += BK * N
    c = acc.to(tl.float32) * tl.load(sa + rm)[:, None] * tl.load(sb + rn)[None, :]
    if HAS_BIAS:
        c += tl.load(bias + rn)[None, :]
    if ACT == "leaky_relu":
        c = tl.where(c >= 0, c, 0.01 * c)
    elif ACT == "silu":
        c = c * tl.sigmoid(c)
    tl.store(out + rm[:, None] * N + rn[None, :], c.to(tl.float16))
"""
FP8_GEMM_WITH_BLOCK_SCALES = """
@jit
def kernel(
    A, B, As, Bs, out, M, N, K, group_k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    pid = tl.program_id(axis=0)
    num_n = tl.cdiv(N, BN)
    pid_m, pid_n = pid // num_n, pid % num_n
    offs_am = (pid_m * BM + tl.arange(0, BM)) % M
    offs_bn = (pid_n * BN + tl.arange(0, BN)) % N
    offs_k = tl.arange(0, BK)
    a_ptrs = A + (offs_am[:, None] * K + offs_k[None, :])
    b_ptrs = B + (offs_k[:, None] + offs_bn[None, :] * K)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BK)):
        a = tl.load(a_ptrs)
        b = tl.load(b_ptrs)
        g = k * BK // group_k
        a_s = tl.load(As + offs_am * (K // group_k) + g)
        b_s = tl.load(Bs + offs_bn * (K // group_k) + g)
        acc += tl.dot(a, b) * a_s[:, None] * b_s[None, :]
        a_ptrs += BK
        b_ptrs += BK
    tl.store(out + offs_am[:, None] * N + offs_bn[None, :], acc.to(out.dtype.element_ty))
"""

CASES = [
    public(
        "persistent matmul",
        PERSISTENT_MATMUL,
        lambda rng: {
            "A": numbers((50, 40), rng, "float16"),
            "B": numbers((40, 70), rng, "float16"),
            "out": room((50, 70), "float16"),
            "M": 50,
            "N": 70,
            "K": 40,
            "BLOCK_M": 16,
            "BLOCK_N": 32,
            "BLOCK_K": 16,
            "GROUP_M": 2,
        },
        grid=(3,),
    ),
    public(
        "split k into a workspace",
        SPLIT_K_INTO_A_WORKSPACE,
        lambda rng: {
            "A": numbers((32, 100), rng, "float16"),
            "B": numbers((100, 32), rng, "float16"),
            "out": room((3, 32, 32)),
            "M": 32,
            "N": 32,
            "K": 100,
            "SPLIT_K": 3,
            "BLOCK_M": 16,
            "BLOCK_N": 16,
            "BLOCK_K": 16,
        },
        grid=(4, 3),
    ),
    public(
        "stream k",
        STREAM_K,
        lambda rng: {
            "A": numbers((32, 64), rng, "float16"),
            "B": numbers((64, 48), rng, "float16"),
            "out": room((32, 48)),
            "out_partial": room((5, 4, 16, 16)),
            "M": 32,
            "N": 48,
            "K": 64,
            "total_iters": 24,
            "iters_per_tile": 4,
            "per_program": 5,
            "BLOCK_M": 16,
            "BLOCK_N": 16,
            "BLOCK_K": 16,
        },
        grid=(5,),
    ),
    public(
        "int8 gemm with scales",
        INT8_GEMM_WITH_SCALES,
        lambda rng: {
            "A": whole("int8", (32, 40), rng, -128, 128),
            "B": whole("int8", (40, 32), rng, -128, 128),
            "sa": floats(32, rng),
            "sb": floats(32, rng),
            "bias": floats(32, rng),
            "out": room((32, 32), "float16"),
            "M": 32,
            "N": 32,
            "K": 40,
            "HAS_BIAS": True,
            "ACT": "leaky_relu",
            "BM": 16,
            "BN": 16,
            "BK": 32,
        },
        grid=(2, 2),
    ),
    public(
        "fp8 gemm with block scales",
        FP8_GEMM_WITH_BLOCK_SCALES,
        lambda rng: {
            "A": Tensor("float8e4nv", rng.integers(48, 64, (32, 64)).astype(np.uint8)),
            "B": Tensor("float8e4nv", rng.integers(176, 192, (32, 64)).astype(np.uint8)),
            "As": numbers((32, 2), rng),
            "Bs": numbers((32, 2), rng),
            "out": room((32, 32)),
            "M": 32,
            "N": 32,
            "K": 64,
            "group_k": 32,
            "BM": 16,
            "BN": 16,
            "BK": 32,
        },
        grid=(4,),
    ),
]
