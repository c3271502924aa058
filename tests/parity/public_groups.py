"""Kernels of many products: groups, experts, convolutions."""

from __future__ import annotations

import numpy as np
from public import indices, numbers, public, room

GROUPED_GEMM_BY_POINTERS = """
@jit
def kernel(
    A,
    B,
    out,
    a_offs,
    sizes,
    out_dummy,
    n_groups,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
):
    tile_idx = tl.program_id(0)
    last_end = 0
    for g in range(n_groups):
        gm = tl.load(sizes + g * 3)
        gn = tl.load(sizes + g * 3 + 1)
        gk = tl.load(sizes + g * 3 + 2)
        num_m = tl.cdiv(gm, BM)
        num_n = tl.cdiv(gn, BN)
        num_tiles = num_m * num_n
        while tile_idx >= last_end and tile_idx < last_end + num_tiles:
            a_base = (A + tl.load(a_offs + g * 3)).to(tl.pointer_type(tl.float16))
            b_base = B + tl.load(a_offs + g * 3 + 1)
            c_base = out + tl.load(a_offs + g * 3 + 2)
            idx = tile_idx - last_end
            rm = idx // num_n * BM + tl.arange(0, BM)
            rn = idx % num_n * BN + tl.arange(0, BN)
            rk = tl.arange(0, BK)
            acc = tl.zeros((BM, BN), dtype=tl.float32)
            a_ptrs = a_base + rm[:, None] * gk + rk[None, :]
            b_ptrs = b_base + rk[:, None] * gn + rn[None, :]
            for kk in range(0, tl.cdiv(gk, BK)):
                tl.multiple_of(a_ptrs, [16, 16])
                a = tl.load(a_ptrs)
                b = tl.load(b_ptrs)
                acc += tl.dot(a, b)
                a_ptrs += BK
                b_ptrs += BK * gn
            tl.store(c_base + rm[:, None] * gn + rn[None, :], acc.to(tl.float16))
            tile_idx += tl.num_programs(0)
        last_end = last_end + num_tiles
"""
CONV2D_AS_IMPLICIT_GEMM = """
@jit
def kernel(
    x,
    w,
    out,
    C,
    H,
    W,
    K,
    OH,
    OW,
    R: tl.constexpr,
    S: tl.constexpr,
    PAD: tl.constexpr,
    STRIDE: tl.constexpr,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
):
    pid_m, pid_n, b = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    m = pid_m * BM + tl.arange(0, BM)
    n = pid_n * BN + tl.arange(0, BN)
    oh, ow = m // OW, m % OW
    acc = tl.zeros((BM, BN), tl.float32)
    for k0 in range(0, C * R * S, BK):
        k = k0 + tl.arange(0, BK)
        c = k // (R * S)
        r = k // S % R
        s = k % S
        ih = oh[:, None] * STRIDE + r[None, :] - PAD
        iw = ow[:, None] * STRIDE + s[None, :] - PAD
        ok = (
            (ih >= 0)
            & (ih < H)
            & (iw >= 0)
            & (iw < W)
            & (k < C * R * S)[None, :]
            & (m < OH * OW)[:, None]
        )
        xa = tl.load(x + b * C * H * W + c[None, :] * H * W + ih * W + iw, mask=ok, other=0.0)
        wb = tl.load(
            w + n[None, :] * C * R * S + k[:, None],
            mask=(n < K)[None, :] & (k < C * R * S)[:, None],
            other=0.0,
        )
        acc += tl.dot(xa, wb)
    tl.store(
        out + b * K * OH * OW + n[None, :] * OH * OW + m[:, None],
        acc,
        mask=(m < OH * OW)[:, None] & (n < K)[None, :],
    )
"""
FUSED_MOE = """
@jit
def kernel(
    a_ptr,
    b_ptr,
    out,
    topk_weights,
    sorted_ids,
    expert_ids,
    num_post,
    N,
    K,
    num_valid,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
    MUL: tl.constexpr,
    top_k: tl.constexpr,
):
    pid = tl.program_id(axis=0)
    num_n = tl.cdiv(N, BN)
    pid_m = pid // num_n
    pid_n = pid % num_n
    if pid_m * BM >= tl.load(num_post):
        return
    offs_id = pid_m * BM + tl.arange(0, BM).to(tl.int64)
    offs_token = tl.load(sorted_ids + offs_id)
    token_mask = offs_token < num_valid
    off_expert = tl.load(expert_ids + pid_m).to(tl.int64)
    if off_expert == -1:
        return
    offs_bn = (pid_n * BN + tl.arange(0, BN).to(tl.int64)) % N
    offs_k = tl.arange(0, BK)
    a_ptrs = a_ptr + (offs_token[:, None] // top_k * K + offs_k[None, :])
    b_ptrs = b_ptr + off_expert * N * K + (offs_k[:, None] + offs_bn[None, :] * K)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BK)):
        a = tl.load(a_ptrs, mask=token_mask[:, None] & (offs_k[None, :] < K - k * BK), other=0.0)
        b = tl.load(b_ptrs, mask=offs_k[:, None] < K - k * BK, other=0.0)
        acc += tl.dot(a, b)
        a_ptrs += BK
        b_ptrs += BK
    if MUL:
        acc = acc * tl.load(topk_weights + offs_token, mask=token_mask, other=0)[:, None]
    acc = acc.to(tl.float16)
    offs_cn = pid_n * BN + tl.arange(0, BN)
    tl.store(
        out + N * offs_token[:, None] + offs_cn[None, :],
        acc,
        mask=token_mask[:, None] & (offs_cn[None, :] < N),
    )
"""

