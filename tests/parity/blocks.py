"""Kernels over whole blocks: reductions, shapes, control flow, dots, tutorials."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product

import numpy as np
from case import NUMBERS, Arguments, Case, N, Tensor, outputs, to_storage, uniform, whole

# --- reductions -----------------------------------------------------------------------------------

REDUCE = """
@jit
def kernel(x_ptr, out_ptr, kind_ptr, R: tl.constexpr, C: tl.constexpr, N: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, R)[:, None] * C + tl.arange(0, C)[None, :])
    record(out_ptr, kind_ptr, {}, N)
"""


def reductions() -> Iterator[Case]:
    """Reductions over each axis, of all dtypes; whole numbers, so that sums are exact."""
    for x in NUMBERS:
        for name, axis in product(
            ("sum", "max", "min", "argmax", "argmin", "xor_sum"), (0, 1, None)
        ):
            if name.startswith("arg") and axis is None:
                continue
            n = {0: 32, 1: 8, None: 1}[axis]
            yield Case(
                f"reduce/{name} {x} axis={axis}",
                REDUCE.format(f"tl.{name}(x, {axis})"),
                partial(_matrix, x, n),
                values=x != "bfloat16",
            )
    extras = {
        "tl.sum(x, 1, dtype=tl.int64)": ("int8", 8),
        "tl.sum(x, 0, dtype=tl.float32)": ("float16", 32),
        "tl.ravel(tl.sum(x, 0, keep_dims=True))": ("float32", 32),
        "tl.ravel(tl.max(x, 1, keep_dims=True))": ("int16", 8),
        "tl.max(x, 1, return_indices=True)[1]": ("float32", 8),
        "tl.min(x, 1, return_indices=True)[0]": ("int8", 8),
        "tl.sum(x > 0, 1)": ("float32", 8),
        "x.sum(0)": ("int32", 32),
        "tl.sum(tl.sum(x, 1), 0)": ("int32", 1),
        "tl.max(x)": ("float64", 1),
    }
    for text, (x, n) in extras.items():
        yield Case(f"reduce/{text} {x}", REDUCE.format(text), partial(_matrix, x, n))
    for name, x in product(("max", "min"), ("float16", "float32", "float64")):
        yield Case(
            f"reduce/{name} of specials {x}",
            REDUCE.format(f"tl.{name}(x, 0)"),
            partial(_special_matrix, x),
        )
    for x in ("float32", "float64"):
        for axis, n in ((0, 32), (1, 8), (None, 1)):
            # Positive terms: a sum in any order errs by less than (terms - 1) * u; twice, for two.
            yield Case(
                f"reduce/sum of random {x} axis={axis}",
                REDUCE.format(f"tl.sum(x, {axis})"),
                partial(_positive_matrix, x, n),
                ulps={0: 16, 1: 64, None: 512}[axis],
            )


def _matrix(x: str, n: int, rng: np.random.Generator) -> Arguments:
    low = 0 if x.startswith("u") or x == "int1" else -9
    data = whole(x, (8, 32), rng, low, 2 if x == "int1" else 10)
    return {"x_ptr": data, **outputs(), "R": 8, "C": 32, "N": n}


def _special_matrix(x: str, rng: np.random.Generator) -> Arguments:
    """Infinities, and NaNs, which the maximum of a row passes over."""
    made = _matrix(x, 32, rng)
    data = made["x_ptr"].data
    data[0], data[1, ::2], data[2, ::3], data[3:, :2] = np.nan, np.inf, -np.inf, np.nan
    data[:, 5] = np.inf
    return made


def _positive_matrix(x: str, n: int, rng: np.random.Generator) -> Arguments:
    return {**_matrix(x, n, rng), "x_ptr": uniform(x, (8, 32), rng, 0.1, 1)}


# --- shapes, memory, control flow -----------------------------------------------------------------

SHAPES = {
    "x[:, None] + y[None, :]": 1,
    "tl.expand_dims(x, 1) * tl.expand_dims(y, 0)": 1,
    "tl.broadcast_to(x[:, None], (16, 16))": 1,
    "tl.broadcast_to(y[None, :], 16, 16) - x[:, None]": 1,
    "tl.trans(x[:, None] - y[None, :])": 1,
    "(x[:, None] - y[None, :]).T": 1,
    "tl.permute(x[:, None] - y[None, :], (1, 0))": 1,
    "tl.trans(tl.reshape(x[:, None] - y[None, :], (4, 8, 8)), 2, 0, 1)": 1,
    "tl.reshape(x[:, None] - y[None, :], (32, 8))": 1,
    "(x[:, None] - y[None, :]).reshape(8, 32)": 1,
    "tl.view(x[:, None] - y[None, :], (64, 4))": 1,
    "tl.where(x[:, None] > y[None, :], x[:, None], -1)": 1,
    "tl.full((16, 16), 3, tl.int8)": 0,
    "tl.full((16, 16), 3.7, tl.float16)": 0,
    "tl.full((16, 16), 200, tl.uint8)": 0,
    "tl.full((16, 16), 1, tl.int1)": 0,
    "tl.zeros((16, 16), tl.float64)": 0,
    "tl.zeros((16, 16), dtype=tl.int64) + 2**40": 0,
    "tl.zeros_like(x[:, None] + y[None, :])": 0,
    "tl.arange(0, 16)[:, None] * 1000000000 + y[None, :] * 0": 1,
    "(tl.arange(0, 16) * 16)[:, None] + tl.arange(0, 16)[None, :]": 0,
    "(tl.arange(0, 16)[:, None] // 3) % 4 - tl.arange(0, 16)[None, :]": 0,
    "(tl.arange(0, 16)[:, None] - 8) // 3 + (tl.arange(0, 16)[None, :] - 8) % 3": 0,
    "tl.arange(0, 16)[:, None] << 30 | tl.arange(0, 16)[None, :]": 0,
    "(tl.arange(0, 16)[:, None] - 8 >> 1) ^ tl.arange(0, 16)[None, :]": 0,
    "tl.arange(0, 16).to(tl.int64)[:, None] * 1000000000 + tl.arange(0, 16)[None, :]": 0,
    "tl.arange(0, 16).to(tl.uint8)[:, None] - tl.arange(0, 16).to(tl.uint8)[None, :]": 0,
    "tl.arange(0, 16)[:, None] / 3 + tl.arange(0, 16)[None, :]": 0,
    "(tl.arange(0, 16)[:, None] < 5) & (tl.arange(0, 16)[None, :] >= 3)": 0,
    "tl.arange(0, 16)[:, None].to(tl.int8) * 30 + tl.arange(0, 16)[None, :].to(tl.int8)": 0,
    "tl.minimum(tl.arange(0, 16)[:, None], 5) + tl.maximum(tl.arange(0, 16)[None, :], 7)": 0,
}
GRID_OF_TWO = """
@jit
def kernel(x_ptr, y_ptr, out_ptr, kind_ptr, N: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, 16))
    y = tl.load(y_ptr + tl.arange(0, 16))
    value = {}
    record(out_ptr, kind_ptr, tl.reshape(value, (256,)), N)
