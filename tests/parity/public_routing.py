"""Kernels that go where data says: experts, caches, jagged rows, compaction."""

from __future__ import annotations

import numpy as np
from case import whole
from public import floats, indices, numbers, public, room

ROUTER_BY_REPEATED_ARGMAX = """
@jit
def kernel(
    logits, out_weights, out_ids, out_position, n_tokens, E: tl.constexpr, TOP_K: tl.constexpr,
    RENORM: tl.constexpr, BT: tl.constexpr,
):
    t = tl.program_id(0) * BT + tl.arange(0, BT)
    e = tl.arange(0, E)
    ok = t < n_tokens
    x = tl.load(logits + t[:, None] * E + e[None, :], mask=ok[:, None], other=0.0).to(tl.float32)
    x = x - tl.max(x, 1)[:, None]
    num = tl.exp(x)
    prob = num / tl.sum(num, 1)[:, None]
    total = tl.zeros([BT], tl.float32)
    for k in tl.static_range(TOP_K):
        best, at = tl.max(prob, axis=1, return_indices=True)
        total += best
        tl.store(out_weights + t * TOP_K + k, best, mask=ok)
        tl.store(out_ids + t * TOP_K + k, at, mask=ok)
        tl.store(out_position + t * TOP_K + k, k * n_tokens + t, mask=ok)
        prob = tl.where(e[None, :] == at[:, None], -1.0, prob)
    if RENORM:
        for k in tl.static_range(TOP_K):
            w = tl.load(out_weights + t * TOP_K + k, mask=ok, other=0.0)
            tl.store(out_weights + t * TOP_K + k, w / total, mask=ok)
"""
COUNTS_AND_OFFSETS_OF_EXPERTS = """
@jit
def kernel(
    ids, out_counts, out_offsets, out_padded, n, E: tl.constexpr, BLOCK_M: tl.constexpr,
    N: tl.constexpr,
):
    offs = tl.arange(0, N)
    e = tl.arange(0, E)
    id = tl.load(ids + offs, mask=offs < n, other=E)
    counts = tl.sum((id[:, None] == e[None, :]).to(tl.int32), axis=0)
    padded = (counts + BLOCK_M - 1) // BLOCK_M * BLOCK_M
    tl.store(out_counts + e, counts)
    tl.store(out_offsets + e, tl.cumsum(counts, 0) - counts)
    tl.store(out_padded + e, tl.cumsum(padded, 0))
"""
RANK_WITHIN_AN_EXPERT = """
@jit
def kernel(ids, starts, x_ptr, out_place, out_x, n, D, N: tl.constexpr, BD: tl.constexpr):
    offs = tl.arange(0, N)
    id = tl.load(ids + offs, mask=offs < n, other=-1)
    earlier = (id[:, None] == id[None, :]) & (offs[:, None] > offs[None, :])
    rank = tl.sum(earlier.to(tl.int32), axis=1)
    place = tl.load(starts + id, mask=offs < n, other=0) + rank
    tl.store(out_place + offs, place, mask=offs < n)
    for d in range(0, D, BD):
        cols = d + tl.arange(0, BD)
        mask = (offs < n)[:, None] & (cols < D)[None, :]
        x = tl.load(x_ptr + offs[:, None] * D + cols[None, :], mask=mask)
        tl.store(out_x + place[:, None] * D + cols[None, :], x, mask=mask)
"""
COMBINE_OF_EXPERTS = """
@jit
def kernel(y_ptr, place_ptr, w_ptr, out, D, K: tl.constexpr, BD: tl.constexpr):
    t = tl.program_id(0)
    cols = tl.program_id(1) * BD + tl.arange(0, BD)
    acc = tl.zeros((BD,), tl.float32)
    for k in range(K):
        place = tl.load(place_ptr + t * K + k)
        if place >= 0:
            w = tl.load(w_ptr + t * K + k).to(tl.float32)
            acc += w * tl.load(y_ptr + place * D + cols, mask=cols < D, other=0.0).to(tl.float32)
    tl.store(out + t * D + cols, acc.to(out.dtype.element_ty), mask=cols < D)
"""
WRITE_TO_A_PAGED_CACHE = """
@jit
def kernel(
    key, value, out_key_cache, out_value_cache, slot_mapping, key_stride, block_size: tl.constexpr,
    n_heads: tl.constexpr, D: tl.constexpr, X: tl.constexpr,
):
    token = tl.program_id(0)
    slot = tl.load(slot_mapping + token).to(tl.int64)
    if slot < 0:
        return
    block_idx = slot // block_size
    block_offset = slot % block_size
    offs = tl.arange(0, n_heads * D)
    head = offs // D
    d = offs % D
    k = tl.load(key + token * key_stride + offs)
    v = tl.load(value + token * key_stride + offs)
    at_k = ((block_idx * n_heads + head) * (D // X) + d // X) * block_size * X
    at_k += block_offset * X + d % X
    at_v = ((block_idx * n_heads + head) * D + d) * block_size + block_offset
    tl.store(out_key_cache + at_k, k)
    tl.store(out_value_cache + at_v, v)
"""
JAGGED_TO_PADDED = """
@jit
def kernel(x_ptr, offsets, out, max_len, D, pad, BL: tl.constexpr, BD: tl.constexpr):
    b = tl.program_id(0)
    start = tl.load(offsets + b)
    length = tl.minimum(tl.load(offsets + b + 1) - start, max_len)
    for l0 in range(0, max_len, BL):
        l = l0 + tl.arange(0, BL)
        for d0 in range(0, D, BD):
            d = d0 + tl.arange(0, BD)
            inside = (l[:, None] < length) & (d[None, :] < D)
            x = tl.load(x_ptr + (start + l)[:, None] * D + d[None, :], mask=inside, other=pad)
            room = (l[:, None] < max_len) & (d[None, :] < D)
            tl.store(out + (b * max_len + l)[:, None] * D + d[None, :], x, mask=room)
"""
JAGGED_MEANS_OF_ROWS = """
@jit
def kernel(x_ptr, offsets, out, D, MAX: tl.constexpr, BR: tl.constexpr, BD: tl.constexpr):
    pid = tl.program_id(axis=0)
    d_blocks = tl.cdiv(D, BD)
    b, pid_d = pid // d_blocks, pid % d_blocks
    d = pid_d * BD + tl.arange(0, BD)
    start, end = tl.load(offsets + b), tl.load(offsets + b + 1)
    acc = tl.zeros((BR, BD), dtype=tl.float32)
    for r0 in range(0, MAX, BR):
        r = start + r0 + tl.arange(0, BR)
        mask = (r < end)[:, None] & (d < D)[None, :]
        acc += tl.load(x_ptr + r[:, None] * D + d[None, :], mask=mask, other=0)
    total = tl.sum(acc, axis=0)
    n = end - start
    mean = tl.where(n > 0, total / n, 0.0)
    tl.store(out + b * D + d, mean, mask=d < D)
"""
EMBEDDING_BAG = """
@jit
def kernel(
    w, idx, offsets, weights, out, D, MODE: tl.constexpr, HAS_W: tl.constexpr, BD: tl.constexpr
):
    bag = tl.program_id(0)
    d = tl.arange(0, BD)
    lo, hi = tl.load(offsets + bag), tl.load(offsets + bag + 1)
    if MODE == "max":
        acc = tl.full((BD,), float("-inf"), tl.float32)
    else:
        acc = tl.zeros((BD,), tl.float32)
    i = lo
    while i < hi:
        row = tl.load(idx + i)
        v = tl.load(w + row * D + d, mask=d < D, other=0.0)
        if HAS_W:
            v *= tl.load(weights + i)
        acc = tl.maximum(acc, v) if MODE == "max" else acc + v
        i += 1
    if MODE == "mean":
        acc = acc / tl.maximum(hi - lo, 1)
    tl.store(out + bag * D + d, acc, mask=d < D)
"""
COMPACTION_OF_WHAT_IS_POSITIVE = """
@jit
def kernel(x_ptr, out, out_count, n, B: tl.constexpr):
    base = 0
    for start in range(0, n, B):
        offs = start + tl.arange(0, B)
        x = tl.load(x_ptr + offs, mask=offs < n, other=0.0)
        keep = x > 0
        ones = keep.to(tl.int32)
        at = base + tl.cumsum(ones, 0) - 1
        tl.store(out + at, x, mask=keep)
        base += tl.sum(ones, 0)
    tl.store(out_count, base)
"""
LORA_OF_EACH_ROW = """
@jit
def kernel(
    x_ptr, a_ptr, b_ptr, which, out, scale, D, N, R: tl.constexpr, BD: tl.constexpr,
    BN: tl.constexpr,
):
    row = tl.program_id(0)
    lora = tl.load(which + row)
    if lora == -1:
        return
    r = tl.arange(0, R)
    h = tl.zeros((R,), tl.float32)
    for d0 in range(0, D, BD):
        d = d0 + tl.arange(0, BD)
        x = tl.load(x_ptr + row * D + d, mask=d < D, other=0.0).to(tl.float32)
        a = tl.load(
            a_ptr + (lora * R + r)[:, None] * D + d[None, :], mask=(d < D)[None, :], other=0.0
        )
        h += tl.sum(x[None, :] * a, 1)
    h = h.to(tl.float16).to(tl.float32)
    for n0 in range(0, N, BN):
        n = n0 + tl.arange(0, BN)
        at = lora * N * R + n[:, None] * R + r[None, :]
        b = tl.load(b_ptr + at, mask=(n < N)[:, None], other=0.0)
        y = tl.load(out + row * N + n, mask=n < N).to(tl.float32)
        y += scale * tl.sum(h[None, :] * b, 1)
        tl.store(out + row * N + n, y.to(out.dtype.element_ty), mask=n < N)
"""
LINKED_LIST = """
@jit
def kernel(heads, nexts, values, out_sum, out_length, limit):
    pid = tl.program_id(0)
    at = tl.load(heads + pid)
    total = tl.zeros((), tl.float32)
    length = 0
    while at >= 0 and length < limit:
        total += tl.load(values + at)
        at = tl.load(nexts + at)
        length += 1
    tl.store(out_sum + pid, total)
    tl.store(out_length + pid, length)
"""

