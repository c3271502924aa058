# mypy: ignore-errors
# ruff: noqa: D103, SIM108
"""The built-in kernels: how elements, rows and tiles are walked; FN is what is computed.

Addresses are computed in 64 bits, so that tensors may be of any size.
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.language import jit


@jit
def read(source, offsets, mask, IS_NUMBER: tl.constexpr, VT: tl.constexpr, CT: tl.constexpr):
    """Read an operand: as VT, the type in which it meets the others, to compute with in CT."""
    if IS_NUMBER:
        return source.to(CT)
    else:
        return tl.load(source + offsets, mask).to(VT).to(CT)


@jit
def apply(x, b, c, b_offs, c_offs, mask, FN, ARITY, B_NUMBER, C_NUMBER, VT, CT):
    if ARITY == 1:
        return FN(x)
    elif ARITY == 2:
        return FN(x, read(b, b_offs, mask, B_NUMBER, VT, CT))
    else:
        y = read(b, b_offs, mask, B_NUMBER, VT, CT)
        return FN(x, y, read(c, c_offs, mask, C_NUMBER, VT, CT))


@jit
def flat(
    out, a, b, c, n,
    FN: tl.constexpr, ARITY: tl.constexpr,
    A_NUMBER: tl.constexpr, B_NUMBER: tl.constexpr, C_NUMBER: tl.constexpr,
    AVT: tl.constexpr, ACT: tl.constexpr, VT: tl.constexpr, CT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Element i of the result is that of the operands: all lie alike, without gaps."""
    offs = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    x = read(a, offs, mask, A_NUMBER, AVT, ACT)
    r = apply(x, b, c, offs, offs, mask, FN, ARITY, B_NUMBER, C_NUMBER, VT, CT)
    tl.store(out + offs, r, mask)


