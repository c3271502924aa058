"""Kernels of batches and special products: 3-D dots, packed weights, blocks of a sparse matrix."""

from __future__ import annotations

import numpy as np
from case import Tensor, whole
from public import floats, indices, numbers, public, room

BATCHED_MATMUL = """
@jit
def kernel(
    A, B, out, M, N, K, BB: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    b = tl.program_id(0) * BB + tl.arange(0, BB)
    m = tl.arange(0, BM)
    n = tl.arange(0, BN)
    k = tl.arange(0, BK)
    acc = tl.zeros((BB, BM, BN), tl.float32)
    for k0 in range(0, K, BK):
        kk = k0 + k
        a = tl.load(
            A + b[:, None, None] * M * K + m[None, :, None] * K + kk[None, None, :],
            mask=(m < M)[None, :, None] & (kk < K)[None, None, :],
            other=0.0,
        )
        w = tl.load(
            B + b[:, None, None] * K * N + kk[None, :, None] * N + n[None, None, :],
            mask=(kk < K)[None, :, None] & (n < N)[None, None, :],
            other=0.0,
        )
        acc = tl.dot(a, w, acc)
    at = b[:, None, None] * M * N + m[None, :, None] * N + n[None, None, :]
    tl.store(out + at, acc, mask=(m < M)[None, :, None] & (n < N)[None, None, :])
"""
HEADS_TOGETHER = """
@jit
def kernel(q, k, v, out, T, scale, H: tl.constexpr, M: tl.constexpr, D: tl.constexpr):
    h = tl.arange(0, H)[:, None, None]
    m = tl.arange(0, M)[None, :, None]
    d = tl.arange(0, D)[None, None, :]
    at = (h * T + m) * D + d
    ok = m < T
    bq = tl.load(q + at, mask=ok, other=0.0)
    bk = tl.load(k + at, mask=ok, other=0.0)
    bv = tl.load(v + at, mask=ok, other=0.0)
    s = tl.dot(bq, tl.trans(bk, 0, 2, 1)) * scale
    s = tl.where(tl.arange(0, M)[None, None, :] < T, s, float("-inf"))
    s = s - tl.max(s, axis=2, keep_dims=True)
    p = tl.exp(s)
    o = tl.dot(p.to(bv.dtype), bv) / tl.sum(p, axis=2)[:, :, None]
    tl.store(out + at, o.to(out.dtype.element_ty), mask=ok)
"""
INT4_WEIGHTS_IN_GROUPS = """
@jit
def kernel(
    a_ptr, w_ptr, s_ptr, z_ptr, out, M, N, K, GROUP: tl.constexpr, BM: tl.constexpr,
    BN: tl.constexpr, BK: tl.constexpr,
):
    pid_m, pid_n = tl.program_id(0), tl.program_id(1)
    m = pid_m * BM + tl.arange(0, BM)
    n = pid_n * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    shifter = (k % 8) * 4
    zshift = (n % 8) * 4
    a_ptrs = a_ptr + m[:, None] * K + k[None, :]
    w_ptrs = w_ptr + (k // 8)[:, None] * N + n[None, :]
    acc = tl.zeros((BM, BN), tl.float32)
    for i in range(0, tl.cdiv(K, BK)):
        a = tl.load(a_ptrs, mask=(m < M)[:, None], other=0.0)
        w = tl.load(w_ptrs)
        g = i * BK // GROUP
        s = tl.load(s_ptr + g * N + n)
        z = (tl.load(z_ptr + g * (N // 8) + n // 8) >> zshift) & 0xF
        w = (w >> shifter[:, None]) & 0xF
        w = ((w - z[None, :] - 1) * s[None, :]).to(a.dtype)
        acc += tl.dot(a, w)
        a_ptrs += BK
        w_ptrs += (BK // 8) * N
    tl.store(out + m[:, None] * N + n[None, :], acc.to(tl.float16), mask=(m < M)[:, None])
"""
GATED_MLP = """
@jit
def kernel(
    x_ptr, w1_ptr, w2_ptr, out, M, N, K, stride_xm, stride_xk, stride_wk, stride_wn,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, FP8: tl.constexpr, EVEN_K: tl.constexpr,
):
    pid = tl.program_id(0)
    pid_m, pid_n = pid // tl.cdiv(N, BN), pid % tl.cdiv(N, BN)
    rm = pid_m * BM + tl.arange(0, BM)
    rn = pid_n * BN + tl.arange(0, BN)
    ram = tl.max_contiguous(tl.multiple_of(rm % M, BM), BM)
    rbn = tl.max_contiguous(tl.multiple_of(rn % N, BN), BN)
    rk = tl.arange(0, BK)
    X = x_ptr + (ram[:, None] * stride_xm + rk[None, :] * stride_xk)
    W1 = w1_ptr + (rk[:, None] * stride_wk + rbn[None, :] * stride_wn)
    W2 = w2_ptr + (rk[:, None] * stride_wk + rbn[None, :] * stride_wn)
    acc1 = tl.zeros((BM, BN), dtype=tl.float32)
    acc2 = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(K, 0, -BK):
        if EVEN_K:
            x, w1, w2 = tl.load(X), tl.load(W1), tl.load(W2)
        else:
            x = tl.load(X, mask=rk[None, :] < k, other=0.0)
            w1 = tl.load(W1, mask=rk[:, None] < k, other=0.0)
            w2 = tl.load(W2, mask=rk[:, None] < k, other=0.0)
        if FP8:
            w1 = w1.to(tl.float8e5, bitcast=True).to(tl.float16)
            w2 = w2.to(tl.float8e5, bitcast=True).to(tl.float16)
        acc1 = tl.dot(x, w1, acc1)
        acc2 += tl.dot(x, w2)
        X += BK * stride_xk
        W1 += BK * stride_wk
        W2 += BK * stride_wk
    acc = tl.where(acc1 > 0, acc1, 0.0) * acc2
    at = out + (rm[:, None] * N + rn[None, :])
    tl.store(at, acc, mask=(rm < M)[:, None] & (rn < N)[None, :])
"""
SPARSE_BLOCKS_BY_A_TABLE = """
@jit
def kernel(
    values, row_ptr, col_idx, b_ptr, out, N, BLOCK: tl.constexpr, BN: tl.constexpr
):
    pid_r, pid_n = tl.program_id(0), tl.program_id(1)
    i = tl.arange(0, BLOCK)
    n = pid_n * BN + tl.arange(0, BN)
    start, end = tl.load(row_ptr + pid_r), tl.load(row_ptr + pid_r + 1)
    acc = tl.zeros((BLOCK, BN), tl.float32)
    ptr = tl.make_block_ptr(
        values, (end * BLOCK, BLOCK), (BLOCK, 1), (start * BLOCK, 0), (BLOCK, BLOCK), (1, 0)
    )
    at = col_idx + start
    for _ in range(end - start):
        col = tl.load(at)
        a = tl.load(ptr)
        b = tl.load(b_ptr + (col * BLOCK + i)[:, None] * N + n[None, :])
        acc = tl.dot(a, b, acc=acc, allow_tf32=False)
        at += 1
        ptr = tl.advance(ptr, (BLOCK, 0))
    if end > start:
        tl.store(out + (pid_r * BLOCK + i)[:, None] * N + n[None, :], acc)
"""
SECOND_PASS_OF_SPLIT_K = """
@jit
def kernel(part_ptr, bias_ptr, out, MN, N, SPLIT: tl.constexpr, B: tl.constexpr):
    offs = tl.program_id(0) * B + tl.arange(0, B)
    mask = offs < MN
    s = tl.arange(0, SPLIT)
    part = tl.load(part_ptr + s[:, None] * MN + offs[None, :], mask=mask[None, :], other=0.0)
    acc = tl.sum(part, axis=0)
    acc += tl.load(bias_ptr + offs % N, mask=mask, other=0.0)
    tl.store(out + offs, acc.to(tl.float16), mask=mask)
"""
MATRIX_TIMES_VECTOR = """
@jit
def kernel(A, x, out, M, N, stride_am, BM: tl.constexpr, BN: tl.constexpr):
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    rn = tl.arange(0, BN)
    A = A + (rm[:, None] * stride_am + rn[None, :])
    x = x + rn
    acc = tl.zeros((BM,), dtype=tl.float32)
    for n in range(N, 0, -BN):
        if n > BN:
            a = tl.load(A)
            v = tl.load(x)
        else:
            a = tl.load(A, mask=rn[None, :] < n, other=0.0)
            v = tl.load(x, mask=rn < n, other=0.0)
        acc += tl.sum(a * v[None, :], axis=1)
        A += BN
        x += BN
    tl.store(out + rm, acc, mask=rm < M)
"""
LATENT_ATTENTION_DECODE = """
@jit
def kernel(
    q, kv, table, lens, out, out_lse, scale, stride_qh, stride_page, stride_kv, cap,
    H: tl.constexpr, BH: tl.constexpr, DN: tl.constexpr, DR: tl.constexpr, PAGE: tl.constexpr,
    BN: tl.constexpr, SPLITS: tl.constexpr,
):
    b, split = tl.program_id(0), tl.program_id(2)
    heads = tl.program_id(1) * BH + tl.arange(0, BH)
    ok_h = heads < H
    dn = tl.arange(0, DN)
    dr = DN + tl.arange(0, DR)
    length = tl.load(lens + b)
    per = tl.cdiv(length, SPLITS)
    lo = per * split
    hi = tl.minimum(lo + per, length)
    q_at = q + b * H * stride_qh + heads[:, None] * stride_qh
    qn = tl.load(q_at + dn[None, :], mask=ok_h[:, None], other=0.0)
    qr = tl.load(q_at + dr[None, :], mask=ok_h[:, None], other=0.0)
    e_max = tl.zeros([BH], dtype=tl.float32) - float("inf")
    e_sum = tl.zeros([BH], dtype=tl.float32)
    acc = tl.zeros([BH, DN], dtype=tl.float32)
    if hi > lo:
        for n0 in range(lo, hi, BN):
            n = n0 + tl.arange(0, BN)
            page = tl.load(table + b * 8 + n // PAGE, mask=n < hi, other=0)
            loc = page * stride_page + n % PAGE * stride_kv
            kn = tl.load(kv + loc[None, :] + dn[:, None], mask=(n < hi)[None, :], other=0.0)
            kr = tl.load(kv + loc[None, :] + dr[:, None], mask=(n < hi)[None, :], other=0.0)
            qk = tl.dot(qn, kn.to(qn.dtype))
            qk += tl.dot(qr, kr.to(qr.dtype))
            qk *= scale
            if cap > 0:
                qk = cap * (2 * tl.sigmoid(2 * (qk / cap)) - 1)
            qk = tl.where(ok_h[:, None] & (n < hi)[None, :], qk, float("-inf"))
            new = tl.maximum(tl.max(qk, 1), e_max)
            re = tl.exp(e_max - new)
            p = tl.exp(qk - new[:, None])
            acc *= re[:, None]
            acc += tl.dot(p.to(kn.dtype), tl.trans(kn))
            e_sum = e_sum * re + tl.sum(p, 1)
            e_max = new
        at = (b * H + heads) * SPLITS + split
        tl.store(out + at[:, None] * DN + dn[None, :], acc / e_sum[:, None], mask=ok_h[:, None])
        tl.store(out_lse + at, e_max + tl.log(e_sum), mask=ok_h)
"""
WINDOW_AND_SLOPES = """
@jit
def kernel(
    Q, K, V, cu, slopes, out, scale, H, WINDOW: tl.constexpr, CAP: tl.constexpr, BM: tl.constexpr,
    BN: tl.constexpr, D: tl.constexpr,
):
    start_m, h, z = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    lo_q = tl.load(cu + z)
    n_ctx = tl.load(cu + z + 1) - lo_q
    if start_m * BM >= n_ctx:
        return
    slope = tl.load(slopes + h)
    m = start_m * BM + tl.arange(0, BM)
    d = tl.arange(0, D)
    q = tl.load(
        Q + ((lo_q + m)[:, None] * H + h) * D + d[None, :], mask=m[:, None] < n_ctx, other=0.0
    )
    m_i = tl.full([BM], float("-inf"), tl.float32)
    l_i = tl.zeros([BM], tl.float32)
    acc = tl.zeros([BM, D], tl.float32)
    first = tl.maximum(start_m * BM - WINDOW + 1, 0) // BN * BN
    last = tl.minimum((start_m + 1) * BM, n_ctx)
    for n0 in tl.range(first, last, BN, num_stages=3, loop_unroll_factor=1):
        n = n0 + tl.arange(0, BN)
        kt = tl.load(
            K + ((lo_q + n)[None, :] * H + h) * D + d[:, None], mask=n[None, :] < n_ctx, other=0.0
        )
        v = tl.load(
            V + ((lo_q + n)[:, None] * H + h) * D + d[None, :], mask=n[:, None] < n_ctx, other=0.0
        )
        s = tl.dot(q, kt, out_dtype=tl.float32) * scale
        if CAP:
            s = CAP * (2.0 / (1.0 + tl.exp(-2.0 * s / CAP)) - 1.0)
        far = m[:, None] - n[None, :]
        s -= slope * far
        s = tl.where((far >= 0) & (far < WINDOW) & (n < n_ctx)[None, :], s, -1e30)
        new = tl.maximum(m_i, tl.max(s, 1))
        p = tl.exp(s - new[:, None])
        alpha = tl.exp(m_i - new)
        l_i = l_i * alpha + tl.sum(p, 1)
        acc = acc * alpha[:, None] + tl.dot(p.to(v.dtype), v)
        m_i = new
    acc = acc / l_i[:, None]
    o = out + ((lo_q + m)[:, None] * H + h) * D + d[None, :]
    tl.store(o, acc.to(out.dtype.element_ty), mask=m[:, None] < n_ctx)
"""

