"""Kernels that are built of parts: named tuples, helpers of helpers, compile-time choices."""

from __future__ import annotations

from public import indices, numbers, public, room

NAMED_TUPLES = """
from typing import NamedTuple


class Tile(NamedTuple):
    rows: tl.tensor
    cols: tl.tensor


class Range(NamedTuple):
    lo: tl.tensor
    hi: tl.tensor
    tile: Tile


@jit
def tile_of(pid, B: tl.constexpr):
    return Tile(pid * B + tl.arange(0, B), tl.arange(0, B))


@jit
def shifted(r, by):
    return Range(r.lo + by, r.hi + by, Tile(r.tile.rows + by, r.tile.cols))


@jit
def kernel(x_ptr, out, n, B: tl.constexpr):
    r = Range(0, n, tile_of(tl.program_id(0), B))
    s = shifted(r, 2)
    rows, cols = s.tile
    ok = (rows[:, None] < s.hi - 2) & (cols[None, :] < r.hi)
    x = tl.load(x_ptr + rows[:, None] * n + cols[None, :], mask=ok, other=s[0])
    tl.store(out + r.tile.rows[:, None] * B + r.tile.cols[None, :], x + s.lo)
"""
TUPLES_THROUGH_A_LOOP = """
@jit
def step(state, x):
    m, (l, acc) = state
    new = tl.maximum(m, x)
    return new, (l + 1, acc + x * l)


@jit
def kernel(x_ptr, out, out_l, n, B: tl.constexpr):
    offs = tl.arange(0, B)
    state = (tl.full((B,), -1000.0, tl.float32), (0, tl.zeros((B,), tl.float32)))
    for i in range(n):
        state = step(state, tl.load(x_ptr + i * B + offs))
    m, rest = state
    tl.store(out + offs, m + rest[1])
    tl.store(out_l, rest[0])
"""
CONSTEXPR_ARITHMETIC = """
@jit
def depth(n: tl.constexpr):
    if n <= 1:
        return 0
    else:
        return 1 + depth(n // 2)


@jit
def kernel(x_ptr, out, B: tl.constexpr, KIND: tl.constexpr, SCALE: tl.constexpr):
    D: tl.constexpr = depth(B)
    HALF: tl.constexpr = B // 2 if B > 8 else B
    FLAGS: tl.constexpr = (True, False, KIND == "sum" and B > 4)
    NAME: tl.constexpr = "two" if KIND in ("sum", "mean") else "one"
    offs = tl.arange(0, HALF)
    acc = tl.load(x_ptr + offs)
    for i in tl.static_range(len(FLAGS)):
        if FLAGS[i]:
            acc += tl.load(x_ptr + HALF + offs) * (i + D)
    if NAME == "two":
        acc *= SCALE if SCALE is not None else 1.0
    elif NAME == "one":
        acc -= 1
    tl.static_assert(D == 5, f"B is {B}")
    tl.store(out + offs, acc + max(D, HALF) - min(D, 2) + abs(-3) + (-7) // 2 + (-7) % 4)
"""
HELPERS_WITH_OUTPUTS_BY_MODE = """
@jit
def load_row(ptr, offs, mask, EVEN: tl.constexpr):
    if EVEN:
        return tl.load(ptr + offs)
    else:
        return tl.load(ptr + offs, mask=mask, other=0.0)


@jit
def stats(x, n, MODE: tl.constexpr):
    mean = tl.sum(x, 0) / n
    if MODE == 0:
        return mean, None
    second = tl.sum(x * x, 0) / n
    if MODE == 1:
        return mean, second
    return mean, (second, second - mean * mean)


@jit
def kernel(x_ptr, out, n, MODE: tl.constexpr, EVEN: tl.constexpr, B: tl.constexpr):
    offs = tl.arange(0, B)
    x = load_row(x_ptr, offs, offs < n, EVEN)
    first, rest = stats(x, n, MODE)
    tl.store(out, first)
    if rest is not None:
        if MODE == 1:
            tl.store(out + 1, rest)
        else:
            a, b = rest
            tl.store(out + 1, a)
            tl.store(out + 2, b)
"""
STATIC_LISTS = """
@jit
def kernel(x_ptr, y_ptr, z_ptr, out, B: tl.constexpr, WEIGHTS: tl.constexpr):
    offs = tl.arange(0, B)
    ptrs = (x_ptr, y_ptr, z_ptr)
    acc = tl.zeros((B,), tl.float32)
    for i in tl.static_range(0, 3):
        acc += WEIGHTS[i] * tl.load(ptrs[i] + offs)
    for i in tl.static_range(2, -1, -1):
        acc = acc * 2 + WEIGHTS[i]
    parts = ()
    for i in tl.static_range(2):
        parts = parts + (acc + i,)
    tl.store(out + offs, parts[0] - parts[-1] * WEIGHTS[1])
"""
EARLY_RETURNS_OF_HELPERS = """
@jit
def clip(i, n):
    if i < 0:
        return 0
    if i >= n:
        return n - 1
    return i


@jit
def classify(x):
    if x > 2:
        if x > 3:
            return 3
        return 2
    elif x > 0:
        return 1
    return 0


@jit
def kernel(x_ptr, out, out_class, n):
    pid = tl.program_id(0)
    at = clip(pid * 3 - 4, n)
    x = tl.load(x_ptr + at)
    tl.store(out + pid, x)
    tl.store(out_class + pid, classify(x))
"""
METHODS_AND_ATTRIBUTES = """
@jit
def kernel(x_ptr, out, n, B: tl.constexpr):
    offs = tl.arange(0, B)
    x = tl.load(x_ptr + offs, mask=offs < n, other=0)
    wide: tl.constexpr = tl.float32 if x.dtype.primitive_bitwidth < 32 else x.dtype
    y = x.to(wide)
    if x.dtype.is_floating() and x_ptr.dtype.element_ty == tl.float16:
        y = y + 1
    y = y.reshape(B // 4, 4).trans(1, 0).sum(axis=0).expand_dims(1)
    tl.static_assert(y.shape[0] == B // 4 and y.numel == B // 4 and len(y.shape) == 2)
    y = y.broadcast_to(B // 4, 4) * (offs.reshape(B // 4, 4) & 3).to(y.dtype)
    z = y.max(axis=1)[:, None] - y
    z = z + y.T.permute(1, 0)
    tl.store(out + offs.reshape(y.shape), z.to(out.type.element_ty))
"""
COUNTING_DOWN_AND_OUT = """
@jit
def kernel(x_ptr, out, n, B: tl.constexpr):
    pid = tl.program_id(0)
    total = 0
    done = False
    i = n
    while i > 0 and not done:
        v = tl.load(x_ptr + (i + pid) % n)
        if v == 3:
            done = True
        else:
            total += v
        i -= 1
    for j in range(n - 1, -1, -2):
        total += j if (j % 3 == 0 or j > 7) and j != 9 else 0
    for j in tl.range(0, pid):
        for k in tl.range(j, j + 2):
            total += k * j
    tl.store(out + pid, total)
"""

