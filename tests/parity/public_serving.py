"""Kernels of inference servers: drafts of tokens, caches, sinks, choices."""

from __future__ import annotations

import numpy as np
from case import Tensor
from public import floats, indices, public, room

GREEDY_DRAFTS = """
@jit
def kernel(out_tokens, cu_num_draft_tokens, draft_ids, target_argmax, bonus_ids, is_greedy_ptr,
           max_spec_len):
    req_idx = tl.program_id(0)
    is_greedy = True if is_greedy_ptr is None else tl.load(is_greedy_ptr + req_idx)
    if not is_greedy:
        return
    start_idx = 0 if req_idx == 0 else tl.load(cu_num_draft_tokens + req_idx - 1)
    end_idx = tl.load(cu_num_draft_tokens + req_idx)
    num_draft_tokens = end_idx - start_idx
    rejected = False
    for pos in range(num_draft_tokens):
        if not rejected:
            draft_token_id = tl.load(draft_ids + start_idx + pos)
            target_argmax_id = tl.load(target_argmax + start_idx + pos)
            tl.store(out_tokens + req_idx * (max_spec_len + 1) + pos, target_argmax_id)
            if draft_token_id != target_argmax_id:
                rejected = True
    if not rejected:
        bonus_token_id = tl.load(bonus_ids + req_idx)
        tl.store(out_tokens + req_idx * (max_spec_len + 1) + num_draft_tokens, bonus_token_id)
"""
RANDOM_DRAFTS = """
@jit
def kernel(out_tokens, cu_num_draft_tokens, draft_ids, draft_probs, target_probs, bonus_ids,
           recovered_ids, uniform_ptr, max_spec_len, vocab_size, NO_DRAFT_PROBS: tl.constexpr):
    req_idx = tl.program_id(0)
    start_idx = tl.load(cu_num_draft_tokens + req_idx - 1, mask=req_idx > 0, other=0)
    end_idx = tl.load(cu_num_draft_tokens + req_idx)
    num_draft_tokens = end_idx - start_idx
    rejected = False
    for pos in range(num_draft_tokens):
        if not rejected:
            draft_token_id = tl.load(draft_ids + start_idx + pos)
            if NO_DRAFT_PROBS:
                draft_prob = 1
            else:
                draft_prob = tl.load(draft_probs + (start_idx + pos) * vocab_size + draft_token_id)
            target_prob = tl.load(target_probs + (start_idx + pos) * vocab_size + draft_token_id)
            uniform_prob = tl.load(uniform_ptr + start_idx + pos)
            if draft_prob > 0 and target_prob / draft_prob >= uniform_prob:
                token_id = draft_token_id
            else:
                rejected = True
                token_id = tl.load(recovered_ids + start_idx + pos)
            tl.store(out_tokens + req_idx * (max_spec_len + 1) + pos, token_id)
    if not rejected:
        tl.store(out_tokens + req_idx * (max_spec_len + 1) + num_draft_tokens,
                 tl.load(bonus_ids + req_idx))
"""
POSITIONS_OF_EXTENDED_SEQUENCES = """
@jit
def kernel(out_positions, out_start, prefix_lens, seq_lens, HAS_PREFIX: tl.constexpr):
    B: tl.constexpr = 16
    pid = tl.program_id(0).to(tl.int64)
    prefix_len = tl.load(prefix_lens + pid) if HAS_PREFIX else 0
    seq_len = tl.load(seq_lens + pid)
    cumsum_start = tl.cast(0, tl.int64)
    for i in range(pid):
        cumsum_start += tl.load(seq_lens + i)
    num_loop = tl.cdiv(seq_len, B)
    for i in range(num_loop):
        offset = tl.arange(0, B) + i * B
        tl.store(out_positions + cumsum_start + offset, prefix_len + offset, mask=offset < seq_len)
    tl.store(out_start + pid, cumsum_start)
"""
INDICES_OF_A_CACHE = """
@jit
def kernel(req_to_token, pool_indices, page_lens, indptr, start_idx, out, stride: tl.constexpr):
    B: tl.constexpr = 8
    pid = tl.program_id(axis=0)
    pool = tl.load(pool_indices + pid)
    offset = tl.load(indptr + pid)
    kv_start = 0
    kv_end = 0
    if start_idx:
        kv_start = tl.load(start_idx + pid).to(tl.int32)
        kv_end = kv_start
    kv_end += tl.load(page_lens + pid).to(tl.int32)
    num_loop = tl.cdiv(kv_end - kv_start, B)
    for i in range(num_loop):
        at = tl.arange(0, B).to(tl.int64) + i * B
        mask = at < kv_end - kv_start
        data = tl.load(req_to_token + pool * stride + kv_start + at, mask=mask)
        tl.store(out + offset + at, data, mask=mask)
"""
ATTENTION_WITH_SINKS = """
@jit
def kernel(Q, K, V, sinks, out, out_lse, scale, T, H: tl.constexpr, D: tl.constexpr,
        BM: tl.constexpr,
           BN: tl.constexpr, WINDOW: tl.constexpr):
    start_m = tl.program_id(0) * BM
    h = tl.program_id(1)
    rm = start_m + tl.arange(0, BM)
    rd = tl.arange(0, D)
    q = tl.load(Q + (rm[:, None] * H + h) * D + rd[None, :], mask=(rm < T)[:, None], other=0.0)
    sink = tl.load(sinks + h).to(tl.float32) if sinks is not None else 0
    m_i = tl.zeros([BM], dtype=tl.float32) + sink
    l_i = tl.zeros([BM], dtype=tl.float32)
    acc = tl.zeros([BM, D], dtype=tl.float32)
    lo, hi = 0, min(start_m + BM, T)
    if WINDOW:
        lo = max(0, start_m - WINDOW) // BN * BN
    for n in range(lo, hi, BN):
        n = tl.multiple_of(n, BN)
        rn = n + tl.arange(0, BN)
        k = tl.load(K + (rn[:, None] * H + h) * D + rd[None, :], mask=(rn < T)[:, None], other=0.0)
        qk = tl.dot(q, k.T) * scale
        keep = rm[:, None] >= rn[None, :]
        if WINDOW:
            keep &= rm[:, None] - rn[None, :] < WINDOW
        qk = tl.where(keep, qk, -1.0e6)
        m_ij = tl.maximum(m_i, tl.max(qk, 1))
        p = tl.math.exp(qk - m_ij[:, None])
        alpha = tl.math.exp(m_i - m_ij)
        acc = acc * alpha[:, None]
        v = tl.load(V + (rn[:, None] * H + h) * D + rd[None, :], mask=(rn < T)[:, None], other=0.0)
        acc = tl.dot(p.to(v.dtype), v, acc)
        l_i = l_i * alpha + tl.sum(p, 1)
        m_i = m_ij
    z = l_i + tl.math.exp(sink - m_i)
    acc = acc / z[:, None]
    tl.store(out_lse + h * T + rm, m_i + tl.math.log(l_i), mask=rm < T)
    tl.store(out + (rm[:, None] * H + h) * D + rd[None, :], acc, mask=(rm < T)[:, None])
"""
TOP_K_BY_PACKED_KEYS = """
@jit
def key_of(x):
    tm: tl.constexpr = 1 << (-1 + x.dtype.primitive_bitwidth)
    fm: tl.constexpr = (1 << x.dtype.primitive_bitwidth) - 1
    return x ^ tl.where((x & tm) != 0, fm, tm)

@jit
def back_of(x):
    tm: tl.constexpr = 1 << (-1 + x.dtype.primitive_bitwidth)
    fm: tl.constexpr = (1 << x.dtype.primitive_bitwidth) - 1
    return x ^ tl.where((x & tm) == 0, fm, tm)

@jit
def kernel(X, out_values, out_places, out_bits, n_rows, n_cols, BM: tl.constexpr, BN: tl.constexpr,
           K: tl.constexpr, SOFTMAX: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    row_mask = rows[:, None] < n_rows
    cols = (n_cols - 1) // BN * BN + tl.arange(0, BN)
    ptrs = X + rows[:, None] * n_cols + cols[None, :]
    x = tl.load(ptrs, mask=row_mask & (cols < n_cols)[None, :], other=float("-inf"))
    x = key_of(x.to(tl.uint32, bitcast=True))
    x = (x.to(tl.uint64) << 32) | (n_cols - cols)[None, :].to(tl.uint64)
    acc = tl.topk(x, K, dim=1)
    for _ in range((n_cols - 1) // BN):
        acc = tl.bitonic_merge(acc)
        ptrs -= BN
        cols -= BN
        x = tl.load(ptrs, mask=row_mask, other=float("-inf"))
        x = key_of(x.to(tl.uint32, bitcast=True))
        x = (x.to(tl.uint64) << 32) | (n_cols - cols)[None, :].to(tl.uint64)
        acc = tl.maximum(acc, tl.topk(x, K, dim=1))
    acc = tl.sort(acc, dim=1, descending=True)
    places = n_cols - (acc & 0xFFFFFFFF).to(tl.int32)
    values = back_of((acc >> 32).to(tl.uint32)).to(tl.float32, bitcast=True)
    if SOFTMAX:
        values = tl.softmax(values, dim=1, keep_dims=True)
    to = rows[:, None] * K + tl.arange(0, K)[None, :]
    tl.store(out_values + to, values, mask=row_mask)
    tl.store(out_places + to, places, mask=row_mask)
    div = places // 32
    rem = places % 32
    for i in range(tl.cdiv(n_cols, 32)):
        word = tl.where(div == i, (1 << rem).to(tl.uint32), 0)
        bits = tl.reduce_or(word, axis=1)
        tl.store(out_bits + rows * tl.cdiv(n_cols, 32) + i, bits, mask=rows < n_rows)
"""
ROTATED_QUERIES_AFTER_A_NORM = """
@jit
def kernel(q_ptr, w_ptr, cos_ptr, sin_ptr, positions, out, n_heads, stride_t, eps, D: tl.constexpr,
           ROT: tl.constexpr, OFFSET: tl.constexpr):
    t = tl.program_id(0)
    pos = tl.load(positions + t)
    half = tl.arange(0, ROT // 2)
    c = tl.load(cos_ptr + pos * (ROT // 2) + half)
    s = tl.load(sin_ptr + pos * (ROT // 2) + half)
    d = tl.arange(0, D)
    w = tl.load(w_ptr + d) + OFFSET
    for h in range(n_heads):
        base = q_ptr + t * stride_t + h * D
        q = tl.load(base + d).to(tl.float32)
        r = tl.rsqrt(tl.sum(q * q) / D + eps)
        y = (q * r * w).to(q_ptr.type.element_ty)
        to = out + t * stride_t + h * D
        tl.store(to + d, y)
        tl.debug_barrier()
        x1 = tl.load(base + half).to(tl.float32) * r * (tl.load(w_ptr + half) + OFFSET)
        w2 = tl.load(w_ptr + ROT // 2 + half) + OFFSET
        x2 = tl.load(base + ROT // 2 + half).to(tl.float32) * r * w2
        tl.store(to + half, x1 * c - x2 * s)
        tl.store(to + ROT // 2 + half, x2 * c + x1 * s)
"""


