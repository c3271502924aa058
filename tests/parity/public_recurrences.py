"""Kernels of recurrences and neighbourhoods: states, delta rules, dynamic programmes, windows."""

from __future__ import annotations

from case import whole
from public import floats, indices, numbers, public, room

CAUSAL_CONV_WITH_STATE = """
@jit
def kernel(
    x_ptr, w_ptr, bias_ptr, out_state, out, T, D, WIDTH: tl.constexpr, HAS_BIAS: tl.constexpr,
    SILU: tl.constexpr, BD: tl.constexpr,
):
    b = tl.program_id(0)
    d = tl.program_id(1) * BD + tl.arange(0, BD)
    ok = d < D
    bias = tl.zeros((BD,), tl.float32)
    if HAS_BIAS:
        bias = tl.load(bias_ptr + d, mask=ok, other=0.0).to(tl.float32)
    col0 = tl.load(out_state + (b * D + d) * (WIDTH - 1), mask=ok, other=0.0)
    col1 = tl.load(out_state + (b * D + d) * (WIDTH - 1) + 1, mask=ok, other=0.0)
    w0 = tl.load(w_ptr + d * WIDTH, mask=ok, other=0.0)
    w1 = tl.load(w_ptr + d * WIDTH + 1, mask=ok, other=0.0)
    w2 = tl.load(w_ptr + d * WIDTH + 2, mask=ok, other=0.0)
    for t in range(T):
        acc = bias
        x = tl.load(x_ptr + (b * T + t) * D + d, mask=ok, other=0.0)
        for j in tl.static_range(WIDTH):
            if j == 0:
                acc += col0 * w0
            elif j == 1:
                acc += col1 * w1
            else:
                acc += x * w2
        col0 = col1
        col1 = x
        if SILU:
            acc = acc / (1 + tl.exp(-acc))
        tl.store(out + (b * T + t) * D + d, acc, mask=ok)
    tl.store(out_state + (b * D + d) * (WIDTH - 1), col0, mask=ok)
    tl.store(out_state + (b * D + d) * (WIDTH - 1) + 1, col1, mask=ok)
"""
SELECTIVE_STATE_UPDATE = """
@jit
def softplus(dt):
    return tl.where(dt <= 20.0, tl.math.log(tl.math.exp(dt) + 1), dt)


@jit
def kernel(
    out_state, x_ptr, dt_ptr, dt_bias_ptr, A_ptr, B_ptr, C_ptr, D_ptr, z_ptr, out, nheads, dim,
    TIE: tl.constexpr, SOFTPLUS: tl.constexpr, HAS_D: tl.constexpr, HAS_Z: tl.constexpr,
    BM: tl.constexpr, N: tl.constexpr,
):
    pid_m = tl.program_id(axis=0)
    h = tl.program_id(axis=2)
    m = pid_m * BM + tl.arange(0, BM)
    n = tl.arange(0, N)
    state_ptrs = out_state + (h * dim + m[:, None]) * N + n[None, :]
    mask = m[:, None] < dim
    state = tl.load(state_ptrs, mask=mask, other=0.0)
    x = tl.load(x_ptr + h * dim + m, mask=m < dim, other=0.0).to(tl.float32)
    if not TIE:
        dt = tl.load(dt_ptr + h * dim + m, mask=m < dim, other=0.0).to(tl.float32)
        dt += tl.load(dt_bias_ptr + h * dim + m, mask=m < dim, other=0.0).to(tl.float32)
        if SOFTPLUS:
            dt = softplus(dt)
        A = tl.load(A_ptr + (h * dim + m[:, None]) * N + n[None, :], mask=mask, other=0.0)
        dA = tl.exp(A * dt[:, None])
    else:
        dt = tl.load(dt_ptr + h).to(tl.float32) + tl.load(dt_bias_ptr + h).to(tl.float32)
        if SOFTPLUS:
            dt = softplus(dt)
        A = tl.load(A_ptr + h).to(tl.float32)
        dA = tl.exp(A * dt)
    B = tl.load(B_ptr + n).to(tl.float32)
    C = tl.load(C_ptr + n).to(tl.float32)
    dB = B[None, :] * dt[:, None] if not TIE else B * dt
    state = state * dA + dB * x[:, None]
    tl.store(state_ptrs, state, mask=mask)
    y = tl.sum(state * C[None, :], axis=1)
    if HAS_D:
        y += x * tl.load(D_ptr + h * dim + m, mask=m < dim, other=0.0).to(tl.float32)
    if HAS_Z:
        z = tl.load(z_ptr + h * dim + m, mask=m < dim, other=0.0).to(tl.float32)
        y *= z * tl.sigmoid(z)
    tl.store(out + h * dim + m, y, mask=m < dim)
"""
GATED_DELTA_RULE = """
@jit
def kernel(
    q, k, v, g, beta, out, out_h, scale, T, K: tl.constexpr, V: tl.constexpr, BV: tl.constexpr,
    NORM: tl.constexpr,
):
    i_v, i_h = tl.program_id(0), tl.program_id(1)
    o_k = tl.arange(0, K)
    o_v = i_v * BV + tl.arange(0, BV)
    p_q = q + i_h * T * K + o_k
    p_k = k + i_h * T * K + o_k
    p_v = v + i_h * T * V + o_v
    p_o = out + i_h * T * V + o_v
    p_g = g + i_h * T
    p_beta = beta + i_h * T
    b_h = tl.zeros([K, BV], dtype=tl.float32)
    for _ in range(0, T):
        b_q = tl.load(p_q).to(tl.float32)
        b_k = tl.load(p_k).to(tl.float32)
        b_v = tl.load(p_v).to(tl.float32)
        if NORM:
            b_q = b_q / tl.sqrt(tl.sum(b_q * b_q) + 1e-6)
            b_k = b_k / tl.sqrt(tl.sum(b_k * b_k) + 1e-6)
        b_q = b_q * scale
        b_h *= tl.exp(tl.load(p_g).to(tl.float32))
        b_v -= tl.sum(b_h * b_k[:, None], 0)
        b_v *= tl.load(p_beta).to(tl.float32)
        b_h += b_k[:, None] * b_v[None, :]
        tl.store(p_o, tl.sum(b_h * b_q[:, None], 0))
        p_q += K
        p_k += K
        p_v += V
        p_o += V
        p_g += 1
        p_beta += 1
    tl.store(out_h + i_h * K * V + o_k[:, None] * V + o_v[None, :], b_h)
"""
WKV_OF_A_CHANNEL = """
@jit
def kernel(w_ptr, u_ptr, k_ptr, v_ptr, out, C, T, BC: tl.constexpr):
    b = tl.program_id(0)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    ok = c < C
    w = tl.load(w_ptr + c, mask=ok, other=0.0)
    u = tl.load(u_ptr + c, mask=ok, other=0.0)
    alpha = tl.zeros([BC], tl.float32)
    beta = tl.zeros([BC], tl.float32)
    eps = tl.full([BC], -1e38, tl.float32)
    at = b * T * C + c
    for t in range(T):
        kt = tl.load(k_ptr + at, mask=ok, other=0.0)
        vt = tl.load(v_ptr + at, mask=ok, other=0.0)
        ukt = u + kt
        tau = tl.maximum(ukt, eps)
        e1 = tl.exp(eps - tau)
        e2 = tl.exp(ukt - tau)
        tl.store(out + at, (e1 * alpha + e2 * vt) / (e1 * beta + e2), mask=ok)
        w_eps = w + eps
        eps = tl.maximum(w_eps, kt)
        e1 = tl.exp(w_eps - eps)
        e2 = tl.exp(kt - eps)
        alpha = e1 * alpha + e2 * vt
        beta = e1 * beta + e2
        at += C
"""
EDIT_DISTANCE_BY_DIAGONALS = """
@jit
def kernel(a_ptr, b_ptr, out_work, out, na, nb, W: tl.constexpr):
    i = tl.arange(0, W)
    size = na + 1
    d = 0
    while d <= na + nb:
        j = d - i
        ok = (i <= na) & (j >= 0) & (j <= nb)
        edge = (i == 0) | (j == 0)
        prev = out_work + ((d - 1) % 3) * size
        prev2 = out_work + ((d - 2) % 3) * size
        inner = ok & (edge == 0)
        up = tl.load(prev + i - 1, mask=inner, other=0)
        left = tl.load(prev + i, mask=inner, other=0)
        diag = tl.load(prev2 + i - 1, mask=inner, other=0)
        ca = tl.load(a_ptr + i - 1, mask=inner, other=0)
        cb = tl.load(b_ptr + j - 1, mask=inner, other=0)
        best = tl.minimum(tl.minimum(up, left) + 1, diag + (ca != cb).to(tl.int32))
        value = tl.where(edge, i + j, best)
        tl.store(out_work + (d % 3) * size + i, value, mask=ok)
        tl.debug_barrier()
        d += 1
    tl.store(out, tl.load(out_work + ((na + nb) % 3) * size + na))
"""
MAX_POOL_WITH_PLACES = """
@jit
def kernel(
    x_ptr, out, out_at, H, W, OH, OW, KH: tl.constexpr, KW: tl.constexpr, S: tl.constexpr,
    P: tl.constexpr, BH: tl.constexpr, BW: tl.constexpr,
):
    nc = tl.program_id(0)
    oh = tl.program_id(1) * BH + tl.arange(0, BH)
    ow = tl.arange(0, BW)
    best = tl.full((BH, BW), float("-inf"), tl.float32)
    at = tl.full((BH, BW), -1, tl.int64)
    for kh in tl.static_range(0, KH):
        for kw in tl.static_range(0, KW):
            ih = oh[:, None] * S - P + kh
            iw = ow[None, :] * S - P + kw
            ok = (ih >= 0) & (ih < H) & (iw >= 0) & (iw < W)
            flat = ih * W + iw
            x = tl.load(x_ptr + nc * H * W + flat, mask=ok, other=float("-inf"))
            better = x > best
            at = tl.where(better, flat, at)
            best = tl.where(better, x, best)
    ok = (oh[:, None] < OH) & (ow[None, :] < OW)
    o = nc * OH * OW + oh[:, None] * OW + ow[None, :]
    tl.store(out + o, best, mask=ok)
    tl.store(out_at + o, at, mask=ok)
"""
BILINEAR_UPSAMPLE = """
@jit
def kernel(x_ptr, out, IH, IW, OH, OW, sh, sw, BX: tl.constexpr, BY: tl.constexpr):
    oh = tl.program_id(0) * BY + tl.arange(0, BY)
    ow = tl.program_id(1) * BX + tl.arange(0, BX)
    h = tl.maximum((oh.to(tl.float32) + 0.5) * sh - 0.5, 0.0)
    w = tl.maximum((ow.to(tl.float32) + 0.5) * sw - 0.5, 0.0)
    h0 = h.to(tl.int32)
    w0 = w.to(tl.int32)
    h1 = tl.where(h0 < IH - 1, h0 + 1, h0)
    w1 = tl.where(w0 < IW - 1, w0 + 1, w0)
    lh = (h - h0)[:, None]
    lw = (w - w0)[None, :]
    ok = (oh < OH)[:, None] & (ow < OW)[None, :]
    a = tl.load(x_ptr + h0[:, None] * IW + w0[None, :], mask=ok)
    b = tl.load(x_ptr + h0[:, None] * IW + w1[None, :], mask=ok)
    c = tl.load(x_ptr + h1[:, None] * IW + w0[None, :], mask=ok)
    d = tl.load(x_ptr + h1[:, None] * IW + w1[None, :], mask=ok)
    top = a * (1 - lw) + b * lw
    low = c * (1 - lw) + d * lw
    tl.store(out + oh[:, None] * OW + ow[None, :], top * (1 - lh) + low * lh, mask=ok)
"""
MANDELBROT = """
@jit
def kernel(out, w, h, limit, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    cx = (i % w).to(tl.float32) / w * 3.0 - 2.0
    cy = (i // w).to(tl.float32) / h * 2.0 - 1.0
    x = tl.zeros((B,), tl.float32)
    y = tl.zeros((B,), tl.float32)
    count = tl.zeros((B,), tl.int32)
    step = 0
    alive = (i < w * h).to(tl.int32)
    while step < limit and tl.sum(alive, 0) > 0:
        x2 = x * x
        y2 = y * y
        alive = tl.where(x2 + y2 <= 4.0, alive, 0)
        count += alive
        x, y = tl.where(alive != 0, x2 - y2 + cx, x), tl.where(alive != 0, 2.0 * x * y + cy, y)
        step += 1
    tl.store(out + i, count, mask=i < w * h)
"""
HADAMARD = """
@jit
def kernel(x_ptr, out, N: tl.constexpr, LOG: tl.constexpr):
    row = tl.program_id(0)
    x = tl.load(x_ptr + row * N + tl.arange(0, N))
    for step in tl.static_range(LOG):
        half: tl.constexpr = 1 << step
        pairs = tl.reshape(x, (N // (2 * half), 2, half))
        a, b = tl.split(tl.permute(pairs, (0, 2, 1)))
        x = tl.reshape(tl.permute(tl.join(a + b, a - b), (0, 2, 1)), (N,))
    tl.store(out + row * N + tl.arange(0, N), x)
"""
SORTED_PAIRS = """
@jit
def kernel(x_ptr, out_values, out_indices, n, B: tl.constexpr, DESC: tl.constexpr):
    row = tl.program_id(0)
    offs = tl.arange(0, B)
    last: tl.constexpr = float("-inf") if DESC else float("inf")
    x = tl.load(x_ptr + row * n + offs, mask=offs < n, other=last)
    bits = x.to(tl.int32, bitcast=True)
    key = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    packed = (key.to(tl.int64) << 32) | (B - 1 - offs if DESC else offs).to(tl.int64)
    packed = tl.sort(packed, descending=DESC)
    low = (packed & 0xFFFFFFFF).to(tl.int32)
    at = B - 1 - low if DESC else low
    key = (packed >> 32).to(tl.int32)
    value = tl.where(key < 0, key ^ 0x7FFFFFFF, key).to(tl.float32, bitcast=True)
    tl.store(out_values + row * n + offs, value, mask=offs < n)
    tl.store(out_indices + row * n + offs, at, mask=offs < n)
"""