"""


def shapes() -> Iterator[Case]:
    """Broadcasting, views, and arithmetic of index blocks."""
    for text in SHAPES:
        for dtype in ("int32", "float32") if SHAPES[text] else ("int32",):
            yield Case(f"shape/{text} {dtype}", GRID_OF_TWO.format(text), partial(_rows, dtype))


def _rows(dtype: str, rng: np.random.Generator) -> Arguments:
    x, y = whole(dtype, 16, rng, -9, 10), whole(dtype, 16, rng, -9, 10)
    return {"x_ptr": x, "y_ptr": y, **outputs(), "N": N}


BODIES = {
    "masked load": "v = tl.load(x_ptr + offs, mask=offs < n)",
    "masked load, other": "v = tl.load(x_ptr + offs, mask=offs < n, other=-5)",
    "masked load, other of a float": "v = tl.load(x_ptr + offs, mask=offs % 3 == 0, other=2.75)",
    "masked load, other a tile": (
        "v = tl.load(x_ptr + offs, mask=offs > n, other=tl.load(y_ptr + offs))"
    ),
    "gather": "v = tl.load(x_ptr + (offs * 7) % N)",
    "gather by a tile": "v = tl.load(x_ptr + tl.abs(tl.load(y_ptr + offs)).to(tl.int32))",
    "masked store": (
        "v = tl.load(x_ptr + offs)\n    tl.store(out2_ptr + offs, v * 2, mask=offs < n)"
    ),
    "scatter": "v = tl.load(x_ptr + offs)\n    tl.store(out2_ptr + (N - 1 - offs), v)",
    "store casts": "v = tl.load(x_ptr + offs)\n    tl.store(out3_ptr + offs, v * 10)",
    "store of a scalar": "v = offs\n    tl.store(out2_ptr + offs, 7, mask=offs >= n)",
    "store below a tile's mask": (
        "v = tl.load(x_ptr + offs)\n    tl.store(out2_ptr + offs, v, mask=v > 0)"
    ),
    "load of one element": "v = tl.load(x_ptr + 3) + offs",
    "loop, carried tile": (
        "v = tl.load(x_ptr + offs)\n    for i in range(n % 7):\n        v = v * 2 + i"
    ),
    "loop, carried scalar": (
        "s = 0\n    for i in range(0, n, 3):\n        s += i * i\n    v = offs + s"
    ),
    "loop down": "s = 1\n    for i in range(n, 0, -5):\n        s = s * 3 + i\n    v = offs + s",
    "loop of tl.range": "s = n\n    for i in tl.range(0, 5):\n        s += i\n    v = offs * s",
    "static_range": (
        "v = tl.load(x_ptr + offs)\n    for i in tl.static_range(1, 6, 2):\n        v += i * offs"
    ),
    "while": (
        "s = n\n    c = 0\n    while s > 1:\n        s = s // 2 if s % 2 == 0 else 3 * s + 1\n"
        "        c += 1\n    v = offs + c"
    ),
    "while on a loaded value": (
        "s = tl.load(y_ptr)\n    c = 0\n    while c < 20 and s < 100:\n"
        "        s = s * 2 + 1\n        c += 1\n    v = offs + c"
    ),
    "ternary": "v = offs * 2 if n > 100 else offs - 1",
    "ternary of constexpr": "v = offs * 2 if N > 100 else offs - 1",
    "if else": (
        "v = tl.load(x_ptr + offs)\n    if n > 50:\n        v += 1\n    else:\n        v -= 1"
    ),
    "if of a loaded value": (
        "v = offs\n    if tl.load(y_ptr + 1) > 0:\n        v = offs + 1\n"
        "    elif n > 3:\n        v = offs + 2"
    ),
    "early return": "v = offs\n    if n > 1000:\n        return",
    "constexpr": "K: tl.constexpr = N // 3 + 2**3 - 5 % 3\n    v = offs * K + (N / 2)",
    "constexpr of a negative": "K: tl.constexpr = -7 // 2\n    v = offs * K + (-7 % 3)",
    "scalar // and %": "v = offs + (n - 100) // 7 * 1000 + (n - 100) % 7",
    "scalar wraps": "v = offs + n * 2000000000",
    "cdiv": "v = offs + tl.cdiv(n, 16) * tl.cdiv(N, 100)",
    "float argument": "v = offs * f",
    "float argument alone": "g = f * 3\n    v = g + offs.to(tl.float64)",
    "float argument and float16": "v = tl.load(x_ptr + offs).to(tl.float16) * f",
    "math of a scalar": "v = offs.to(tl.float32) + tl.sqrt(f * f)",
    "min and max of scalars": "v = offs + min(n, 50) * max(n, 3)",
    "chained conditions": "v = offs\n    if 0 < n and not n > 900 or N == 3:\n        v = offs * 3",
    "tuple": "a, b = n + 1, n * 2\n    a, b = b, a\n    v = offs * a - b",
    "x += dot-like sum": "v = tl.zeros([N], tl.float32)\n    for i in range(3):\n"
    "        v += tl.load(x_ptr + offs) * i",
    "multiple_of": "v = tl.multiple_of(offs, 8) + tl.max_contiguous(offs, 8)",
    "int64 offsets": "v = tl.load(x_ptr + offs.to(tl.int64) * 1)",
    "pointer that advances": (
        "p = x_ptr + offs\n    v = tl.load(p)\n    for i in range(2):\n        p += 1\n"
        "        v += tl.load(p, mask=offs < N - 2, other=0)"
    ),
    "pointer differences": "v = (x_ptr + offs - 3 + 3).to(tl.int64) - x_ptr.to(tl.int64)",
}
CONTROL = """
@jit
def kernel(
    x_ptr, y_ptr, out2_ptr, out3_ptr, n, f, out_ptr, kind_ptr, N: tl.constexpr
):
    f = tl.to_tensor(f)
    offs = tl.arange(0, N)
    {}
    record(out_ptr, kind_ptr, v, N)