def packed(shape, rng, dtype="int32"):
    """Return random words."""
    info = np.iinfo(dtype)
    return Tensor(dtype, rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True))


def distinct(shape, rng):
    """Return floats none of which is there twice."""
    n = int(np.prod(shape))
    return Tensor("float32", ((rng.permutation(n) - n // 2) / 8).astype(np.float32).reshape(shape))


CASES = [
    *(
        public(
            f"drafts of tokens, greedy, {'some' if some else 'all'}",
            GREEDY_DRAFTS,
            lambda rng, some=some: {
                "out_tokens": Tensor("int32", np.full((4, 4), -1, np.int32)),
                "cu_num_draft_tokens": indices([3, 3, 5, 8]),
                "draft_ids": indices([1, 2, 3, 4, 5, 6, 7, 8]),
                "target_argmax": indices([1, 2, 3, 4, 9, 6, 0, 8]),
                "bonus_ids": indices([50, 51, 52, 53]),
                "is_greedy_ptr": Tensor("int1", np.array([True, True, False, True]))
                if some
                else None,
                "max_spec_len": 3,
            },
            grid=(4,),
        )
        for some in (True, False)
    ),
    *(
        public(
            f"drafts of tokens at random, {'without' if no else 'with'} their probabilities",
            RANDOM_DRAFTS,
            lambda rng, no=no: {
                "out_tokens": Tensor("int32", np.full((4, 4), -1, np.int32)),
                "cu_num_draft_tokens": indices([3, 3, 5, 8]),
                "draft_ids": indices(rng.integers(0, 10, 8)),
                "draft_probs": None if no else floats((8, 10), rng, a=0),
                "target_probs": floats((8, 10), rng, a=0),
                "bonus_ids": indices([50, 51, 52, 53]),
                "recovered_ids": indices(rng.integers(20, 30, 8)),
                "uniform_ptr": floats(8, rng, a=0),
                "max_spec_len": 3,
                "vocab_size": 10,
                "NO_DRAFT_PROBS": no,
            },
            grid=(4,),
        )
        for no in (True, False)
    ),
    *(
        public(
            f"positions of extended sequences, {'with' if has else 'without'} prefix",
            POSITIONS_OF_EXTENDED_SEQUENCES,
            lambda rng, has=has: {
                "out_positions": room(60, "int64"),
                "out_start": room(4, "int32"),
                "prefix_lens": indices([5, 0, 7, 2]),
                "seq_lens": indices([20, 3, 16, 21]),
                "HAS_PREFIX": has,
            },
            grid=(4,),
        )
        for has in (True, False)
    ),
    *(
        public(
            f"indices of a cache, {'from a start' if starts else 'whole'}",
            INDICES_OF_A_CACHE,
            lambda rng, starts=starts: {
                "req_to_token": packed((5, 32), rng),
                "pool_indices": indices([4, 0, 2]),
                "page_lens": indices([9, 16, 3]),
                "indptr": indices([0, 9, 25]),
                "start_idx": indices([1, 2, 3]) if starts else None,
                "out": room(28, "int32"),
                "stride": 32,
            },
            grid=(3,),
        )
        for starts in (True, False)
    ),
    *(
        public(
            f"attention with sinks, window {window}",
            ATTENTION_WITH_SINKS,
            lambda rng, window=window: {
                **{name: floats((40, 2, 16), rng) for name in "QKV"},
                "sinks": floats(2, rng) if window else None,
                "out": room((40, 2, 16)),
                "out_lse": room((2, 40)),
                "scale": 0.25,
                "T": 40,
                "H": 2,
                "D": 16,
                "BM": 16,
                "BN": 16,
                "WINDOW": window,
            },
            grid=(3, 2),
            ulps=64,
            scale=1.0,
        )
        for window in (0, 12)
    ),
    *(
        public(
            f"top k by packed keys, {'softmax' if softmax else 'as they are'}",
            TOP_K_BY_PACKED_KEYS,
            lambda rng, softmax=softmax: {
                "X": distinct((6, 56), rng),
                "out_values": room((6, 4)),
                "out_places": room((6, 4), "int32"),
                "out_bits": room((6, 2), "uint32"),
                "n_rows": 6,
                "n_cols": 56,
                "BM": 4,
                "BN": 16,
                "K": 4,
                "SOFTMAX": softmax,
            },
            grid=(2,),
            ulps=8,
        )
        for softmax in (False, True)
    ),
    public(
        "queries rotated after a norm",
        ROTATED_QUERIES_AFTER_A_NORM,
        lambda rng: {
            "q_ptr": floats((4, 3, 32), rng),
            "w_ptr": floats(32, rng),
            "cos_ptr": floats((9, 8), rng),
            "sin_ptr": floats((9, 8), rng),
            "positions": indices([0, 3, 8, 8]),
            "out": room((4, 3, 32)),
            "n_heads": 3,
            "stride_t": 96,
            "eps": 1e-6,
            "D": 32,
            "ROT": 16,
            "OFFSET": 1.0,
        },
        grid=(4,),
        ulps=64,
        scale=0.1,
    ),
]
