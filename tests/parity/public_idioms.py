"""Kernels of one idiom each: helpers, tuples, globals, functions as arguments, loops."""

from __future__ import annotations

from public import indices, numbers, public, room

BATCHED_TRANSPOSE = """
@jit
def kernel(x_ptr, out, M, N, BM: tl.constexpr, BN: tl.constexpr):
    b = tl.program_id(2).to(tl.int64)
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    rn = tl.program_id(1) * BN + tl.arange(0, BN)
    x = tl.load(
        x_ptr + b * M * N + rm[:, None] * N + rn[None, :],
        mask=(rm[:, None] < M) & (rn[None, :] < N),
    )
    tl.store(
        out + b * M * N + rn[:, None] * M + rm[None, :],
        x.T,
        mask=(rn[:, None] < N) & (rm[None, :] < M),
    )
"""
EMBEDDING_AND_ITS_GRADIENT_ROWS = """
@jit
def kernel(w, idx, out, n, D, BM: tl.constexpr, BD: tl.constexpr):
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    d = tl.program_id(1) * BD + tl.arange(0, BD)
    i = tl.load(idx + m, mask=m < n, other=0)
    x = tl.load(
        w + i[:, None] * D + d[None, :], mask=(m < n)[:, None] & (d < D)[None, :], other=0.0
    )
    tl.store(out + m[:, None] * D + d[None, :], x, mask=(m < n)[:, None] & (d < D)[None, :])
"""
STATIC_FIR = """
@jit
def kernel(x_ptr, w_ptr, out, n, TAPS: tl.constexpr, B: tl.constexpr):
    offs = tl.program_id(0) * B + tl.arange(0, B)
    acc = tl.zeros([B], dtype=tl.float32)
    for t in tl.static_range(0, TAPS):
        at = offs - t
        acc += tl.load(w_ptr + t) * tl.load(x_ptr + at, mask=(at >= 0) & (at < n), other=0.0)
    tl.store(out + offs, acc, mask=offs < n)
"""
ASSERTS_AND_PRINTS = """
@jit
def kernel(x_ptr, out, n, B: tl.constexpr):
    tl.static_assert(B >= 16, "B")
    tl.static_print("B", B)
    tl.device_assert(n > 0, "n")
    offs = tl.arange(0, B)
    tl.assume(n > 0)
    x = tl.load(x_ptr + offs, mask=offs < n, other=0)
    tl.device_assert(x < 100, "x", mask=offs < n)
    assert B > 3, "B"
    tl.store(out + offs, x)
"""
TUPLES = """
@jit
def both(a, b=2):
    return a + b, a * b


@jit
def kernel(x_ptr, out, B: tl.constexpr):
    offs = tl.arange(0, B)
    pair = both(tl.load(x_ptr + offs))
    s, (p, q) = pair[0], both(pair[1], b=3)
    t = (s, p, q)
    total = tl.zeros((B,), tl.float32)
    for i in tl.static_range(len(t)):
        total += t[i] * (i + 1)
    tl.store(out + offs, total)
"""
GLOBALS_HELPER_WITH_DEFAULTS_AND_EARLY_RETURN = """
LOG2E: tl.constexpr = tl.constexpr(1.44269504)


@jit
def act(x, KIND: tl.constexpr = "relu", slope: tl.constexpr = 0.1):
    if KIND == "relu":
        return tl.where(x > 0, x, 0.0)
    elif KIND == "leaky":
        return tl.where(x > 0, x, x * slope)
    else:
        tl.static_assert(False, "no such activation")


@jit
def kernel(x_ptr, out, n, B: tl.constexpr, K: "tl.constexpr" = "leaky"):
    pid = tl.program_id(axis=0)
    if pid * B >= n:
        return
    offs = pid * B + tl.arange(0, B)
    x = tl.load(x_ptr + offs, offs < n)
    y = act(x)
    y = y + act(x, K) * act(x, KIND=K, slope=0.5)
    y = tl.exp2(y * 0.0 * LOG2E) + y
    tl.store(out + offs, y, offs < n)
"""
ACTIVATION_GIVEN_AS_A_FUNCTION = """
@jit
def square(x):
    return x * x


@jit
def apply(x, f: tl.constexpr):
    return f(x)


@jit
def kernel(x_ptr, out, B: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, B))
    tl.store(out + tl.arange(0, B), apply(x, square) + apply(x, tl.abs))
"""
NESTED_LOOPS_WITH_SWAPS = """
@jit
def kernel(x_ptr, y_ptr, out, n, m, B: tl.constexpr):
    offs = tl.arange(0, B)
    a = tl.load(x_ptr + offs)
    b = tl.load(y_ptr + offs)
    best = -1
    for i in range(n):
        for j in range(i, m, 2):
            a, b = b, a + j
            if j == 3:
                best = i if best < 0 else best
        k = i
        while k > 0:
            a += k
            k -= 1
    tl.store(out + offs, tl.where(offs % 2 == 0, a, b) + best)
"""
WHERE_OF_POINTERS_AND_NULL_CHECKS = """
@jit
def kernel(x_ptr, bias_ptr, out, n, B: tl.constexpr):
    offs = tl.arange(0, B)
    x = tl.load(x_ptr + offs, mask=offs < n, other=0)
    if bias_ptr is not None:
        x += tl.load(bias_ptr + offs, mask=offs < n, other=0)
    p = tl.where(offs < 8, x_ptr + offs, out + offs)
    x += tl.load(p, mask=offs < 8, other=0)
    tl.store(out + offs, x, mask=offs < n)
"""
INT_ARITHMETIC_OF_HASHES = """
@jit
def mix(h):
    h ^= h >> 16
    h *= 0x85EBCA6B
    h ^= h >> 13
    h *= 0xC2B2AE35
    h ^= h >> 16
    return h


@jit
def kernel(x_ptr, out, B: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, B)).to(tl.uint32)
    tl.store(out + tl.arange(0, B), mix(x).to(tl.int32, bitcast=True))
"""

