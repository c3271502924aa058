"""Kernels over sequences and signals: chunks, shifts, transforms."""

from __future__ import annotations

import numpy as np
from case import Tensor
from public import floats, indices, numbers, public, room

STATES_OF_CHUNKS = """
@jit
def kernel(x_ptr, b_ptr, out_states, dt_ptr, dA_cumsum_ptr, seq_idx_ptr, hdim, dstate, chunk_size,
           seqlen, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, HAS_SEQ_IDX: tl.constexpr):
    pid_c = tl.program_id(axis=1).to(tl.int64)
    num_pid_n = tl.cdiv(dstate, BN)
    pid_m = tl.program_id(axis=0) // num_pid_n
    pid_n = tl.program_id(axis=0) % num_pid_n
    x_ptr += pid_c * chunk_size * hdim
    b_ptr += pid_c * chunk_size * dstate
    dt_ptr += pid_c * chunk_size
    dA_cumsum_ptr += pid_c * chunk_size
    if HAS_SEQ_IDX:
        seq_idx_ptr += pid_c * chunk_size
    offs_m = pid_m * BM + tl.arange(0, BM)
    offs_n = pid_n * BN + tl.arange(0, BN)
    offs_k = tl.arange(0, BK)
    x_ptrs = x_ptr + (offs_m[:, None] + offs_k[None, :] * hdim)
    b_ptrs = b_ptr + (offs_n[None, :] + offs_k[:, None] * dstate)
    dt_ptrs = dt_ptr + offs_k
    dA_cs_last = tl.load(dA_cumsum_ptr + (chunk_size - 1)).to(tl.float32)
    dA_cumsum_ptrs = dA_cumsum_ptr + offs_k
    if HAS_SEQ_IDX:
        seq_idx_ptrs = seq_idx_ptr + offs_k
    chunk_size_limit = min(chunk_size, seqlen - pid_c * chunk_size)
    if HAS_SEQ_IDX:
        seq_idx_last = tl.load(seq_idx_ptr + chunk_size_limit - 1)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, chunk_size_limit, BK):
        x = tl.load(x_ptrs, mask=(offs_m[:, None] < hdim) & (offs_k[None,
                :] < chunk_size_limit - k),
                    other=0.0)
        b = tl.load(b_ptrs, mask=(offs_k[:, None] < chunk_size_limit - k) & (offs_n[None,
                :] < dstate),
                    other=0.0).to(tl.float32)
        dA_cs_k = tl.load(dA_cumsum_ptrs, mask=offs_k < chunk_size_limit - k,
                other=0.0).to(tl.float32)
        if HAS_SEQ_IDX:
            seq_idx_k = tl.load(seq_idx_ptrs, mask=offs_k < chunk_size_limit - k, other=-1)
        dt_k = tl.load(dt_ptrs, mask=offs_k < chunk_size_limit - k, other=0.0).to(tl.float32)
        if not HAS_SEQ_IDX:
            scale = tl.exp(dA_cs_last - dA_cs_k) * dt_k
        else:
            scale = tl.where(seq_idx_k == seq_idx_last, tl.exp(dA_cs_last - dA_cs_k) * dt_k, 0.0)
        b *= scale[:, None]
        acc += tl.dot(x, b.to(x_ptr.dtype.element_ty))
        x_ptrs += BK * hdim
        b_ptrs += BK * dstate
        dt_ptrs += BK
        dA_cumsum_ptrs += BK
        if HAS_SEQ_IDX:
            seq_idx_ptrs += BK
    out_states += pid_c * hdim * dstate
    c_mask = (offs_m[:, None] < hdim) & (offs_n[None, :] < dstate)
    tl.store(out_states + offs_m[:, None] * dstate + offs_n[None, :], acc, mask=c_mask)
"""
LOCAL_CUMSUM_OF_CHUNKS = """
@jit
def kernel(s, out, cu_seqlens, chunk_indices, T, H: tl.constexpr, S: tl.constexpr, BT: tl.constexpr,
           BS: tl.constexpr, REVERSE: tl.constexpr, IS_VARLEN: tl.constexpr):
    i_s, i_t, i_h = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    if IS_VARLEN:
        i_n, i_t = (tl.load(chunk_indices + i_t * 2).to(tl.int32),
                    tl.load(chunk_indices + i_t * 2 + 1).to(tl.int32))
        bos = tl.load(cu_seqlens + i_n).to(tl.int32)
        eos = tl.load(cu_seqlens + i_n + 1).to(tl.int32)
        T = eos - bos
    else:
        bos, eos = 0, T
    o_i = tl.arange(0, BT)
    if REVERSE:
        m_s = tl.where(o_i[:, None] <= o_i[None, :], 1., 0.)
    else:
        m_s = tl.where(o_i[:, None] >= o_i[None, :], 1., 0.)
    p_s = tl.make_block_ptr(s + (bos * H + i_h) * S, (T, S), (H * S, 1), (i_t * BT, i_s * BS),
            (BT, BS), (1, 0))
    p_o = tl.make_block_ptr(out + (bos * H + i_h) * S, (T, S), (H * S, 1), (i_t * BT, i_s * BS),
            (BT, BS), (1, 0))
    b_s = tl.load(p_s, boundary_check=(0, 1), padding_option="zero").to(tl.float32)
    b_o = tl.dot(m_s, b_s, allow_tf32=False)
    tl.store(p_o, b_o.to(p_o.dtype.element_ty), boundary_check=(0, 1))
"""
TOKEN_SHIFT = """
@jit
def kernel(x, out, cache, cu_seqlens, chunk_indices, D: tl.constexpr, BT: tl.constexpr,
        BD: tl.constexpr,
           USE_CACHE: tl.constexpr):
    i_d, i_c = tl.program_id(0), tl.program_id(1)
    i_n = tl.load(chunk_indices + i_c * 2).to(tl.int32)
    i_t = tl.load(chunk_indices + i_c * 2 + 1).to(tl.int32)
    bos = tl.load(cu_seqlens + i_n).to(tl.int64)
    eos = tl.load(cu_seqlens + i_n + 1).to(tl.int64)
    n_tokens = eos - bos
    o_d = i_d * BD + tl.arange(0, BD)
    m_d = o_d < D
    start = i_t * BT
    end = tl.minimum(start + BT, n_tokens)
    prev = tl.zeros([BD], dtype=tl.float32)
    if i_t > 0:
        prev = tl.load(x + (bos + start - 1) * D + o_d, mask=m_d, other=0.0)
    elif USE_CACHE:
        prev = tl.load(cache + i_n * D + o_d, mask=m_d, other=0.0)
    for t in range(start, end):
        now = tl.load(x + (bos + t) * D + o_d, mask=m_d, other=0.0)
        tl.store(out + (bos + t) * D + o_d, prev - now, mask=m_d)
        prev = now
"""
FOURIER_BY_RADIX_2 = """
@jit
def bit_reversed(i, LOG: tl.constexpr):
    r = tl.zeros_like(i)
    for b in tl.static_range(LOG):
        r = (r << 1) | ((i >> b) & 1)
    return r

@jit
def kernel(x_ptr, out, N: tl.constexpr, LOG: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, N)
    at = row * N * 2 + bit_reversed(i, LOG) * 2
    re = tl.load(x_ptr + at)
    im = tl.load(x_ptr + at + 1)
    for s in tl.static_range(LOG):
        HALF: tl.constexpr = 1 << s
        re2 = tl.reshape(re, [N // (2 * HALF), 2, HALF]).permute(0, 2, 1)
        im2 = tl.reshape(im, [N // (2 * HALF), 2, HALF]).permute(0, 2, 1)
        a_re, b_re = tl.split(re2)
        a_im, b_im = tl.split(im2)
        k = tl.arange(0, HALF).to(tl.float32)
        angle = -3.141592653589793 * k / HALF
        c, d = tl.cos(angle)[None, :], tl.sin(angle)[None, :]
        t_re = b_re * c - b_im * d
        t_im = b_re * d + b_im * c
        re = tl.join(a_re + t_re, a_re - t_re).permute(0, 2, 1).reshape([N])
        im = tl.join(a_im + t_im, a_im - t_im).permute(0, 2, 1).reshape([N])
    tl.store(out + row * N * 2 + i * 2, re)
    tl.store(out + row * N * 2 + i * 2 + 1, im)
"""
BALANCED_ROWS_AND_COLUMNS = """
@jit
def kernel(x_ptr, out, out_steps, M: tl.constexpr, N: tl.constexpr, tolerance, MOST: tl.constexpr):
    at = tl.arange(0, M)[:, None] * N + tl.arange(0, N)[None, :]
    p = tl.exp(tl.load(x_ptr + at))
    error = 1.0
    step = 0
    while (error > tolerance) & (step < MOST):
        p = p / tl.sum(p, axis=1, keep_dims=True)
        columns = tl.sum(p, axis=0, keep_dims=True)
        p = p / columns * (M / N)
        error = tl.max(tl.max(tl.abs(columns - M / N), axis=1), axis=0)
        step += 1
    tl.store(out + at, p)
    tl.store(out_steps, step)
"""
WINOGRAD_OF_3 = """
@jit
def kernel(x_ptr, w_ptr, out, n, C: tl.constexpr, B: tl.constexpr):
    tile = tl.program_id(0) * B + tl.arange(0, B)
    c = tl.arange(0, C)
    first = tl.zeros([B], tl.float32)
    second = tl.zeros([B], tl.float32)
    g0 = tl.load(w_ptr + c * 3)[None, :]
    g1 = tl.load(w_ptr + c * 3 + 1)[None, :]
    g2 = tl.load(w_ptr + c * 3 + 2)[None, :]
    d = ()
    for j in tl.static_range(4):
        i = tile * 2 + j
        d = d + (tl.load(x_ptr + c[None, :] * n + i[:, None], mask=(i < n)[:, None], other=0.0),)
    m1 = (d[0] - d[2]) * g0
    m2 = (d[1] + d[2]) * ((g0 + g1 + g2) * 0.5)
    m3 = (d[2] - d[1]) * ((g0 - g1 + g2) * 0.5)
    m4 = (d[1] - d[3]) * g2
    first += tl.sum(m1 + m2 + m3, axis=1)
    second += tl.sum(m2 - m3 - m4, axis=1)
    to = tile * 2
    tl.store(out + to, first, mask=to + 2 < n)
    tl.store(out + to + 1, second, mask=to + 3 < n)
"""


