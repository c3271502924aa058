"""Kernels of norms and activations."""

from __future__ import annotations

from public import floats, numbers, public, room

LAYER_NORM_BACKWARD_DX = """
@jit
def kernel(
    X,
    Y,
    W,
    B,
    DY,
    out_dx,
    out_dw,
    out_db,
    stride,
    M,
    N,
    eps,
    GROUP: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    pid = tl.program_id(0)
    cols = tl.arange(0, BLOCK_N)
    mask = cols < N
    w = tl.load(W + cols, mask=mask, other=0).to(tl.float32)
    dw = tl.zeros((BLOCK_N,), dtype=tl.float32)
    db = tl.zeros((BLOCK_N,), dtype=tl.float32)
    for row in range(pid, M, GROUP):
        x = tl.load(X + row * stride + cols, mask=mask, other=0).to(tl.float32)
        dy = tl.load(DY + row * stride + cols, mask=mask, other=0).to(tl.float32)
        mean = tl.sum(x, axis=0) / N
        xc = tl.where(mask, x - mean, 0.0)
        rstd = 1 / tl.sqrt(tl.sum(xc * xc, axis=0) / N + eps)
        xhat = xc * rstd
        wdy = w * dy
        c1 = tl.sum(xhat * wdy, axis=0) / N
        c2 = tl.sum(wdy, axis=0) / N
        dx = (wdy - (xhat * c1 + c2)) * rstd
        tl.store(out_dx + row * stride + cols, dx, mask=mask)
        dw += dy * xhat
        db += dy
    tl.store(out_dw + pid * N + cols, dw, mask=mask)
    tl.store(out_db + pid * N + cols, db, mask=mask)
"""
RMS_NORM_WITH_RESIDUAL = """
@jit
def kernel(
    x_ptr,
    res_ptr,
    w_ptr,
    out_ptr,
    out_rstd_ptr,
    n,
    eps: tl.constexpr,
    offset: tl.constexpr,
    casting_mode: tl.constexpr,
    BLOCK: tl.constexpr,
):
    row = tl.program_id(0)
    offs = tl.arange(0, BLOCK)
    mask = offs < n
    x = tl.load(x_ptr + row * n + offs, mask=mask, other=0.0)
    x += tl.load(res_ptr + row * n + offs, mask=mask, other=0.0)
    tl.store(res_ptr + row * n + offs, x, mask=mask)
    if casting_mode == "llama":
        x = x.to(tl.float32)
    var = tl.sum(x * x, 0) / n
    rstd = tl.math.rsqrt(var + eps)
    tl.store(out_rstd_ptr + row, rstd)
    x = (x * rstd).to(out_ptr.dtype.element_ty)
    w = tl.load(w_ptr + offs, mask=mask, other=0.0)
    tl.store(out_ptr + row * n + offs, x * (offset + w), mask=mask)
"""
GROUP_NORM_WITH_SILU = """
@jit
def kernel(
    x_ptr,
    w_ptr,
    b_ptr,
    out,
    C,
    HW,
    eps,
    G: tl.constexpr,
    CPG: tl.constexpr,
    BHW: tl.constexpr,
    ACT: tl.constexpr,
):
    n, g = tl.program_id(0), tl.program_id(1)
    c = g * CPG + tl.arange(0, CPG)
    s = tl.zeros((CPG, BHW), tl.float32)
    ss = tl.zeros((CPG, BHW), tl.float32)
    base = x_ptr + (n * C + c)[:, None] * HW
    for i in range(0, HW, BHW):
        hw = i + tl.arange(0, BHW)
        x = tl.load(base + hw[None, :], mask=(hw < HW)[None, :], other=0.0).to(tl.float32)
        s += x
        ss += x * x
    count = CPG * HW
    mean = tl.sum(s) / count
    var = tl.sum(ss) / count - mean * mean
    rstd = tl.rsqrt(var + eps)
    w = tl.load(w_ptr + c)[:, None]
    b = tl.load(b_ptr + c)[:, None]
    for i in range(0, HW, BHW):
        hw = i + tl.arange(0, BHW)
        mask = (hw < HW)[None, :]
        x = tl.load(base + hw[None, :], mask=mask, other=0.0)
        y = (x - mean) * rstd * w + b
        if ACT:
            y *= tl.sigmoid(y)
        tl.store(out + (n * C + c)[:, None] * HW + hw[None, :], y, mask=mask)
"""
WELFORD_BY_REDUCE = """
@jit
def welford(m1, v1, w1, m2, v2, w2):
    d = m2 - m1
    w = w1 + w2
    r = w2 / w
    return m1 + d * r, v1 + v2 + d * d * w1 * r, w


@jit
def kernel(x_ptr, out_mean, out_var, N: tl.constexpr):
    offs = tl.arange(0, N)
    x = tl.load(x_ptr + tl.program_id(0) * N + offs)
    m, v, w = tl.reduce((x, tl.zeros_like(x), tl.full((N,), 1.0, tl.float32)), 0, welford)
    tl.store(out_mean + tl.program_id(0), m)
    tl.store(out_var + tl.program_id(0), v / w)
"""
GELU_AND_SWIGLU = """
@jit
def gelu_tanh(x):
    c: tl.constexpr = 0.7978845608
    return 0.5 * x * (1 + (1 - 2 / (tl.exp(2 * c * (x + 0.044715 * x * x * x)) + 1)))


@jit
def silu(x):
    return x * tl.sigmoid(x)


@jit
def kernel(a_ptr, b_ptr, out, n, ACT: tl.constexpr, B: tl.constexpr):
    offs = tl.program_id(0) * B + tl.arange(0, B)
    a = tl.load(a_ptr + offs, mask=offs < n, other=0).to(tl.float32)
    b = tl.load(b_ptr + offs, mask=offs < n, other=0)
    act = silu(a) if ACT == 1 else gelu_tanh(a)
    tl.store(out + offs, act.cast(b.dtype) * b, mask=offs < n)
"""