CASES = [
    public(
        "grouped gemm by pointers",
        GROUPED_GEMM_BY_POINTERS,
        lambda rng: {
            "A": numbers(3000, rng, "float16"),
            "B": numbers(3000, rng, "float16"),
            "out": room(3000, "float16"),
            "a_offs": indices([[0, 0, 0], [512, 512, 512], [1600, 1536, 1024]]),
            "sizes": indices([[16, 32, 32], [32, 16, 32], [16, 16, 48]]),
            "out_dummy": room(1),
            "n_groups": 3,
            "BM": 16,
            "BN": 16,
            "BK": 16,
        },
        grid=(2,),
    ),
    public(
        "conv2d as implicit gemm",
        CONV2D_AS_IMPLICIT_GEMM,
        lambda rng: {
            "x": numbers((2, 3, 8, 8), rng, "float16"),
            "w": numbers((20, 3, 3, 3), rng, "float16"),
            "out": room((2, 20, 4, 4)),
            "C": 3,
            "H": 8,
            "W": 8,
            "K": 20,
            "OH": 4,
            "OW": 4,
            "R": 3,
            "S": 3,
            "PAD": 1,
            "STRIDE": 2,
            "BM": 16,
            "BN": 16,
            "BK": 16,
        },
        grid=(1, 2, 2),
    ),
    public(
        "fused moe",
        FUSED_MOE,
        lambda rng: {
            "a_ptr": numbers((10, 40), rng, "float16"),
            "b_ptr": numbers((3, 24, 40), rng, "float16"),
            "out": room((20, 24), "float16"),
            "topk_weights": numbers(20, rng),
            "sorted_ids": indices(
                np.concatenate(
                    [
                        np.random.default_rng(5).permutation(20)[:7],
                        [20] * 9,
                        np.random.default_rng(5).permutation(20)[7:14],
                        [20] * 9,
                    ]
                )
            ),
            "expert_ids": indices([2, 0, -1]),
            "num_post": indices([32]),
            "N": 24,
            "K": 40,
            "num_valid": 20,
            "BM": 16,
            "BN": 16,
            "BK": 16,
            "MUL": True,
            "top_k": 2,
        },
        grid=(6,),
    ),
]
