"""Kernels of small algorithms: iterations, searches, number formats, random numbers, masks."""

from __future__ import annotations

from case import whole
from public import floats, indices, numbers, public, room

INVERSE_OF_A_TRIANGLE = """
@jit
def kernel(A, out, T, BT: tl.constexpr):
    i_t, i_b = tl.program_id(0), tl.program_id(1)
    o_i = tl.arange(0, BT)
    m_A = o_i[:, None] > o_i[None, :]
    p = A + (i_b * T + i_t * BT + o_i)[:, None] * BT + o_i[None, :]
    b_A = -tl.where(m_A, tl.load(p, mask=(i_t * BT + o_i)[:, None] < T, other=0.0), 0)
    for i in range(1, min(BT, T - i_t * BT)):
        b_a = -tl.load(A + (i_b * T + i_t * BT + i) * BT + o_i)
        b_a = tl.where(o_i < i, b_a, 0.0)
        b_a = b_a + tl.sum(b_a[:, None] * b_A, 0)
        b_A = tl.where((o_i == i)[:, None], b_a, b_A)
    b_A += (o_i[:, None] == o_i[None, :])
    at = (i_b * T + i_t * BT + o_i)[:, None] * BT + o_i[None, :]
    tl.store(out + at, b_A, mask=(i_t * BT + o_i)[:, None] < T)
"""
ROTARY_BY_ANGLES = """
@jit
def kernel(x, out, pos, theta_log2, D: tl.constexpr, B: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, D // 2)
    freq = tl.exp2(-(2.0 * i / D) * theta_log2)
    ang = tl.load(pos + row).to(tl.float32) * freq
    c, s = tl.cos(ang), tl.sin(ang)
    a = tl.load(x + row * D + 2 * i)
    b = tl.load(x + row * D + 2 * i + 1)
    tl.store(out + row * D + 2 * i, a * c - b * s)
    tl.store(out + row * D + 2 * i + 1, a * s + b * c)
"""
GROUPS_IN_FP8 = """
@jit
def kernel(x_ptr, out_q, out_s, n, fp8_max: tl.constexpr, GROUP: tl.constexpr, UE8M0: tl.constexpr):
    g = tl.program_id(0)
    x_ptr += g * GROUP
    out_q += g * GROUP
    cols = tl.arange(0, GROUP)
    y = tl.load(x_ptr + cols, mask=cols < n, other=0.0).to(tl.float32)
    absmax = tl.maximum(tl.max(tl.abs(y)), 1e-10)
    s = absmax / fp8_max
    if UE8M0:
        s = tl.exp2(tl.ceil(tl.log2(tl.abs(s))))
    q = tl.clamp(y / s, -fp8_max, fp8_max)
    tl.store(out_q + cols, q, mask=cols < n)
    tl.store(out_s + g, s)
"""
NEAREST_CENTRE = """
@jit
def kernel(x, c, out, out_d, N, K, D: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    n = tl.program_id(0) * BN + tl.arange(0, BN)
    d = tl.arange(0, D)
    xs = tl.load(x + n[:, None] * D + d[None, :], mask=n[:, None] < N, other=0.0)
    best = tl.full([BN], float("inf"), tl.float32)
    at = tl.full([BN], -1, tl.int32)
    for k0 in range(0, K, BK):
        k = k0 + tl.arange(0, BK)
        cs = tl.load(c + k[:, None] * D + d[None, :], mask=k[:, None] < K, other=0.0)
        both = tl.dot(xs, tl.trans(cs), allow_tf32=False)
        dist = tl.sum(xs * xs, 1)[:, None] - 2 * both + tl.sum(cs * cs, 1)[None, :]
        dist = tl.where((k < K)[None, :], dist, float("inf"))
        m, i = tl.min(dist, axis=1, return_indices=True)
        better = m < best
        best = tl.where(better, m, best)
        at = tl.where(better, k0 + i, at)
    tl.store(out + n, at, mask=n < N)
    tl.store(out_d + n, best, mask=n < N)
"""
SIGNS_IN_WORDS = """
@jit
def kernel(x, out, N: tl.constexpr):
    v = tl.load(x + tl.arange(0, N))
    bits = (v > 0).to(tl.uint32).reshape(N // 32, 32)
    w = tl.sum(bits << tl.arange(0, 32)[None, :].to(tl.uint32), 1)
    tl.store(out + tl.arange(0, N // 32), w.to(tl.int32, bitcast=True))
"""
ORTHOGONAL_BY_NEWTON = """
@jit
def kernel(x, out, N: tl.constexpr, STEPS: tl.constexpr):
    a: tl.constexpr = 3.4445
    b: tl.constexpr = -4.7750
    c: tl.constexpr = 2.0315
    i = tl.arange(0, N)
    at = i[:, None] * N + i[None, :]
    X = tl.load(x + at).to(tl.float32)
    X = X / (tl.sqrt(tl.sum(X * X)) + 1e-7)
    for _ in range(STEPS):
        A = tl.dot(X, tl.trans(X), input_precision="ieee")
        B = b * A + c * tl.dot(A, A, input_precision="ieee")
        X = a * X + tl.dot(B, X, input_precision="ieee")
    tl.store(out + at, X)
"""
BOXES_THAT_DO_NOT_OVERLAP = """
@jit
def kernel(boxes, out_keep, n, thr, N: tl.constexpr):
    i = tl.arange(0, N)
    ok = i < n
    x1 = tl.load(boxes + i * 4, mask=ok, other=0.0)
    y1 = tl.load(boxes + i * 4 + 1, mask=ok, other=0.0)
    x2 = x1 + tl.load(boxes + i * 4 + 2, mask=ok, other=0.0)
    y2 = y1 + tl.load(boxes + i * 4 + 3, mask=ok, other=0.0)
    area = (x2 - x1) * (y2 - y1)
    keep = ok.to(tl.int32)
    for j in range(n):
        alive = tl.sum(tl.where(i == j, keep, 0))
        if alive > 0:
            bx1 = tl.load(boxes + j * 4)
            by1 = tl.load(boxes + j * 4 + 1)
            bx2 = bx1 + tl.load(boxes + j * 4 + 2)
            by2 = by1 + tl.load(boxes + j * 4 + 3)
            iw = tl.maximum(tl.minimum(x2, bx2) - tl.maximum(x1, bx1), 0.0)
            ih = tl.maximum(tl.minimum(y2, by2) - tl.maximum(y1, by1), 0.0)
            inter = iw * ih
            iou = inter / (area + (bx2 - bx1) * (by2 - by1) - inter)
            keep = tl.where((i > j) & (iou > thr), 0, keep)
    tl.store(out_keep + i, keep, mask=ok)
"""
ADAM_WITH_ITS_POWERS = """
@jit
def kernel(p, g, out_p, out_m, out_v, n, lr, beta1, beta2, eps, wd, step, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    ok = i < n
    grad = tl.load(g + i, mask=ok, other=0.0)
    w = tl.load(p + i, mask=ok, other=0.0)
    m = tl.load(out_m + i, mask=ok, other=0.0)
    v = tl.load(out_v + i, mask=ok, other=0.0)
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad * grad
    b1 = 1.0
    b2 = 1.0
    for _ in range(step):
        b1 *= beta1
        b2 *= beta2
    upd = (m / (1 - b1)) / (tl.sqrt(v / (1 - b2)) + eps) + wd * w
    sign = tl.where(upd > 0, 1.0, tl.where(upd < 0, -1.0, 0.0))
    tl.store(out_p + i, w - lr * upd + 0 * sign, mask=ok)
    tl.store(out_m + i, m, mask=ok)
    tl.store(out_v + i, v, mask=ok)
"""
NORMAL_AND_WHOLE_NUMBERS = """
@jit
def kernel(out, seed, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    a = tl.randn(seed, i)
    b = tl.randint(seed, i + n, n_rounds=7) % 10
    tl.store(out + i, a + b.to(tl.float32), mask=i < n)
"""
SOFTMAX_UNDER_A_MASK = """
@jit
def kernel(x, m, out, rows, cols, B: tl.constexpr):
    r = tl.program_id(0)
    c = tl.arange(0, B)
    ok = c < cols
    keep = tl.load(m + r * cols + c, mask=ok, other=0)
    v = tl.load(x + r * cols + c, mask=ok & (keep != 0), other=-float("inf"))
    v = tl.where(keep.to(tl.int1), v, -float("inf"))
    top = tl.max(v, 0)
    top = tl.where(top == -float("inf"), 0.0, top)
    e = tl.exp(v - top)
    s = tl.sum(e, 0)
    tl.store(out + r * cols + c, tl.where(s > 0, e / s, 0.0), mask=ok)
"""