CASES = [
    public(
        "layer norm backward dx",
        LAYER_NORM_BACKWARD_DX,
        lambda rng: {
            "X": floats((6, 40), rng),
            "Y": room((6, 40)),
            "W": floats(40, rng),
            "B": floats(40, rng),
            "DY": floats((6, 40), rng),
            "out_dx": room((6, 40)),
            "out_dw": room((2, 40)),
            "out_db": room((2, 40)),
            "stride": 40,
            "M": 6,
            "N": 40,
            "eps": 1e-05,
            "GROUP": 2,
            "BLOCK_N": 64,
        },
        grid=(2,),
        ulps=512,
        scale=1.0,
    ),
    public(
        "rms norm with residual",
        RMS_NORM_WITH_RESIDUAL,
        lambda rng: {
            "x_ptr": numbers((3, 50), rng, "float16"),
            "res_ptr": numbers((3, 50), rng, "float16"),
            "w_ptr": numbers(50, rng, "float16"),
            "out_ptr": room((3, 50), "float16"),
            "out_rstd_ptr": room(3),
            "n": 50,
            "eps": 1e-06,
            "offset": 0.0,
            "casting_mode": "llama",
            "BLOCK": 64,
        },
        grid=(3,),
        ulps=16,
    ),
    public(
        "group norm with silu",
        GROUP_NORM_WITH_SILU,
        lambda rng: {
            "x_ptr": floats((2, 8, 20), rng),
            "w_ptr": floats(8, rng),
            "b_ptr": floats(8, rng),
            "out": room((2, 8, 20)),
            "C": 8,
            "HW": 20,
            "eps": 1e-05,
            "G": 2,
            "CPG": 4,
            "BHW": 16,
            "ACT": True,
        },
        grid=(2, 2),
        ulps=512,
        scale=1.0,
    ),
    public(
        "welford by reduce",
        WELFORD_BY_REDUCE,
        lambda rng: {
            "x_ptr": floats((3, 64), rng),
            "out_mean": room(3),
            "out_var": room(3),
            "N": 64,
        },
        grid=(3,),
        ulps=64,
        scale=1.0,
    ),
    public(
        "gelu and swiglu",
        GELU_AND_SWIGLU,
        lambda rng: {
            "a_ptr": floats(100, rng),
            "b_ptr": floats(100, rng),
            "out": room(100),
            "n": 100,
            "ACT": 1,
            "B": 64,
        },
        grid=(2,),
        ulps=32,
    ),
]