@jit
def strided(
    out, a, b, c,
    n0, n1, n2, n3, n4,
    o0, o1, o2, o3, o4,
    a0, a1, a2, a3, a4,
    b0, b1, b2, b3, b4,
    c0, c1, c2, c3, c4,
    FN: tl.constexpr, ARITY: tl.constexpr,
    A_NUMBER: tl.constexpr, B_NUMBER: tl.constexpr, C_NUMBER: tl.constexpr,
    AVT: tl.constexpr, ACT: tl.constexpr, VT: tl.constexpr, CT: tl.constexpr,
    ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """Operands with strides of their own over five dimensions; a tile covers the last two."""
    col_blocks = tl.cdiv(n4, COLS)
    row_blocks = tl.cdiv(n3, ROWS)
    pid = tl.program_id(0).to(tl.int64)
    col_block = pid % col_blocks
    pid = pid // col_blocks
    row_block = pid % row_blocks
    pid = pid // row_blocks
    i2 = pid % n2
    pid = pid // n2
    i1 = pid % n1
    i0 = pid // n1
    row = (row_block * ROWS + tl.arange(0, ROWS))[:, None]
    col = (col_block * COLS + tl.arange(0, COLS))[None, :]
    mask = (row < n3) & (col < n4)
    x = read(a, i0 * a0 + i1 * a1 + i2 * a2 + row * a3 + col * a4, mask, A_NUMBER, AVT, ACT)
    b_offs = i0 * b0 + i1 * b1 + i2 * b2 + row * b3 + col * b4
    c_offs = i0 * c0 + i1 * c1 + i2 * c2 + row * c3 + col * c4
    r = apply(x, b, c, b_offs, c_offs, mask, FN, ARITY, B_NUMBER, C_NUMBER, VT, CT)
    tl.store(out + i0 * o0 + i1 * o1 + i2 * o2 + row * o3 + col * o4, r, mask)


@jit
def fill(out, value, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + offs, tl.zeros((BLOCK,), tl.float32) + value, offs < n)


@jit
def rows_at(first, ROWS: tl.constexpr, n1, n2, s0, s1, s2):
    row = first + tl.arange(0, ROWS)
    return (row // (n1 * n2)) * s0 + (row // n2 % n1) * s1 + (row % n2) * s2


@jit
def reduce_rows(
    out, x, rows, cols, n1, n2, s0, s1, s2, sc, divisor,
    KIND: tl.constexpr, START: tl.constexpr, WT: tl.constexpr, FLOAT: tl.constexpr,
    ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """Fold each row into one number; the rows lie over three dimensions with strides."""
    first_row = tl.program_id(0).to(tl.int64) * ROWS
    row = first_row + tl.arange(0, ROWS)
    base = rows_at(first_row, ROWS, n1, n2, s0, s1, s2)
    live = row < rows
    acc = tl.full((ROWS, COLS), START, WT)
    for first in range(0, cols, COLS):
        col = first + tl.arange(0, COLS)
        mask = live[:, None] & (col < cols)[None, :]
        v = tl.load(x + base[:, None] + col[None, :] * sc, mask)
        if KIND == "sum" or KIND == "mean":
            acc += tl.where(mask, v.to(WT), 0)
        elif KIND == "prod":
            acc *= tl.where(mask, v.to(WT), 1)
        elif KIND == "any":
            acc = tl.maximum(acc, (mask & (v != 0)).to(WT))
        elif KIND == "all":
            acc = tl.minimum(acc, tl.where(mask, (v != 0).to(WT), 1))
        elif KIND == "count":
            acc += (mask & (v != 0)).to(WT)
        elif KIND == "max":
            v = tl.where(mask, v.to(WT), START)
            acc = tl.where(acc != acc, acc, tl.where(v != v, v, tl.maximum(acc, v)))
        else:
            v = tl.where(mask, v.to(WT), START)
            acc = tl.where(acc != acc, acc, tl.where(v != v, v, tl.minimum(acc, v)))
    if KIND == "max" or KIND == "any":
        r = tl.max(tl.where(acc != acc, START, acc), axis=1)
    elif KIND == "min" or KIND == "all":
        r = tl.min(tl.where(acc != acc, START, acc), axis=1)
    else:
        r = tl.sum(acc, axis=1)
    if (KIND == "max" or KIND == "min") and FLOAT:
        r = tl.where(tl.max((acc != acc).to(tl.int32), axis=1) != 0, float("nan"), r)
    if KIND == "mean":
        r = r / divisor.to(WT)
    tl.store(out + row, r, live)


@jit
def find_rows(
    out, x, rows, cols, n1, n2, s0, s1, s2, sc,
    SMALLEST: tl.constexpr, START: tl.constexpr, WT: tl.constexpr,
    ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """Find each row's greatest (smallest) element: the first of equals; NaN is greater."""
    first_row = tl.program_id(0).to(tl.int64) * ROWS
    row = first_row + tl.arange(0, ROWS)
    base = rows_at(first_row, ROWS, n1, n2, s0, s1, s2)
    live = row < rows
    best = tl.full((ROWS,), START, WT)
    place = tl.full((ROWS,), 0, tl.int64)
    nan_seen = tl.full((ROWS,), 0, tl.int32)
    for first in range(0, cols, COLS):
        col = first + tl.arange(0, COLS)
        mask = live[:, None] & (col < cols)[None, :]
        v = tl.load(x + base[:, None] + col[None, :] * sc, mask).to(WT)
        is_nan = (mask & (v != v)).to(tl.int32)
        has_nan = tl.max(is_nan, axis=1)
        nan_at = tl.argmax(is_nan, axis=1).to(tl.int64) + first
        v = tl.where(mask & (v == v), v, START)
        if SMALLEST:
            top = tl.min(v, axis=1)
            at = tl.argmin(v, axis=1).to(tl.int64) + first
            better = top < best
        else:
            top = tl.max(v, axis=1)
            at = tl.argmax(v, axis=1).to(tl.int64) + first
            better = top > best
        take = better & (nan_seen == 0)
        place = tl.where((has_nan != 0) & (nan_seen == 0), nan_at, tl.where(take, at, place))
        best = tl.where(take, top, best)
        nan_seen = tl.maximum(nan_seen, has_nan)
    tl.store(out + row, place, live)


@jit
def scan_rows(
    out, x, rows, cols, n1, n2, s0, s1, s2, sc, o0, o1, o2, oc,
    PRODUCT: tl.constexpr, WT: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Write running sums, or products, along each row."""
    first_row = tl.program_id(0).to(tl.int64) * ROWS
    live = first_row + tl.arange(0, ROWS) < rows
    source = x + rows_at(first_row, ROWS, n1, n2, s0, s1, s2)
    target = out + rows_at(first_row, ROWS, n1, n2, o0, o1, o2)
    acc = tl.full((ROWS,), 1 if PRODUCT else 0, WT)
    for col in range(0, cols):
        v = tl.load(source + col * sc, live).to(WT)
        acc = acc * v if PRODUCT else acc + v
        tl.store(target + col * oc, acc, live)


@jit
def softmax_rows(
    out, x, rows, cols, n1, n2, s0, s1, s2, sc, o0, o1, o2, oc,
    LOG: tl.constexpr, WT: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """Exponentials of each row over their sum, or the logarithm of that."""
    first_row = tl.program_id(0).to(tl.int64) * ROWS
    row = first_row + tl.arange(0, ROWS)
    source = x + rows_at(first_row, ROWS, n1, n2, s0, s1, s2)[:, None]
    target = out + rows_at(first_row, ROWS, n1, n2, o0, o1, o2)[:, None]
    live = (row < rows)[:, None]
    top = tl.full((ROWS,), float("-inf"), WT)
    for first in range(0, cols, COLS):
        col = (first + tl.arange(0, COLS))[None, :]
        mask = live & (col < cols)
        v = tl.load(source + col * sc, mask, other=float("-inf")).to(WT)
        top = tl.maximum(top, tl.max(v, axis=1))
    total = tl.full((ROWS,), 0.0, WT)
    for first in range(0, cols, COLS):
        col = (first + tl.arange(0, COLS))[None, :]
        mask = live & (col < cols)
        v = tl.load(source + col * sc, mask, other=float("-inf")).to(WT)
        total += tl.sum(tl.exp(v - top[:, None]), axis=1)
    for first in range(0, cols, COLS):
        col = (first + tl.arange(0, COLS))[None, :]
        mask = live & (col < cols)
        v = tl.load(source + col * sc, mask, other=float("-inf")).to(WT) - top[:, None]
        if LOG:
            r = v - tl.log(total)[:, None]
        else:
            r = tl.exp(v) / total[:, None]
        tl.store(target + col * oc, r, mask)


@jit
def norm_rows(
    out, mean_out, rstd_out, x, weight, bias, rows, cols, eps,
    HAS_WEIGHT: tl.constexpr, HAS_BIAS: tl.constexpr, CENTRED: tl.constexpr,
    WT: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """Layer norm (or, not centred, RMS norm) of dense rows."""
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    live = (row < rows)[:, None]
    source = x + (row * cols)[:, None]
    target = out + (row * cols)[:, None]
    total = tl.full((ROWS,), 0.0, WT)
    if CENTRED:
        for first in range(0, cols, COLS):
            col = (first + tl.arange(0, COLS))[None, :]
            mask = live & (col < cols)
            total += tl.sum(tl.load(source + col, mask, other=0.0).to(WT), axis=1)
    mean = total / cols.to(WT)
    squares = tl.full((ROWS,), 0.0, WT)
    for first in range(0, cols, COLS):
        col = (first + tl.arange(0, COLS))[None, :]
        mask = live & (col < cols)
        v = tl.load(source + col, mask, other=0.0).to(WT) - mean[:, None]
        v = tl.where(mask, v, 0.0)
        squares += tl.sum(v * v, axis=1)
    rstd = 1.0 / tl.sqrt(squares / cols.to(WT) + eps.to(WT))
    for first in range(0, cols, COLS):
        col = (first + tl.arange(0, COLS))[None, :]
        mask = live & (col < cols)
        v = tl.load(source + col, mask, other=0.0).to(WT)
        v = (v - mean[:, None]) * rstd[:, None]
        if HAS_WEIGHT:
            v = v * tl.load(weight + col, col < cols).to(WT)
        if HAS_BIAS:
            v = v + tl.load(bias + col, col < cols).to(WT)
        tl.store(target + col, v, mask)
    tl.store(mean_out + row, mean, row < rows)
    tl.store(rstd_out + row, rstd, row < rows)


@jit
def gemm(
    out, a, b, m, n, k, ab, am, ak, bb, bk, bn, ob, om, on,
    ACC: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
):  # fmt: skip
    """``out[i] = a[i] @ b[i]`` with strides of their own."""
    pid = tl.program_id(0).to(tl.int64)
    blocks_n = tl.cdiv(n, BN)
    blocks_m = tl.cdiv(m, BM)
    col_block = pid % blocks_n
    pid = pid // blocks_n
    row_block = pid % blocks_m
    batch = pid // blocks_m
    row = (row_block * BM + tl.arange(0, BM))[:, None]
    col = (col_block * BN + tl.arange(0, BN))[None, :]
    kr = tl.arange(0, BK)
    a_at = a + batch * ab + row * am + kr[None, :] * ak
    b_at = b + batch * bb + kr[:, None] * bk + col * bn
    acc = tl.zeros((BM, BN), dtype=ACC)
    for start in range(0, k, BK):
        left = k - start
        x = tl.load(a_at, mask=(row < m) & (kr[None, :] < left), other=0)
        y = tl.load(b_at, mask=(kr[:, None] < left) & (col < n), other=0)
        acc = tl.dot(x, y, acc)
        a_at += BK * ak
        b_at += BK * bk
    tl.store(out + batch * ob + row * om + col * on, acc, mask=(row < m) & (col < n))


@jit
def place_of(offs, n1, n2, n3, s0, s1, s2, s3):
    rest = offs // n3
    d3 = offs % n3
    d2 = rest % n2
    rest = rest // n2
    return (rest // n1) * s0 + (rest % n1) * s1 + d2 * s2 + d3 * s3


@jit(debug=True)
def take_rows(
    out, x, index, count, size, n1, n2, n3, i0, i1, i2, i3, x0, x1, x2, x3, o0, o1, o2, o3,
    step, WRAP: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """``out[j] = x[j, with one dimension's place given by index[j]]``: gather, index_select."""
    offs = tl.program_id(0).to(tl.int64) * COLS + tl.arange(0, COLS)
    mask = offs < count
    at = tl.load(index + place_of(offs, n1, n2, n3, i0, i1, i2, i3), mask, other=0).to(tl.int64)
    if WRAP:
        at = tl.where(at < 0, at + size, at)
    tl.device_assert((at >= 0) & (at < size), "index out of bounds")
    v = tl.load(x + (place_of(offs, n1, n2, n3, x0, x1, x2, x3) + at * step), mask)
    tl.store(out + place_of(offs, n1, n2, n3, o0, o1, o2, o3), v, mask)


@jit(debug=True)
def put_rows(
    x, value, index, count, size, n1, n2, n3, i0, i1, i2, i3, x0, x1, x2, x3, v0, v1, v2, v3,
    step, IS_NUMBER: tl.constexpr, CT: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """``x[j, with one dimension's place given by index[j]] = value[j]``: scatter."""
    offs = tl.program_id(0).to(tl.int64) * COLS + tl.arange(0, COLS)
    mask = offs < count
    at = tl.load(index + place_of(offs, n1, n2, n3, i0, i1, i2, i3), mask, other=0).to(tl.int64)
    at = tl.where(at < 0, at + size, at)
    tl.device_assert((at >= 0) & (at < size), "index out of bounds")
    if IS_NUMBER:
        v = tl.zeros((COLS,), CT) + value.to(CT)
    else:
        v = tl.load(value + place_of(offs, n1, n2, n3, v0, v1, v2, v3), mask)
    tl.store(x + (place_of(offs, n1, n2, n3, x0, x1, x2, x3) + at * step), v, mask)


@jit(debug=True)
def fold_rows(
    x, value, index, rows, count, size, n1, n2, n3,
    i0, i1, i2, i3, x0, x1, x2, x3, v0, v1, v2, v3, index_step, value_step, step,
    FN: tl.constexpr, IS_NUMBER: tl.constexpr, CT: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    """Fold values into the elements that an index names, row after row of the index."""
    offs = tl.program_id(0).to(tl.int64) * COLS + tl.arange(0, COLS)
    mask = offs < count
    index_at = place_of(offs, n1, n2, n3, i0, i1, i2, i3)
    x_at = place_of(offs, n1, n2, n3, x0, x1, x2, x3)
    value_at = place_of(offs, n1, n2, n3, v0, v1, v2, v3)
    for row in range(0, rows):
        at = tl.load(index + row * index_step + index_at, mask, other=0).to(tl.int64)
        at = tl.where(at < 0, at + size, at)
        tl.device_assert((at >= 0) & (at < size), "index out of bounds")
        target = x + (x_at + at * step)
        if IS_NUMBER:
            v = tl.zeros((COLS,), CT) + value.to(CT)
        else:
            v = tl.load(value + row * value_step + value_at, mask).to(CT)
        tl.store(target, FN(tl.load(target, mask).to(CT), v), mask)
