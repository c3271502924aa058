"""Kernels of attention: flash, paged, merged, backward."""

from __future__ import annotations

from public import floats, indices, public, room

FLASH = """
@jit
def inner(
    acc,
    l_i,
    m_i,
    q,
    K,
    V,
    start_m,
    scale,
    stride_kn,
    stride_vk,
    offs_m,
    offs_n,
    N_CTX,
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    STAGE: tl.constexpr,
):
    if STAGE == 1:
        lo, hi = 0, start_m * BLOCK_M
    elif STAGE == 2:
        lo, hi = start_m * BLOCK_M, (start_m + 1) * BLOCK_M
        lo = tl.multiple_of(lo, BLOCK_M)
    else:
        lo, hi = 0, N_CTX
    offs_d = tl.arange(0, D)
    for start_n in tl.range(lo, hi, BLOCK_N, num_stages=2):
        start_n = tl.multiple_of(start_n, BLOCK_N)
        k = tl.load(K + offs_d[:, None] + (start_n + offs_n)[None, :] * stride_kn)
        qk = tl.dot(q, k)
        if STAGE == 2:
            causal = offs_m[:, None] >= (start_n + offs_n[None, :])
            qk = qk * scale + tl.where(causal, 0, -1.0e6)
            m_ij = tl.maximum(m_i, tl.max(qk, 1))
            qk -= m_ij[:, None]
        else:
            m_ij = tl.maximum(m_i, tl.max(qk, 1) * scale)
            qk = qk * scale - m_ij[:, None]
        p = tl.math.exp2(qk)
        alpha = tl.math.exp2(m_i - m_ij)
        l_ij = tl.sum(p, 1)
        acc = acc * alpha[:, None]
        v = tl.load(V + (start_n + offs_n)[:, None] * stride_vk + offs_d[None, :])
        acc = tl.dot(p.to(v.dtype), v, acc)
        l_i = l_i * alpha + l_ij
        m_i = m_ij
    return acc, l_i, m_i


@jit
def kernel(
    Q,
    K,
    V,
    sm_scale,
    out_m,
    out,
    stride_h,
    stride_n,
    H,
    KV_H,
    N_CTX,
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    CAUSAL: tl.constexpr,
):
    start_m = tl.program_id(0)
    off_h = tl.program_id(1)
    kv_h = off_h // (H // KV_H)
    Q += off_h * stride_h
    K += kv_h * stride_h
    V += kv_h * stride_h
    offs_m = start_m * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_n = tl.arange(0, BLOCK_N)
    offs_d = tl.arange(0, D)
    m_i = tl.zeros([BLOCK_M], dtype=tl.float32) - float("inf")
    l_i = tl.zeros([BLOCK_M], dtype=tl.float32) + 1.0
    acc = tl.zeros([BLOCK_M, D], dtype=tl.float32)
    scale = sm_scale * 1.44269504
    q = tl.load(
        Q + offs_m[:, None] * stride_n + offs_d[None, :], mask=offs_m[:, None] < N_CTX, other=0.0
    )
    if CAUSAL:
        acc, l_i, m_i = inner(
            acc,
            l_i,
            m_i,
            q,
            K,
            V,
            start_m,
            scale,
            stride_n,
            stride_n,
            offs_m,
            offs_n,
            N_CTX,
            D,
            BLOCK_M,
            BLOCK_N,
            1,
        )
        acc, l_i, m_i = inner(
            acc,
            l_i,
            m_i,
            q,
            K,
            V,
            start_m,
            scale,
            stride_n,
            stride_n,
            offs_m,
            offs_n,
            N_CTX,
            D,
            BLOCK_M,
            BLOCK_N,
            2,
        )
    else:
        acc, l_i, m_i = inner(
            acc,
            l_i,
            m_i,
            q,
            K,
            V,
            start_m,
            scale,
            stride_n,
            stride_n,
            offs_m,
            offs_n,
            N_CTX,
            D,
            BLOCK_M,
            BLOCK_N,
            3,
        )
    m_i += tl.math.log2(l_i)
    acc = acc / l_i[:, None]
    tl.store(out_m + off_h * N_CTX + offs_m, m_i)
    tl.store(
        out + off_h * stride_h + offs_m[:, None] * stride_n + offs_d[None, :],
        acc.to(out.dtype.element_ty),
    )
"""
PAGED_ATTENTION_DECODE = """
@jit
def kernel(
    out,
    Q,
    K,
    V,
    tables,
    lens,
    scale,
    stride_block,
    stride_head,
    MAXB,
    H: tl.constexpr,
    KVH: tl.constexpr,
    D: tl.constexpr,
    PAGE: tl.constexpr,
    GROUP: tl.constexpr,
):
    seq = tl.program_id(0)
    kvh = tl.program_id(1)
    length = tl.load(lens + seq)
    offs_d = tl.arange(0, D)
    offs_g = tl.arange(0, GROUP)
    offs_p = tl.arange(0, PAGE)
    q = tl.load(Q + (seq * H + kvh * GROUP + offs_g)[:, None] * D + offs_d[None, :]).to(tl.float32)
    m = tl.full([GROUP], float("-inf"), tl.float32)
    l = tl.zeros([GROUP], tl.float32)
    acc = tl.zeros([GROUP, D], tl.float32)
    for blk in range(0, tl.cdiv(length, PAGE)):
        page = tl.load(tables + seq * MAXB + blk).to(tl.int64)
        base = page * stride_block + kvh * stride_head
        k = tl.load(K + base + offs_p[:, None] * D + offs_d[None, :]).to(tl.float32)
        v = tl.load(V + base + offs_p[:, None] * D + offs_d[None, :]).to(tl.float32)
        s = tl.sum(q[:, None, :] * k[None, :, :], axis=2) * scale
        s = tl.where((blk * PAGE + offs_p < length)[None, :], s, float("-inf"))
        m_new = tl.maximum(m, tl.max(s, axis=1))
        p = tl.exp(s - m_new[:, None])
        alpha = tl.exp(m - m_new)
        acc = acc * alpha[:, None] + tl.sum(p[:, :, None] * v[None, :, :], axis=1)
        l = l * alpha + tl.sum(p, axis=1)
        m = m_new
    tl.store(
        out + (seq * H + kvh * GROUP + offs_g)[:, None] * D + offs_d[None, :],
        (acc / l[:, None]).to(out.dtype.element_ty),
    )
"""
FLASH_DECODE_MERGE_OF_SPLITS = """
@jit
def kernel(m_ptr, l_ptr, o_ptr, out, SPLITS: tl.constexpr, D: tl.constexpr):
    row = tl.program_id(0)
    s = tl.arange(0, SPLITS)
    d = tl.arange(0, D)
    m = tl.load(m_ptr + row * SPLITS + s)
    top = tl.max(m, axis=0)
    w = tl.exp(m - top) * tl.load(l_ptr + row * SPLITS + s)
    o = tl.load(o_ptr + (row * SPLITS + s[:, None]) * D + d[None, :])
    tl.store(out + row * D + d, tl.sum(o * w[:, None], axis=0) / tl.sum(w, axis=0))
"""
ATTENTION_BACKWARD_OF_ONE_BLOCK = """
@jit
def kernel(
    q, k, v, do, lse, delta, out_dq, out_dk, out_dv, scale, N: tl.constexpr, D: tl.constexpr
):
    n = tl.arange(0, N)
    d = tl.arange(0, D)
    at = n[:, None] * D + d[None, :]
    bq, bk, bv, bdo = tl.load(q + at), tl.load(k + at), tl.load(v + at), tl.load(do + at)
    p = tl.math.exp(
        tl.dot(bq, tl.trans(bk), input_precision="ieee") * scale - tl.load(lse + n)[:, None]
    )
    p = tl.where(n[:, None] >= n[None, :], p, 0.0)
    dv = tl.dot(tl.trans(p), bdo, input_precision="ieee")
    dp = tl.dot(bdo, tl.trans(bv), input_precision="ieee")
    ds = p * (dp - tl.load(delta + n)[:, None]) * scale
    tl.store(out_dv + at, dv)
    tl.store(out_dk + at, tl.dot(tl.trans(ds), bq, input_precision="ieee"))
    tl.store(out_dq + at, tl.dot(ds, bk, input_precision="ieee"))
"""