CASES = [
    public(
        "batched transpose",
        BATCHED_TRANSPOSE,
        lambda rng: {
            "x_ptr": numbers((2, 20, 30), rng),
            "out": room((2, 30, 20)),
            "M": 20,
            "N": 30,
            "BM": 16,
            "BN": 16,
        },
        grid=(2, 2, 2),
    ),
    public(
        "embedding and its gradient rows",
        EMBEDDING_AND_ITS_GRADIENT_ROWS,
        lambda rng: {
            "w": numbers((12, 20), rng, "bfloat16"),
            "idx": indices(rng.integers(0, 12, 10), "int64"),
            "out": room((10, 20), "bfloat16"),
            "n": 10,
            "D": 20,
            "BM": 4,
            "BD": 16,
        },
        grid=(3, 2),
    ),
    public(
        "static fir",
        STATIC_FIR,
        lambda rng: {
            "x_ptr": numbers(100, rng),
            "w_ptr": numbers(4, rng),
            "out": room(100),
            "n": 100,
            "TAPS": 4,
            "B": 32,
        },
        grid=(4,),
    ),
    public(
        "asserts and prints",
        ASSERTS_AND_PRINTS,
        lambda rng: {"x_ptr": numbers(16, rng), "out": room(16), "n": 10, "B": 16},
    ),
    public(
        "tuples",
        TUPLES,
        lambda rng: {"x_ptr": numbers(16, rng), "out": room(16), "B": 16},
    ),
    public(
        "globals, helper with defaults and early return",
        GLOBALS_HELPER_WITH_DEFAULTS_AND_EARLY_RETURN,
        lambda rng: {"x_ptr": numbers(40, rng), "out": room(40), "n": 40, "B": 16},
        grid=(5,),
    ),
    public(
        "activation given as a function",
        ACTIVATION_GIVEN_AS_A_FUNCTION,
        lambda rng: {"x_ptr": numbers(16, rng), "out": room(16), "B": 16},
    ),
    public(
        "nested loops with swaps",
        NESTED_LOOPS_WITH_SWAPS,
        lambda rng: {
            "x_ptr": numbers(16, rng),
            "y_ptr": numbers(16, rng),
            "out": room(16),
            "n": 4,
            "m": 7,
            "B": 16,
        },
    ),
    public(
        "where of pointers and null checks",
        WHERE_OF_POINTERS_AND_NULL_CHECKS,
        lambda rng: {
            "x_ptr": numbers(16, rng),
            "bias_ptr": numbers(16, rng),
            "out": room(16),
            "n": 12,
            "B": 16,
        },
    ),
    public(
        "int arithmetic of hashes",
        INT_ARITHMETIC_OF_HASHES,
        lambda rng: {
            "x_ptr": indices(rng.integers(-(2**31), 2**31, 64)),
            "out": room(64, "int32"),
            "B": 64,
        },
    ),
]