CASES = [
    public(
        "named tuples",
        NAMED_TUPLES,
        lambda rng: {"x_ptr": numbers((13, 13), rng), "out": room((16, 8)), "n": 13, "B": 8},
        grid=(2,),
    ),
    public(
        "tuples through a loop",
        TUPLES_THROUGH_A_LOOP,
        lambda rng: {
            "x_ptr": numbers((5, 16), rng),
            "out": room(16),
            "out_l": room(1, "int32"),
            "n": 5,
            "B": 16,
        },
    ),
    *(
        public(
            f"constexpr arithmetic, {kind}",
            CONSTEXPR_ARITHMETIC,
            lambda rng, kind=kind, scale=scale: {
                "x_ptr": numbers(32, rng),
                "out": room(32),
                "B": 32,
                "KIND": kind,
                "SCALE": scale,
            },
        )
        for kind, scale in (("sum", None), ("mean", 0.5), ("max", None))
    ),
    *(
        public(
            f"helpers with outputs by mode {mode}",
            HELPERS_WITH_OUTPUTS_BY_MODE,
            lambda rng, mode=mode: {
                "x_ptr": numbers(16, rng),
                "out": room(3),
                "n": 16 if mode == 1 else 8,
                "MODE": mode,
                "EVEN": mode == 1,
                "B": 16,
            },
        )
        for mode in range(3)
    ),
    public(
        "static lists",
        STATIC_LISTS,
        lambda rng: {
            "x_ptr": numbers(16, rng),
            "y_ptr": numbers(16, rng),
            "z_ptr": numbers(16, rng),
            "out": room(16),
            "B": 16,
            "WEIGHTS": (2, -1, 3),
        },
    ),
    public(
        "early returns of helpers",
        EARLY_RETURNS_OF_HELPERS,
        lambda rng: {
            "x_ptr": numbers(6, rng),
            "out": room(5),
            "out_class": room(5, "int32"),
            "n": 6,
        },
        grid=(5,),
    ),
    *(
        public(
            f"methods and attributes of {dtype}",
            METHODS_AND_ATTRIBUTES,
            lambda rng, dtype=dtype: {
                "x_ptr": numbers(32, rng, dtype),
                "out": room(32),
                "n": 30,
                "B": 32,
            },
        )
        for dtype in ("float16", "float32", "int32")
    ),
    public(
        "counting down and out",
        COUNTING_DOWN_AND_OUT,
        lambda rng: {
            "x_ptr": indices(rng.integers(0, 5, 11)),
            "out": room(4, "int32"),
            "n": 11,
            "B": 1,
        },
        grid=(4,),
    ),
]