CASES = [
    public(
        "flash attention, causal True",
        FLASH,
        lambda rng: {
            "Q": floats((4, 64, 16), rng, "float16"),
            "K": floats((2, 64, 16), rng, "float16"),
            "V": floats((2, 64, 16), rng, "float16"),
            "sm_scale": 0.25,
            "out_m": room((4, 64)),
            "out": room((4, 64, 16)),
            "stride_h": 1024,
            "stride_n": 16,
            "H": 4,
            "KV_H": 2,
            "N_CTX": 64,
            "D": 16,
            "BLOCK_M": 32,
            "BLOCK_N": 16,
            "CAUSAL": True,
        },
        grid=(2, 4),
        ulps=4096,
        scale=1.0,
    ),
    public(
        "flash attention, causal False",
        FLASH,
        lambda rng: {
            "Q": floats((4, 64, 16), rng, "float16"),
            "K": floats((2, 64, 16), rng, "float16"),
            "V": floats((2, 64, 16), rng, "float16"),
            "sm_scale": 0.25,
            "out_m": room((4, 64)),
            "out": room((4, 64, 16)),
            "stride_h": 1024,
            "stride_n": 16,
            "H": 4,
            "KV_H": 2,
            "N_CTX": 64,
            "D": 16,
            "BLOCK_M": 32,
            "BLOCK_N": 16,
            "CAUSAL": False,
        },
        grid=(2, 4),
        ulps=4096,
        scale=1.0,
    ),
    public(
        "paged attention decode",
        PAGED_ATTENTION_DECODE,
        lambda rng: {
            "out": room((3, 4, 16)),
            "Q": floats((3, 4, 16), rng),
            "K": floats((8, 2, 8, 16), rng, "float16"),
            "V": floats((8, 2, 8, 16), rng, "float16"),
            "tables": indices([[3, 1, 0], [7, 2, 5], [4, 0, 0]]),
            "lens": indices([13, 24, 3]),
            "scale": 0.25,
            "stride_block": 2 * 8 * 16,
            "stride_head": 8 * 16,
            "MAXB": 3,
            "H": 4,
            "KVH": 2,
            "D": 16,
            "PAGE": 8,
            "GROUP": 2,
        },
        grid=(3, 2),
        ulps=1024,
        scale=1.0,
    ),
    public(
        "flash decode merge of splits",
        FLASH_DECODE_MERGE_OF_SPLITS,
        lambda rng: {
            "m_ptr": floats((2, 8), rng),
            "l_ptr": floats((2, 8), rng, a=1, b=2),
            "o_ptr": floats((2, 8, 16), rng),
            "out": room((2, 16)),
            "SPLITS": 8,
            "D": 16,
        },
        grid=(2,),
        ulps=64,
        scale=1.0,
    ),
    public(
        "attention backward of one block",
        ATTENTION_BACKWARD_OF_ONE_BLOCK,
        lambda rng: {
            "q": floats((16, 16), rng),
            "k": floats((16, 16), rng),
            "v": floats((16, 16), rng),
            "do": floats((16, 16), rng),
            "lse": floats(16, rng, a=2, b=3),
            "delta": floats(16, rng),
            "out_dq": room((16, 16)),
            "out_dk": room((16, 16)),
            "out_dv": room((16, 16)),
            "scale": 0.25,
            "N": 16,
            "D": 16,
        },
        ulps=4096,
        scale=1.0,
    ),
]