CASES = [
    public(
        "inverse of a triangle",
        INVERSE_OF_A_TRIANGLE,
        lambda rng: {
            "A": numbers((2 * 24, 16), rng),
            "out": room((2 * 24, 16)),
            "T": 24,
            "BT": 16,
        },
        grid=(2, 2),
    ),
    public(
        "rotary by angles",
        ROTARY_BY_ANGLES,
        lambda rng: {
            "x": floats((6, 32), rng),
            "out": room((6, 32)),
            "pos": indices([0, 1, 5, 100, 1000, 7]),
            "theta_log2": 13.28771,
            "D": 32,
            "B": 1,
        },
        grid=(6,),
        ulps=512,
        scale=1.0,
    ),
    *(
        public(
            f"groups in fp8, scales of powers {powers}",
            GROUPS_IN_FP8,
            lambda rng, powers=powers: {
                "x_ptr": floats((4, 64), rng, "float32", -5, 5),
                "out_q": room((4, 64)),
                "out_s": room(4),
                "n": 64,
                "fp8_max": 448.0,
                "GROUP": 64,
                "UE8M0": powers,
            },
            grid=(4,),
            ulps=2,
        )
        for powers in (False, True)
    ),
    public(
        "nearest centre",
        NEAREST_CENTRE,
        lambda rng: {
            "x": numbers((40, 16), rng),
            "c": numbers((20, 16), rng),
            "out": room(40, "int32"),
            "out_d": room(40),
            "N": 40,
            "K": 20,
            "D": 16,
            "BN": 16,
            "BK": 16,
        },
        grid=(3,),
    ),
    public(
        "signs in words",
        SIGNS_IN_WORDS,
        lambda rng: {"x": numbers(256, rng), "out": room(8, "int32"), "N": 256},
    ),
    public(
        "orthogonal by newton",
        ORTHOGONAL_BY_NEWTON,
        lambda rng: {
            "x": floats((16, 16), rng),
            "out": room((16, 16)),
            "N": 16,
            "STEPS": 3,
        },
        ulps=64,
        scale=1.0,
    ),
    public(
        "boxes that do not overlap",
        BOXES_THAT_DO_NOT_OVERLAP,
        lambda rng: {
            "boxes": floats((20, 4), rng, "float32", 0, 2),
            "out_keep": room(20, "int32"),
            "n": 20,
            "thr": 0.3,
            "N": 32,
        },
    ),
    public(
        "adam with its powers",
        ADAM_WITH_ITS_POWERS,
        lambda rng: {
            "p": floats(50, rng),
            "g": floats(50, rng),
            "out_p": room(50),
            "out_m": room(50),
            "out_v": floats(50, rng, "float32", 0, 1),
            "n": 50,
            "lr": 1e-3,
            "beta1": 0.9,
            "beta2": 0.99,
            "eps": 1e-8,
            "wd": 0.1,
            "step": 3,
            "B": 32,
        },
        grid=(2,),
        ulps=16,
        scale=0.1,
    ),
    public(
        "normal and whole numbers",
        NORMAL_AND_WHOLE_NUMBERS,
        lambda rng: {"out": room(60), "seed": 42, "n": 60, "B": 32},
        grid=(2,),
        ulps=8,
        scale=1.0,
    ),
    *(
        public(
            f"softmax under a mask of {kind}",
            SOFTMAX_UNDER_A_MASK,
            lambda rng, kind=kind: {
                "x": floats((5, 20), rng),
                "m": whole(kind, (5, 20), rng, 0, 2),
                "out": room((5, 20)),
                "rows": 5,
                "cols": 20,
                "B": 32,
            },
            grid=(5,),
            ulps=16,
            scale=0.1,
        )
        for kind in ("int8", "int1")
    ),
]
