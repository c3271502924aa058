"""Kernels that sort, count, sample and search."""

from __future__ import annotations

import numpy as np
from public import floats, indices, numbers, public, room

TOP_P_SAMPLING = """
@jit
def kernel(logits, out_token, out_sorted, top_p, seed, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offs = tl.arange(0, BLOCK)
    x = tl.load(logits + row * n + offs, mask=offs < n, other=-float("inf"))
    e = tl.exp(x - tl.max(x, 0))
    p = e / tl.sum(e, 0)
    bits = p.to(tl.int32, bitcast=True).to(tl.int64)
    key = (bits << 32) | (BLOCK - 1 - offs).to(tl.int64)
    key = tl.sort(key, descending=True)
    where = BLOCK - 1 - (key & 0xFFFFFFFF).to(tl.int32)
    ps = (key >> 32).to(tl.int32).to(tl.float32, bitcast=True)
    c = tl.cumsum(ps, 0)
    kept = tl.where(c - ps < top_p, ps, 0.0)
    r = tl.rand(seed, row) * tl.sum(kept, 0)
    pick = tl.sum((tl.cumsum(kept, 0) < r).to(tl.int32), 0)
    tok = tl.sum(tl.where(offs == pick, where, 0), 0)
    tl.store(out_token + row, tok)
    tl.store(out_sorted + row * BLOCK + offs, where)
"""
ARGMAX_AND_TOPK_OF_A_ROUTER = """
@jit
def kernel(x_ptr, out_w, out_i, n_experts: tl.constexpr, TOPK: tl.constexpr):
    row = tl.program_id(0)
    offs = tl.arange(0, n_experts)
    x = tl.load(x_ptr + row * n_experts + offs).to(tl.float32)
    for k in tl.static_range(TOPK):
        v, i = tl.max(x, axis=0, return_indices=True)
        tl.store(out_w + row * TOPK + k, v)
        tl.store(out_i + row * TOPK + k, i)
        x = tl.where(offs == i, float("-inf"), x)
"""
ONE_HOT_COUNT_AND_MODE = """
@jit
def kernel(x_ptr, out_mode, out_count, N: tl.constexpr, C: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, N))
    h = tl.histogram(x, C)
    tl.store(out_mode, tl.argmax(h, axis=0))
    tl.store(out_count + tl.arange(0, C), h)
    hot = (x[:, None] == tl.arange(0, C)[None, :]).to(tl.int32)
    tl.static_assert(hot.shape[0] == N)
    tl.store(out_count + C + tl.arange(0, C), tl.sum(hot, axis=0))
"""
BINARY_SEARCH = """
@jit
def kernel(keys, q_ptr, out, n, B: tl.constexpr):
    offs = tl.arange(0, B)
    q = tl.load(q_ptr + offs)
    lo = tl.zeros((B,), tl.int32)
    hi = tl.full((B,), 0, tl.int32) + n
    size = n
    while size > 0:
        mid = (lo + hi) // 2
        v = tl.load(keys + mid, mask=lo < hi, other=0)
        right = (v < q) & (lo < hi)
        lo = tl.where(right, mid + 1, lo)
        hi = tl.where(right | (lo >= hi), hi, mid)
        size //= 2
    tl.store(out + offs, lo)
"""
NEWTON_UNTIL_NEAR = """
@jit
def step(x, a):
    return 0.5 * (x + a / x)


@jit
def kernel(a_ptr, out, out_n):
    i = tl.program_id(0)
    a = tl.load(a_ptr + i)
    x = a
    n = 0
    while tl.abs(x * x - a) > 1e-3 * a and n < 40:
        x = step(x, a)
        n += 1
    tl.store(out + i, x)
    tl.store(out_n + i, n)
"""
CSR_SPMV = """
@jit
def kernel(vals, cols, row_ptr, x, out, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    start = tl.load(row_ptr + row)
    end = tl.load(row_ptr + row + 1)
    acc = 0.0
    for i in range(start, end, BLOCK):
        k = i + tl.arange(0, BLOCK)
        ok = k < end
        c = tl.load(cols + k, mask=ok, other=0)
        acc += tl.sum(tl.load(vals + k, mask=ok, other=0.0) * tl.load(x + c, mask=ok, other=0.0))
    tl.store(out + row, acc)
"""

CASES = [
    public(
        "top-p sampling",
        TOP_P_SAMPLING,
        lambda rng: {
            "logits": floats((4, 60), rng, a=-3, b=3),
            "out_token": room(4, "int32"),
            "out_sorted": room((4, 64), "int32"),
            "top_p": 0.8,
            "seed": 7,
            "n": 60,
            "BLOCK": 64,
        },
        grid=(4,),
    ),
    public(
        "argmax and topk of a router",
        ARGMAX_AND_TOPK_OF_A_ROUTER,
        lambda rng: {
            "x_ptr": numbers((4, 16), rng, "float16"),
            "out_w": room((4, 2)),
            "out_i": room((4, 2), "int32"),
            "n_experts": 16,
            "TOPK": 2,
        },
        grid=(4,),
    ),
    public(
        "one hot, count and mode",
        ONE_HOT_COUNT_AND_MODE,
        lambda rng: {
            "x_ptr": indices(rng.integers(0, 16, 128)),
            "out_mode": room(1, "int32"),
            "out_count": room(32, "int32"),
            "N": 128,
            "C": 16,
        },
    ),
    public(
        "binary search",
        BINARY_SEARCH,
        lambda rng: {
            "keys": indices(np.sort(rng.integers(0, 99, 40))),
            "q_ptr": indices(rng.integers(0, 99, 16)),
            "out": room(16, "int32"),
            "n": 40,
            "B": 16,
        },
    ),
    public(
        "newton until near",
        NEWTON_UNTIL_NEAR,
        lambda rng: {"a_ptr": floats(4, rng, a=1, b=90), "out": room(4), "out_n": room(4, "int32")},
        grid=(4,),
    ),
    public(
        "csr spmv",
        CSR_SPMV,
        lambda rng: {
            "vals": numbers(40, rng),
            "cols": indices(rng.integers(0, 16, 40)),
            "row_ptr": indices([0, 0, 7, 30, 40]),
            "x": numbers(16, rng),
            "out": room(4),
            "BLOCK": 16,
        },
        grid=(4,),
    ),
]