CASES = [
    public(
        "causal conv with state",
        CAUSAL_CONV_WITH_STATE,
        lambda rng: {
            "x_ptr": numbers((2, 7, 20), rng),
            "w_ptr": numbers((20, 3), rng),
            "bias_ptr": numbers(20, rng),
            "out_state": numbers((2, 20, 2), rng),
            "out": room((2, 7, 20)),
            "T": 7,
            "D": 20,
            "WIDTH": 3,
            "HAS_BIAS": True,
            "SILU": False,
            "BD": 16,
        },
        grid=(2, 2),
    ),
    *(
        public(
            f"selective state update, tied {tie}",
            SELECTIVE_STATE_UPDATE,
            lambda rng, tie=tie: {
                "out_state": floats((3, 20, 16), rng),
                "x_ptr": floats((3, 20), rng),
                "dt_ptr": floats((3, 20), rng),
                "dt_bias_ptr": floats((3, 20), rng),
                "A_ptr": floats((3, 20, 16), rng, "float32", -1, 0),
                "B_ptr": floats(16, rng),
                "C_ptr": floats(16, rng),
                "D_ptr": floats((3, 20), rng),
                "z_ptr": floats((3, 20), rng),
                "out": room((3, 20)),
                "nheads": 3,
                "dim": 20,
                "TIE": tie,
                "SOFTPLUS": True,
                "HAS_D": True,
                "HAS_Z": True,
                "BM": 8,
                "N": 16,
            },
            grid=(3, 1, 3),
            ulps=64,
            scale=0.5,
        )
        for tie in (False, True)
    ),
    public(
        "gated delta rule",
        GATED_DELTA_RULE,
        lambda rng: {
            "q": floats((2, 9, 16), rng),
            "k": floats((2, 9, 16), rng),
            "v": floats((2, 9, 16), rng),
            "g": floats((2, 9), rng, "float32", -1, 0),
            "beta": floats((2, 9), rng, "float32", 0, 1),
            "out": room((2, 9, 16)),
            "out_h": room((2, 16, 16)),
            "scale": 0.25,
            "T": 9,
            "K": 16,
            "V": 16,
            "BV": 8,
            "NORM": True,
        },
        grid=(2, 2),
        ulps=64,
        scale=0.5,
    ),
    public(
        "wkv of a channel",
        WKV_OF_A_CHANNEL,
        lambda rng: {
            "w_ptr": floats(20, rng, "float32", -1, 0),
            "u_ptr": floats(20, rng),
            "k_ptr": floats((2, 6, 20), rng),
            "v_ptr": floats((2, 6, 20), rng),
            "out": room((2, 6, 20)),
            "C": 20,
            "T": 6,
            "BC": 16,
        },
        grid=(2, 2),
        ulps=64,
        scale=0.5,
    ),
    public(
        "edit distance by diagonals",
        EDIT_DISTANCE_BY_DIAGONALS,
        lambda rng: {
            "a_ptr": indices(rng.integers(0, 3, 13)),
            "b_ptr": indices(rng.integers(0, 3, 10)),
            "out_work": room((3, 14), "int32"),
            "out": room(1, "int32"),
            "na": 13,
            "nb": 10,
            "W": 16,
        },
    ),
    public(
        "max pool with places",
        MAX_POOL_WITH_PLACES,
        lambda rng: {
            "x_ptr": numbers((3, 9, 11), rng),
            "out": room((3, 5, 6)),
            "out_at": room((3, 5, 6), "int64"),
            "H": 9,
            "W": 11,
            "OH": 5,
            "OW": 6,
            "KH": 3,
            "KW": 3,
            "S": 2,
            "P": 1,
            "BH": 4,
            "BW": 8,
        },
        grid=(3, 2),
    ),
    public(
        "bilinear upsample",
        BILINEAR_UPSAMPLE,
        lambda rng: {
            "x_ptr": numbers((5, 6), rng),
            "out": room((10, 12)),
            "IH": 5,
            "IW": 6,
            "OH": 10,
            "OW": 12,
            "sh": 0.5,
            "sw": 0.5,
            "BX": 8,
            "BY": 4,
        },
        grid=(3, 2),
    ),
    public(
        "mandelbrot",
        MANDELBROT,
        lambda rng: {"out": room(15 * 11, "int32"), "w": 15, "h": 11, "limit": 12, "B": 32},
        grid=(6,),
    ),
    public(
        "hadamard",
        HADAMARD,
        lambda rng: {
            "x_ptr": whole("float32", (2, 32), rng, -4, 5),
            "out": room((2, 32)),
            "N": 32,
            "LOG": 5,
        },
        grid=(2,),
    ),
    *(
        public(
            f"sorted pairs, descending {down}",
            SORTED_PAIRS,
            lambda rng, down=down: {
                "x_ptr": numbers((2, 50), rng),
                "out_values": room((2, 50)),
                "out_indices": room((2, 50), "int32"),
                "n": 50,
                "B": 64,
                "DESC": down,
            },
            grid=(2,),
        )
        for down in (False, True)
    ),
]