"""


def bodies() -> Iterator[Case]:
    """Memory and control flow."""
    for name, body in BODIES.items():
        for x in ("int32", "float32", "int8"):
            if x != "int32" and "x_ptr" not in body:
                continue
            if x == "int8" and name == "loop, carried tile":
                continue  # changes its dtype: Triton's compiler refuses, its interpreter does not
            yield Case(f"body/{name} {x}", CONTROL.format(body), partial(_body, x))


def _body(x: str, rng: np.random.Generator) -> Arguments:
    return {
        "x_ptr": whole(x, N, rng, -9, 10),
        "y_ptr": whole("int32", N, rng, 1, 90),
        "out2_ptr": Tensor(x, to_storage(np.zeros(N), x)),
        "out3_ptr": Tensor("int8", np.zeros(N, np.int8)),
        "n": 97,
        "f": 0.1,
        **outputs(),
        "N": N,
    }


DOT = """
@jit
def kernel(x_ptr, y_ptr, z_ptr, out_ptr, kind_ptr, M: tl.constexpr, K: tl.constexpr):
    m, k = tl.arange(0, M), tl.arange(0, K)
    x = tl.load(x_ptr + m[:, None] * K + k[None, :])
    y = tl.load(y_ptr + k[:, None] * M + m[None, :])
    z = tl.load(z_ptr + m[:, None] * M + m[None, :])
    record(out_ptr, kind_ptr, tl.reshape({}, (M * M,)), M * M)
