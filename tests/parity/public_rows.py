"""Kernels that go over rows: softmax, losses, optimisers, dropout, quantising."""

from __future__ import annotations

from case import whole
from public import floats, indices, numbers, public, room

SOFTMAX_ONLINE = """
@jit
def kernel(x_ptr, out_ptr, n_cols, stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    x_ptr += row * stride
    m_i = float("-inf")
    l_i = 0.0
    for start in range(0, n_cols, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + offs, mask=offs < n_cols, other=float("-inf")).to(tl.float32)
        m_new = tl.maximum(m_i, tl.max(x, axis=0))
        l_i = l_i * tl.exp(m_i - m_new) + tl.sum(tl.exp(x - m_new), axis=0)
        m_i = m_new
    for start in range(0, n_cols, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + offs, mask=offs < n_cols, other=float("-inf")).to(tl.float32)
        tl.store(out_ptr + row * stride + offs, tl.exp(x - m_i) / l_i, mask=offs < n_cols)
"""
LOG_SOFTMAX_WITH_TEMPERATURE = """
@jit
def logsumexp(x, axis: tl.constexpr = 0):
    m = tl.max(x, axis)
    return m + tl.log(tl.sum(tl.exp(x - m), axis))


@jit
def kernel(x_ptr, out_ptr, n_cols, temperature, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offs = tl.arange(0, BLOCK)
    mask = offs < n_cols
    x = tl.load(x_ptr + row * n_cols + offs, mask, -float("inf")) / temperature
    tl.store(out_ptr + row * n_cols + offs, x - logsumexp(x), mask)
"""
CROSS_ENTROPY = """
@jit
def kernel(
    X_ptr,
    X_stride,
    Y_ptr,
    out_loss_ptr,
    out_grad_ptr,
    n_cols,
    n_rows,
    ignore_index,
    label_smoothing: tl.constexpr,
    reduction: tl.constexpr,
    BLOCK_SIZE: tl.constexpr,
):
    program_id = tl.program_id(0).to(tl.int64)
    Y_ptr += program_id
    y = tl.load(Y_ptr)
    X_ptr += program_id * X_stride
    out_grad_ptr += program_id * X_stride
    if y == ignore_index:
        for i in range(0, n_cols, BLOCK_SIZE):
            X_offsets = i + tl.arange(0, BLOCK_SIZE)
            tl.store(out_grad_ptr + X_offsets, 0.0, mask=X_offsets < n_cols)
        return
    m = float("-inf")
    d = 0.0
    ori_X_y = tl.load(X_ptr + y)
    scaled_x_sum = 0.0
    eps = label_smoothing / n_cols
    for i in range(0, n_cols, BLOCK_SIZE):
        X_offsets = i + tl.arange(0, BLOCK_SIZE)
        X_block = tl.load(X_ptr + X_offsets, mask=X_offsets < n_cols, other=float("-inf"))
        block_max = tl.max(X_block)
        if label_smoothing > 0:
            scaled_x_sum += tl.sum(tl.where(X_offsets < n_cols, -eps * X_block, 0.0))
        m_new = tl.maximum(m, block_max)
        d = d * tl.exp(m - m_new) + tl.sum(tl.exp(X_block - m_new))
        m = m_new
    lse = m + tl.log(d)
    for i in range(0, n_cols, BLOCK_SIZE):
        X_offsets = i + tl.arange(0, BLOCK_SIZE)
        X_block = tl.load(X_ptr + X_offsets, mask=X_offsets < n_cols, other=float("-inf"))
        g = tl.exp(X_block - m) / d - eps
        g = tl.where(X_offsets != y, g, g - (1 - label_smoothing))
        if reduction == "mean":
            g = g / n_rows
        tl.store(out_grad_ptr + X_offsets, g, mask=X_offsets < n_cols)
    tl.debug_barrier()
    loss = lse - ori_X_y
    if label_smoothing > 0:
        smooth_loss = scaled_x_sum + label_smoothing * lse
        loss = loss * (1 - label_smoothing) + smooth_loss
    if reduction == "mean":
        loss = loss / n_rows
    tl.store(out_loss_ptr + program_id, loss)
"""
KL_DIVERGENCE_AND_ARGSORT_OF_PAIRS = """
@jit
def kernel(p_ptr, q_ptr, out_kl, out_order, n, B: tl.constexpr):
    offs = tl.arange(0, B)
    m = offs < n
    p = tl.load(p_ptr + offs, m, other=1.0)
    q = tl.load(q_ptr + offs, m, other=1.0)
    tl.store(out_kl, tl.sum(tl.where(m, p * (tl.log(p) - tl.log(q)), 0.0)))
    key = ((p * 1000).to(tl.int32) << 8) | offs
    key = tl.where(m, key, 2147483647)
    tl.store(out_order + offs, tl.sort(key) & 255, mask=m)
"""
ADAMW = """
@jit
def kernel(
    out_p,
    g_ptr,
    m_ptr,
    v_ptr,
    n,
    lr,
    beta1: tl.constexpr,
    beta2: tl.constexpr,
    eps: tl.constexpr,
    wd,
    bc1,
    bc2,
    B: tl.constexpr,
):
    offs = tl.program_id(0).to(tl.int64) * B + tl.arange(0, B)
    mask = offs < n
    p, g = tl.load(out_p + offs, mask), tl.load(g_ptr + offs, mask)
    m, v = tl.load(m_ptr + offs, mask), tl.load(v_ptr + offs, mask)
    p *= 1 - lr * wd
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    p -= lr * (m / bc1) / (tl.sqrt(v / bc2) + eps)
    tl.store(out_p + offs, p, mask)
    tl.store(m_ptr + offs, m, mask)
    tl.store(v_ptr + offs, v, mask)
"""
DROPOUT = """
@jit
def kernel(x_ptr, out_ptr, n, p, seed, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    x = tl.load(x_ptr + offs, mask=mask)
    keep = tl.rand(seed, offs) > p
    tl.store(out_ptr + offs, tl.where(keep, x / (1 - p), 0.0), mask=mask)
"""
QUANTISE_ROWS = """
@jit
def kernel(x_ptr, out_q, out_s, n, eps, lo: tl.constexpr, hi: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offs = tl.arange(0, BLOCK)
    mask = offs < n
    x = tl.load(x_ptr + row * n + offs, mask=mask, other=0.0).to(tl.float32)
    s = tl.maximum(tl.max(tl.abs(x)), eps) / hi
    q = tl.clamp(x / s, lo, hi)
    q = tl.where(q >= 0, tl.floor(q + 0.5), tl.ceil(q - 0.5)).to(out_q.dtype.element_ty)
    tl.store(out_q + row * n + offs, q, mask=mask)
    tl.store(out_s + row, s)
"""
DEQUANTISE_INT4 = """
@jit
def kernel(q_ptr, s_ptr, zp_ptr, out, K, N, G: tl.constexpr, BK: tl.constexpr, BN: tl.constexpr):
    pk, pn = tl.program_id(0), tl.program_id(1)
    k = pk * BK + tl.arange(0, BK)
    n = pn * BN + tl.arange(0, BN)
    packed = tl.load(q_ptr + (k // 8)[:, None] * N + n[None, :])
    shift = (k % 8) * 4
    nib = (packed >> shift[:, None]) & 0xF
    s = tl.load(s_ptr + (k // G)[:, None] * N + n[None, :])
    zp = tl.load(zp_ptr + (k // G)[:, None] * (N // 8) + n[None, :] // 8)
    zp = (zp >> (n % 8 * 4)[None, :]) & 0xF
    tl.store(out + k[:, None] * N + n[None, :], ((nib - zp) * s).to(tl.float16))
"""
UNPACK_INT4_BY_JOIN = """
@jit
def kernel(q_ptr, out, N: tl.constexpr):
    q = tl.load(q_ptr + tl.arange(0, N))
    lo = (q << 4).to(tl.int8) >> 4
    hi = q >> 4
    w = tl.join(lo, hi).reshape(2 * N)
    tl.store(out + tl.arange(0, 2 * N), w.to(tl.float16))
"""