CASES = [
    public(
        "router by repeated argmax",
        ROUTER_BY_REPEATED_ARGMAX,
        lambda rng: {
            "logits": floats((10, 8), rng, "float32", -3, 3),
            "out_weights": room((10, 2)),
            "out_ids": room((10, 2), "int32"),
            "out_position": room((10, 2), "int32"),
            "n_tokens": 10,
            "E": 8,
            "TOP_K": 2,
            "RENORM": True,
            "BT": 4,
        },
        grid=(3,),
        ulps=8,
    ),
    public(
        "counts and offsets of experts",
        COUNTS_AND_OFFSETS_OF_EXPERTS,
        lambda rng: {
            "ids": indices(rng.integers(0, 8, 50)),
            "out_counts": room(8, "int32"),
            "out_offsets": room(8, "int32"),
            "out_padded": room(8, "int32"),
            "n": 50,
            "E": 8,
            "BLOCK_M": 4,
            "N": 64,
        },
    ),
    public(
        "rank within an expert",
        RANK_WITHIN_AN_EXPERT,
        lambda rng: {
            "ids": indices([2, 0, 1, 1, 0, 2, 2, 3, 0, 1]),
            "starts": indices([0, 3, 6, 9]),
            "x_ptr": numbers((10, 20), rng, "float16"),
            "out_place": room(10, "int32"),
            "out_x": room((10, 20), "float16"),
            "n": 10,
            "D": 20,
            "N": 16,
            "BD": 16,
        },
    ),
    public(
        "combine of experts",
        COMBINE_OF_EXPERTS,
        lambda rng: {
            "y_ptr": numbers((12, 40), rng, "float16"),
            "place_ptr": indices([3, 1, -1, 11, 0, -1, 7, 7]),
            "w_ptr": numbers(8, rng, "float16"),
            "out": room((4, 40), "float16"),
            "D": 40,
            "K": 2,
            "BD": 32,
        },
        grid=(4, 2),
    ),
    public(
        "write to a paged cache",
        WRITE_TO_A_PAGED_CACHE,
        lambda rng: {
            "key": numbers((5, 2, 16), rng, "float16"),
            "value": numbers((5, 2, 16), rng, "float16"),
            "out_key_cache": room((3, 2, 2, 4, 8), "float16"),
            "out_value_cache": room((3, 2, 16, 4), "float16"),
            "slot_mapping": indices([5, -1, 0, 11, 6], "int64"),
            "key_stride": 32,
            "block_size": 4,
            "n_heads": 2,
            "D": 16,
            "X": 8,
        },
        grid=(5,),
    ),
    public(
        "jagged to padded",
        JAGGED_TO_PADDED,
        lambda rng: {
            "x_ptr": numbers((20, 10), rng),
            "offsets": indices([0, 3, 3, 15, 20], "int64"),
            "out": room((4, 9, 10)),
            "max_len": 9,
            "D": 10,
            "pad": -1.5,
            "BL": 4,
            "BD": 8,
        },
        grid=(4,),
    ),
    public(
        "jagged means of rows",
        JAGGED_MEANS_OF_ROWS,
        lambda rng: {
            "x_ptr": numbers((20, 10), rng),
            "offsets": indices([0, 4, 4, 12, 20]),
            "out": room((4, 10)),
            "D": 10,
            "MAX": 8,
            "BR": 4,
            "BD": 8,
        },
        grid=(8,),
    ),
    *(
        public(
            f"embedding bag, {mode}",
            EMBEDDING_BAG,
            lambda rng, mode=mode: {
                "w": numbers((9, 20), rng),
                "idx": indices(rng.integers(0, 9, 12), "int64"),
                "offsets": indices([0, 4, 4, 6, 12], "int64"),
                "weights": numbers(12, rng),
                "out": room((4, 20)),
                "D": 20,
                "MODE": mode,
                "HAS_W": mode == "sum",
                "BD": 32,
            },
            grid=(4,),
            ulps=1 if mode == "mean" else 0,
        )
        for mode in ("sum", "mean", "max")
    ),
    public(
        "compaction of what is positive",
        COMPACTION_OF_WHAT_IS_POSITIVE,
        lambda rng: {
            "x_ptr": numbers(90, rng),
            "out": room(90),
            "out_count": room(1, "int32"),
            "n": 90,
            "B": 32,
        },
    ),
    public(
        "lora of each row",
        LORA_OF_EACH_ROW,
        lambda rng: {
            "x_ptr": whole("float16", (4, 40), rng, -2, 3),
            "a_ptr": whole("float16", (3, 8, 40), rng, -1, 2),
            "b_ptr": whole("float16", (3, 24, 8), rng, -1, 2),
            "which": indices([1, -1, 0, 2]),
            "out": whole("float16", (4, 24), rng, -2, 3),
            "scale": 0.5,
            "D": 40,
            "N": 24,
            "R": 8,
            "BD": 16,
            "BN": 16,
        },
        grid=(4,),
    ),
    public(
        "linked list",
        LINKED_LIST,
        lambda rng: {
            "heads": indices([0, 4, -1, 2]),
            "nexts": indices([3, 0, 5, -1, 1, 2, -1]),
            "values": numbers(7, rng),
            "out_sum": room(4),
            "out_length": room(4, "int32"),
            "limit": np.int32(6).item(),
        },
        grid=(4,),
    ),
]