CASES = [
    *(
        public(
            f"states of chunks, {'several sequences' if several else 'one sequence'}",
            STATES_OF_CHUNKS,
            lambda rng, several=several: {
                "x_ptr": floats((64, 20), rng),
                "b_ptr": floats((64, 24), rng),
                "out_states": room((2, 20, 24)),
                "dt_ptr": floats(64, rng, a=0),
                "dA_cumsum_ptr": Tensor(
                    "float32", -np.cumsum(rng.uniform(0, 0.1, (2, 32)), 1).astype(np.float32)
                ),
                "seq_idx_ptr": indices(np.repeat([0, 1, 2], [20, 30, 14])) if several else None,
                "hdim": 20,
                "dstate": 24,
                "chunk_size": 32,
                "seqlen": 58,
                "BM": 16,
                "BN": 16,
                "BK": 16,
                "HAS_SEQ_IDX": several,
            },
            grid=(4, 2),
            ulps=64,
            scale=1.0,
        )
        for several in (False, True)
    ),
    *(
        public(
            f"local sums of chunks, {'reversed' if reverse else 'forward'}",
            LOCAL_CUMSUM_OF_CHUNKS,
            lambda rng, reverse=reverse: {
                "s": numbers((40, 2, 24), rng),
                "out": room((40, 2, 24)),
                "cu_seqlens": indices([0, 18, 40], "int64") if reverse else None,
                "chunk_indices": indices([[0, 0], [0, 1], [1, 0], [1, 1]], "int64")
                if reverse
                else None,
                "T": 40,
                "H": 2,
                "S": 24,
                "BT": 16,
                "BS": 16,
                "REVERSE": reverse,
                "IS_VARLEN": reverse,
            },
            grid=(2, 4 if reverse else 3, 2),
        )
        for reverse in (False, True)
    ),
    *(
        public(
            f"shift of tokens, {'with' if cached else 'without'} a cache",
            TOKEN_SHIFT,
            lambda rng, cached=cached: {
                "x": floats((30, 20), rng),
                "out": room((30, 20)),
                "cache": floats((3, 20), rng) if cached else None,
                "cu_seqlens": indices([0, 9, 10, 30], "int64"),
                "chunk_indices": indices([[0, 0], [0, 1], [1, 0], [2, 0], [2, 1], [2, 2]]),
                "D": 20,
                "BT": 8,
                "BD": 16,
                "USE_CACHE": cached,
            },
            grid=(2, 6),
        )
        for cached in (False, True)
    ),
    public(
        "fourier transform by radix 2",
        FOURIER_BY_RADIX_2,
        lambda rng: {"x_ptr": floats((3, 32, 2), rng), "out": room((3, 32, 2)), "N": 32, "LOG": 5},
        grid=(3,),
        ulps=64,
        scale=1.0,
    ),
    public(
        "rows and columns in balance",
        BALANCED_ROWS_AND_COLUMNS,
        lambda rng: {
            "x_ptr": floats((8, 16), rng),
            "out": room((8, 16)),
            "out_steps": room(1, "int32"),
            "M": 8,
            "N": 16,
            "tolerance": 0.001,
            "MOST": 20,
        },
        ulps=64,
    ),
    public(
        "winograd's convolution by three",
        WINOGRAD_OF_3,
        lambda rng: {
            "x_ptr": numbers((4, 30), rng),
            "w_ptr": numbers((4, 3), rng),
            "out": room(28),
            "n": 30,
            "C": 4,
            "B": 16,
        },
    ),
]