CASES = [
    public(
        "softmax online",
        SOFTMAX_ONLINE,
        lambda rng: {
            "x_ptr": floats((4, 100), rng),
            "out_ptr": room((4, 100)),
            "n_cols": 100,
            "stride": 100,
            "BLOCK": 32,
        },
        grid=(4,),
        ulps=32,
    ),
    public(
        "log softmax with temperature",
        LOG_SOFTMAX_WITH_TEMPERATURE,
        lambda rng: {
            "x_ptr": floats((4, 50), rng),
            "out_ptr": room((4, 50)),
            "n_cols": 50,
            "temperature": 0.7,
            "BLOCK": 64,
        },
        grid=(4,),
        ulps=64,
        scale=1.0,
    ),
    public(
        "cross entropy",
        CROSS_ENTROPY,
        lambda rng: {
            "X_ptr": floats((4, 70), rng),
            "X_stride": 70,
            "Y_ptr": indices([3, -100, 69, 0], "int64"),
            "out_loss_ptr": room(4),
            "out_grad_ptr": room((4, 70)),
            "n_cols": 70,
            "n_rows": 4,
            "ignore_index": -100,
            "label_smoothing": 0.1,
            "reduction": "mean",
            "BLOCK_SIZE": 32,
        },
        grid=(4,),
        ulps=256,
        scale=1.0,
    ),
    public(
        "kl divergence and argsort of pairs",
        KL_DIVERGENCE_AND_ARGSORT_OF_PAIRS,
        lambda rng: {
            "p_ptr": floats(50, rng, a=0.1),
            "q_ptr": floats(50, rng, a=0.1),
            "out_kl": room(1),
            "out_order": room(50, "int32"),
            "n": 50,
            "B": 64,
        },
        ulps=512,
        scale=1.0,
    ),
    public(
        "adamw",
        ADAMW,
        lambda rng: {
            "out_p": floats(100, rng),
            "g_ptr": floats(100, rng),
            "m_ptr": floats(100, rng),
            "v_ptr": floats(100, rng, a=0),
            "n": 100,
            "lr": 0.01,
            "beta1": 0.9,
            "beta2": 0.999,
            "eps": 1e-08,
            "wd": 0.1,
            "bc1": 0.1,
            "bc2": 0.001,
            "B": 64,
        },
        grid=(2,),
        ulps=32,
        scale=0.01,
    ),
    public(
        "dropout",
        DROPOUT,
        lambda rng: {
            "x_ptr": numbers(200, rng),
            "out_ptr": room(200),
            "n": 200,
            "p": 0.5,
            "seed": 1234,
            "BLOCK": 64,
        },
        grid=(4,),
    ),
    public(
        "quantise rows",
        QUANTISE_ROWS,
        lambda rng: {
            "x_ptr": floats((3, 50), rng, a=-5, b=5),
            "out_q": room((3, 50), "int8"),
            "out_s": room(3),
            "n": 50,
            "eps": 1e-10,
            "lo": -127.0,
            "hi": 127.0,
            "BLOCK": 64,
        },
        grid=(3,),
    ),
    public(
        "dequantise int4",
        DEQUANTISE_INT4,
        lambda rng: {
            "q_ptr": indices(rng.integers(-(2**31), 2**31, (8, 32))),
            "s_ptr": numbers((4, 32), rng, "float16"),
            "zp_ptr": indices(rng.integers(-(2**31), 2**31, (4, 4))),
            "out": room((64, 32), "float16"),
            "K": 64,
            "N": 32,
            "G": 16,
            "BK": 32,
            "BN": 16,
        },
        grid=(2, 2),
    ),
    public(
        "unpack int4 by join",
        UNPACK_INT4_BY_JOIN,
        lambda rng: {
            "q_ptr": whole("int8", 64, rng, -128, 128),
            "out": room(128, "float16"),
            "N": 64,
        },
    ),
]