"""


def dots() -> Iterator[Case]:
    """Matrix products: whole numbers are exact; random positive ones may differ by K roundings."""
    texts = (
        "tl.dot(x, y)",
        "tl.dot(x, y, acc=z, out_dtype=z.dtype)",
        "z + tl.dot(x, y)",
        "tl.dot(x, y, out_dtype=tl.float16)",
        "tl.dot(x, tl.trans(x))",
        "tl.dot(x, y, input_precision='ieee')",
    )
    for x, text in product(("float16", "float32", "float64", "int8", "uint8", "int32"), texts):
        acc = {"int8": "int32", "float64": "float64"}.get(x, "float32")
        yield Case(f"dot/{text} {x}", DOT.format(text), partial(_dot, x, acc, True))
    for x in ("float16", "float32"):
        for text in ("tl.dot(x, y)", "tl.dot(x, y, z)"):
            yield Case(
                f"dot/{text} random {x}",
                DOT.format(text),
                partial(_dot, x, "float32", False),
                ulps=64,
            )


def _dot(x: str, acc: str, exact: bool, rng: np.random.Generator) -> Arguments:
    low = 0 if x.startswith("u") else -4
    a, b = whole(x, (16, 32), rng, low, 5), whole(x, (32, 16), rng, low, 5)
    z = whole(acc, (16, 16), rng, -9, 10)
    if not exact:
        a, b = uniform(x, (16, 32), rng, 0.1, 1), uniform(x, (32, 16), rng, 0.1, 1)
        z = uniform(acc, (16, 16), rng, 0.1, 1)
    return {"x_ptr": a, "y_ptr": b, "z_ptr": z, **outputs(), "M": 16, "K": 32}


PROGRAMS = """
@jit
def kernel(out_ptr, B: tl.constexpr):
    i, j, k = tl.program_id(0), tl.program_id(1), tl.program_id(axis=2)
    ni, nj, nk = tl.num_programs(0), tl.num_programs(1), tl.num_programs(2)
    place = (i * nj + j) * nk + k
    offs = place * B + tl.arange(0, B)
    tl.store(out_ptr + offs, i * 1000000 + j * 10000 + k * 100 + ni + nj + nk + tl.arange(0, B))
"""
SOFTMAX = """
@jit
def kernel(x_ptr, out_ptr, stride, rows, columns, BLOCK: tl.constexpr):
    start, step = tl.program_id(0), tl.num_programs(0)
    for row in tl.range(start, rows, step):
        offs = tl.arange(0, BLOCK)
        mask = offs < columns
        x = tl.load(x_ptr + row * stride + offs, mask=mask, other=-float("inf"))
        numerator = tl.exp(x - tl.max(x, axis=0))
        tl.store(out_ptr + row * stride + offs, numerator / tl.sum(numerator, axis=0), mask=mask)