CASES = [
    public(
        "batched matmul",
        BATCHED_MATMUL,
        lambda rng: {
            "A": numbers((8, 14, 40), rng, "float16"),
            "B": numbers((8, 40, 10), rng, "float16"),
            "out": room((8, 14, 10)),
            "M": 14,
            "N": 10,
            "K": 40,
            "BB": 4,
            "BM": 16,
            "BN": 16,
            "BK": 16,
        },
        grid=(2,),
    ),
    public(
        "heads together",
        HEADS_TOGETHER,
        lambda rng: {
            "q": floats((4, 14, 16), rng, "float16"),
            "k": floats((4, 14, 16), rng, "float16"),
            "v": floats((4, 14, 16), rng, "float16"),
            "out": room((4, 14, 16)),
            "T": 14,
            "scale": 0.25,
            "H": 4,
            "M": 16,
            "D": 16,
        },
        ulps=4096,
        scale=1.0,
    ),
    public(
        "int4 weights in groups",
        INT4_WEIGHTS_IN_GROUPS,
        lambda rng: {
            "a_ptr": whole("float16", (20, 64), rng, -2, 3),
            "w_ptr": indices(rng.integers(-(2**31), 2**31, (8, 32))),
            "s_ptr": whole("float16", (2, 32), rng, 1, 3),
            "z_ptr": indices(rng.integers(-(2**31), 2**31, (2, 4))),
            "out": room((20, 32), "float16"),
            "M": 20,
            "N": 32,
            "K": 64,
            "GROUP": 32,
            "BM": 16,
            "BN": 16,
            "BK": 32,
        },
        grid=(2, 2),
    ),
    *(
        public(
            f"gated mlp, fp8 {fp8}",
            GATED_MLP,
            lambda rng, fp8=fp8: {
                "x_ptr": whole("float16", (20, 50), rng, -2, 3),
                "w1_ptr": Tensor("int8", rng.integers(48, 64, (50, 30)).astype(np.int8))
                if fp8
                else whole("float16", (50, 30), rng, -2, 3),
                "w2_ptr": Tensor("int8", rng.integers(48, 64, (50, 30)).astype(np.int8))
                if fp8
                else whole("float16", (50, 30), rng, -2, 3),
                "out": room((20, 30)),
                "M": 20,
                "N": 30,
                "K": 50,
                "stride_xm": 50,
                "stride_xk": 1,
                "stride_wk": 30,
                "stride_wn": 1,
                "BM": 16,
                "BN": 16,
                "BK": 16,
                "FP8": fp8,
                "EVEN_K": False,
            },
            grid=(4,),
        )
        for fp8 in (False, True)
    ),
    public(
        "sparse blocks by a table",
        SPARSE_BLOCKS_BY_A_TABLE,
        lambda rng: {
            "values": numbers((5, 16, 16), rng),
            "row_ptr": indices([0, 2, 2, 5]),
            "col_idx": indices([0, 2, 1, 2, 3]),
            "b_ptr": numbers((64, 32), rng),
            "out": room((48, 32)),
            "N": 32,
            "BLOCK": 16,
            "BN": 16,
        },
        grid=(3, 2),
    ),
    public(
        "second pass of split k",
        SECOND_PASS_OF_SPLIT_K,
        lambda rng: {
            "part_ptr": numbers((4, 10, 7), rng),
            "bias_ptr": numbers(7, rng),
            "out": room((10, 7), "float16"),
            "MN": 70,
            "N": 7,
            "SPLIT": 4,
            "B": 32,
        },
        grid=(3,),
    ),
    public(
        "matrix times vector",
        MATRIX_TIMES_VECTOR,
        lambda rng: {
            "A": numbers((32, 50), rng),
            "x": numbers(50, rng),
            "out": room(32),
            "M": 32,
            "N": 50,
            "stride_am": 50,
            "BM": 16,
            "BN": 16,
        },
        grid=(2,),
    ),
    public(
        "latent attention decode",
        LATENT_ATTENTION_DECODE,
        lambda rng: {
            "q": floats((2, 10, 48), rng, "float16"),
            "kv": floats((16, 4, 48), rng, "float16"),
            "table": indices(rng.permutation(16).reshape(2, 8)),
            "lens": indices([27, 6]),
            "out": room((2, 10, 2, 32)),
            "out_lse": room((2, 10, 2)),
            "scale": 0.2,
            "stride_qh": 48,
            "stride_page": 4 * 48,
            "stride_kv": 48,
            "cap": 30.0,
            "H": 10,
            "BH": 16,
            "DN": 32,
            "DR": 16,
            "PAGE": 4,
            "BN": 16,
            "SPLITS": 2,
        },
        grid=(2, 1, 2),
        ulps=4096,
        scale=1.0,
    ),
    public(
        "window and slopes",
        WINDOW_AND_SLOPES,
        lambda rng: {
            "Q": floats((60, 2, 16), rng, "float16"),
            "K": floats((60, 2, 16), rng, "float16"),
            "V": floats((60, 2, 16), rng, "float16"),
            "cu": indices([0, 21, 60]),
            "slopes": floats(2, rng, "float32", 0, 0.5),
            "out": room((60, 2, 16)),
            "scale": 0.25,
            "H": 2,
            "WINDOW": 20,
            "CAP": 20.0,
            "BM": 16,
            "BN": 16,
            "D": 16,
        },
        grid=(3, 2, 2),
        ulps=4096,
        scale=1.0,
    ),
]