"""
LAYER_NORM = """
@jit
def kernel(x_ptr, out_ptr, w_ptr, b_ptr, out_mean_ptr, stride, N, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    out_ptr += row * stride
    x_ptr += row * stride
    total = tl.zeros([BLOCK], dtype=tl.float32)
    for off in range(0, N, BLOCK):
        cols = off + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + cols, mask=cols < N, other=0.).to(tl.float32)
    mean = tl.sum(total, axis=0) / N
    square = tl.zeros([BLOCK], dtype=tl.float32)
    for off in range(0, N, BLOCK):
        cols = off + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + cols, mask=cols < N, other=0.).to(tl.float32)
        x = tl.where(cols < N, x - mean, 0.)
        square += x * x
    rstd = 1 / tl.sqrt(tl.sum(square, axis=0) / N + eps)
    tl.store(out_mean_ptr + row, mean)
    for off in range(0, N, BLOCK):
        cols = off + tl.arange(0, BLOCK)
        mask = cols < N
        w = tl.load(w_ptr + cols, mask=mask)
        b = tl.load(b_ptr + cols, mask=mask)
        x = tl.load(x_ptr + cols, mask=mask, other=0.).to(tl.float32)
        tl.store(out_ptr + cols, (x - mean) * rstd * w + b, mask=mask)
"""
MATMUL = """
@jit
def kernel(a_ptr, b_ptr, out_ptr, M, N, K, B: tl.constexpr, G: tl.constexpr):
    pid = tl.program_id(axis=0)
    rows, columns = tl.cdiv(M, B), tl.cdiv(N, B)
    group = pid // (G * columns)
    first = group * G
    size = min(rows - first, G)
    i = first + ((pid % (G * columns)) % size)
    j = (pid % (G * columns)) // size
    m, n, k = (i * B + tl.arange(0, B)) % M, (j * B + tl.arange(0, B)) % N, tl.arange(0, B)
    a = a_ptr + (m[:, None] * K + k[None, :])
    b = b_ptr + (k[:, None] * N + n[None, :])
    acc = tl.zeros((B, B), dtype=tl.float32)
    for step in range(0, tl.cdiv(K, B)):
        x = tl.load(a, mask=k[None, :] < K - step * B, other=0.0)
        y = tl.load(b, mask=k[:, None] < K - step * B, other=0.0)
        acc = tl.dot(x, y, acc)
        a += B
        b += B * N
    m, n = i * B + tl.arange(0, B), j * B + tl.arange(0, B)
    c = out_ptr + N * m[:, None] + n[None, :]
    tl.store(c, acc.to(tl.float16), mask=(m[:, None] < M) & (n[None, :] < N))
"""


def tutorials() -> Iterator[Case]:
    """Whole kernels, as Triton's tutorials have them."""
    for grid in ((3, 4, 5), (7,), (2, 3)):
        yield Case(f"program/{grid}", PROGRAMS, _programs, grid)
    # exp within 4 ulps, a sum of 97 terms, one division; the sum dominates.
    yield Case("tutorial/softmax", SOFTMAX, _softmax, (4,), ulps=100)
    # (x - mean) cancels: bounded against 2, the size of x, not against the result.
    yield Case("tutorial/layer norm", LAYER_NORM, _layer_norm, (5,), ulps=128, scale=2)
    # Whole numbers: exact.
    yield Case("tutorial/matmul", MATMUL, _matmul, (9,))


def _programs(rng: np.random.Generator) -> Arguments:
    return {"out_ptr": Tensor("int32", np.zeros(480, np.int32)), "B": 8}


def _softmax(rng: np.random.Generator) -> Arguments:
    out = Tensor("float32", np.zeros((9, 97), np.float32))
    x = uniform("float32", (9, 97), rng, -4, 4)
    return {"x_ptr": x, "out_ptr": out, "stride": 97, "rows": 9, "columns": 97, "BLOCK": 128}


def _layer_norm(rng: np.random.Generator) -> Arguments:
    return {
        "x_ptr": uniform("float32", (5, 200), rng, -2, 2),
        "out_ptr": Tensor("float32", np.zeros((5, 200), np.float32)),
        "w_ptr": uniform("float32", 200, rng, 0, 1),
        "b_ptr": uniform("float32", 200, rng, 0, 1),
        "out_mean_ptr": Tensor("float32", np.zeros(5, np.float32)),
        "stride": 200,
        "N": 200,
        "eps": 1e-5,
        "BLOCK": 64,
    }


def _matmul(rng: np.random.Generator) -> Arguments:
    a, b = whole("float16", (40, 50), rng, -4, 5), whole("float16", (50, 45), rng, -4, 5)
    out = Tensor("float16", np.zeros((40, 45), np.float16))
    return {"a_ptr": a, "b_ptr": b, "out_ptr": out, "M": 40, "N": 45, "K": 50, "B": 16, "G": 2}
