"""Weights and activations in few bits: how they are packed, scaled and unpacked."""

from __future__ import annotations

import numpy as np
from case import Tensor
from public import floats, indices, numbers, public, room

AWQ_BY_INTERLEAVING = """
@jit
def kernel(qweight_ptr, scales_ptr, zeros_ptr, group_size, out, num_cols, num_rows,
           BX: tl.constexpr, BY: tl.constexpr):
    pid_x = tl.program_id(axis=0)
    pid_y = tl.program_id(axis=1)
    offsets_y = pid_y * BY + tl.arange(0, BY)
    offsets_x = pid_x * BX + tl.arange(0, BX)
    offsets = num_cols * offsets_y[:, None] + offsets_x[None, :]
    masks = (offsets_y < num_rows)[:, None] & (offsets_x < num_cols)[None, :]
    result_x = pid_x * BX * 8 + tl.arange(0, BX * 8)
    result_offsets = 8 * num_cols * offsets_y[:, None] + result_x[None, :]
    result_masks = (offsets_y < num_rows)[:, None] & (result_x < num_cols * 8)[None, :]
    iweights = tl.load(qweight_ptr + offsets, masks, 0.0)
    iweights = tl.interleave(iweights, iweights)
    iweights = tl.interleave(iweights, iweights)
    iweights = tl.interleave(iweights, iweights)
    reverse_order = ((tl.arange(0, 2) * 4)[None, :] + tl.arange(0, 4)[:, None]).reshape(8)
    shifts = reverse_order * 4
    shifts = tl.broadcast_to(shifts[None, :], (BY * BX, 8))
    shifts = tl.reshape(shifts, (BY, BX * 8))
    iweights = (iweights >> shifts) & 0xF
    zero_y = pid_y * BY // group_size + tl.arange(0, 1)
    zero_offsets = num_cols * zero_y[:, None] + offsets_x[None, :]
    zeros = tl.load(zeros_ptr + zero_offsets, (offsets_x < num_cols)[None, :], 0.0)
    zeros = tl.interleave(zeros, zeros)
    zeros = tl.interleave(zeros, zeros)
    zeros = tl.interleave(zeros, zeros)
    zeros = tl.broadcast_to(zeros, (BY, BX * 8))
    zeros = (zeros >> shifts) & 0xF
    scale_offsets = num_cols * 8 * zero_y[:, None] + result_x[None, :]
    scales = tl.load(scales_ptr + scale_offsets, (result_x < num_cols * 8)[None, :], 0.0)
    scales = tl.broadcast_to(scales, (BY, BX * 8))
    iweights = (iweights - zeros) * scales
    iweights = iweights.to(out.type.element_ty)
    tl.store(out + result_offsets, iweights, result_masks)
"""
GPTQ_IN_ACT_ORDER = """
@jit
def kernel(a_ptr, b_ptr, out, scales_ptr, zeros_ptr, g_ptr, M, N, K, bits: tl.constexpr, maxq,
           BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP_M: tl.constexpr):
    infearure_per_bits: tl.constexpr = 32 // bits
    pid = tl.program_id(axis=0)
    num_pid_m = tl.cdiv(M, BM)
    num_pid_n = tl.cdiv(N, BN)
    num_pid_k = tl.cdiv(K, BK)
    num_pid_in_group = GROUP_M * num_pid_n
    group_id = pid // num_pid_in_group
    first_pid_m = group_id * GROUP_M
    group_size_m = min(num_pid_m - first_pid_m, GROUP_M)
    pid_m = first_pid_m + (pid % group_size_m)
    pid_n = (pid % num_pid_in_group) // group_size_m
    offs_am = pid_m * BM + tl.arange(0, BM)
    offs_bn = pid_n * BN + tl.arange(0, BN)
    offs_k = tl.arange(0, BK)
    a_ptrs = a_ptr + (offs_am[:, None] * K + offs_k[None, :])
    a_mask = offs_am[:, None] < M
    b_ptrs = b_ptr + ((offs_k[:, None] // infearure_per_bits) * N + offs_bn[None, :])
    g_ptrs = g_ptr + offs_k
    scales_ptrs = scales_ptr + offs_bn[None, :]
    zeros_ptrs = zeros_ptr + (offs_bn[None, :] // infearure_per_bits)
    shifter = (offs_k % infearure_per_bits) * bits
    zeros_shifter = (offs_bn % infearure_per_bits) * bits
    accumulator = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, num_pid_k):
        g_idx = tl.load(g_ptrs)
        scales = tl.load(scales_ptrs + g_idx[:, None] * N)
        zeros = tl.load(zeros_ptrs + g_idx[:, None] * (N // infearure_per_bits))
        zeros = (zeros >> zeros_shifter[None, :]) & maxq
        zeros = zeros + 1
        a = tl.load(a_ptrs, mask=a_mask, other=0.0)
        b = tl.load(b_ptrs)
        b = (b >> shifter[:, None]) & maxq
        b = (b - zeros) * scales
        accumulator += tl.dot(a, b.to(a.dtype))
        a_ptrs += BK
        b_ptrs += (BK // infearure_per_bits) * N
        g_ptrs += BK
    c_ptrs = out + N * offs_am[:, None] + offs_bn[None, :]
    c_mask = (offs_am[:, None] < M) & (offs_bn[None, :] < N)
    tl.store(c_ptrs, accumulator, mask=c_mask)
"""
NORMAL_FLOAT_4 = """
@jit
def value_of(code, table):
    low = tl.where(code < 4, tl.where(code < 2, tl.where(code == 0, -1.0, -0.6961928009986877),
                                      tl.where(code == 2, -0.5250730514526367,
                                              -0.39491748809814453)),
                   tl.where(code < 6, tl.where(code == 4, -0.28444138169288635,
                           -0.18477343022823334),
                            tl.where(code == 6, -0.09105003625154495, 0.0)))
    return tl.where(code < 8, low, tl.load(table + code, mask=code >= 8, other=0.0))

@jit
def kernel(packed, absmax_q, codebook, absmax2, offset, table, out, n, BLOCKSIZE: tl.constexpr,
           NESTED: tl.constexpr, B: tl.constexpr):
    at = tl.program_id(0) * B + tl.arange(0, B)
    mask = at < n // 2
    byte = tl.load(packed + at, mask=mask, other=0)
    block = (at * 2) // BLOCKSIZE
    q = tl.load(absmax_q + block, mask=mask, other=0, eviction_policy="evict_last")
    scale = tl.load(codebook + q.to(tl.int32), mask=mask, other=0.0)
    scale = scale * tl.load(absmax2 + block // NESTED, mask=mask, other=0.0) + tl.load(offset)
    high = value_of(byte >> 4, table) * scale
    low = value_of(byte & 0xF, table) * scale
    both = tl.join(high, low).reshape(2 * B)
    to = tl.program_id(0) * B * 2 + tl.arange(0, 2 * B)
    tl.store(out + to, both.to(tl.float16), mask=to < n)
"""
GROUPS_OF_A_TOKEN_IN_FP8 = """
@jit
def kernel(y_ptr, out_q, out_s, group_size, y_num_columns, y_row_stride, eps, fp8_min, fp8_max,
           UE8M0: tl.constexpr, B: tl.constexpr):
    groups_per_row = y_num_columns // group_size
    g_id = tl.program_id(0)
    row = g_id // groups_per_row
    row_g_id = g_id % groups_per_row
    y_ptr_offset = (row.to(tl.int64) * y_row_stride) + (row_g_id.to(tl.int64) * group_size)
    y_ptr += y_ptr_offset
    out_q += g_id.to(tl.int64) * group_size
    out_s += g_id
    cols = tl.arange(0, B)
    mask = cols < group_size
    y = tl.load(y_ptr + cols, mask=mask, other=0.0).to(tl.float32)
    _absmax = tl.maximum(tl.max(tl.abs(y)), eps)
    scale_raw = _absmax * (1.0 / fp8_max)
    y_s = tl.math.exp2(tl.ceil(tl.log2(scale_raw))) if UE8M0 else scale_raw
    y_q = tl.clamp(y / y_s, fp8_min, fp8_max)
    tl.store(out_q + cols, y_q, mask=mask)
    tl.store(out_s, y_s)
"""
MICROSCALED_FP4 = """
@jit
def kernel(x_ptr, out_packed, out_scale, M, K: tl.constexpr, BM: tl.constexpr):
    GROUP: tl.constexpr = 32
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    k = tl.arange(0, K)
    x = tl.load(x_ptr + rows[:, None] * K + k[None, :], mask=(rows < M)[:, None], other=0.0)
    groups = tl.reshape(x, [BM, K // GROUP, GROUP])
    biggest = tl.max(tl.abs(groups), axis=2, keep_dims=True)
    e = ((biggest / 6.0).to(tl.uint32, bitcast=True) + 0x007FFFFF) & 0x7F800000
    scale = e.to(tl.float32, bitcast=True)
    inverse = tl.where(scale == 0, 0.0, 1.0 / scale)
    bits = (groups * inverse).to(tl.uint32, bitcast=True)
    sign = bits & 0x80000000
    magnitude = bits & 0x7FFFFFFF
    small = magnitude < 0x3F800000
    exponents = (magnitude >> 23) & 0xFF
    mantissas = magnitude & 0x7FFFFF
    adjusted = tl.core.sub(127, exponents + 1, sanitize_overflow=False)
    mantissas = tl.where(exponents < 127, (0x400000 | (mantissas >> 1)) >> adjusted, mantissas)
    exponents = tl.maximum(exponents, 126) - 126
    e2m1 = tl.minimum((((exponents << 2) | (mantissas >> 21)) + 1) >> 1, 0x7)
    e2m1 = ((sign >> 28) | e2m1).to(tl.uint8)
    e2m1 = tl.reshape(e2m1, [BM, K // 2, 2])
    low, high = tl.split(e2m1)
    half = tl.arange(0, K // 2)
    tl.store(out_packed + rows[:, None] * (K // 2) + half[None, :], low | (high << 4),
             mask=(rows < M)[:, None])
    s = tl.reshape((e >> 23).to(tl.uint8), [BM, K // GROUP])
    g = tl.arange(0, K // GROUP)
    tl.store(out_scale + rows[:, None] * (K // GROUP) + g[None, :], s, mask=(rows < M)[:, None])
"""
TERNARY_WEIGHTS = """
@jit
def kernel(a_ptr, w_ptr, out, scale, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    rn = tl.program_id(1) * BN + tl.arange(0, BN)
    rk = tl.arange(0, BK)
    acc = tl.zeros((BM, BN), dtype=tl.int32)
    quarter = K // 4
    for i in tl.static_range(4):
        for k in range(0, quarter, BK):
            a = tl.load(a_ptr + rm[:, None] * K + i * quarter + k + rk[None, :],
                        mask=(rm < M)[:, None] & (k + rk < quarter)[None, :], other=0)
            b = tl.load(w_ptr + (k + rk)[:, None] * N + rn[None, :],
                        mask=(k + rk < quarter)[:, None] & (rn < N)[None, :], other=0x55)
            w = (b & (3 << (2 * i))) >> (2 * i)
            acc += tl.dot(a, w.to(tl.int8) - 1, out_dtype=tl.int32)
    c = acc.to(tl.float32) * tl.load(scale)
    tl.store(out + rm[:, None] * N + rn[None, :], c, mask=(rm < M)[:, None] & (rn < N)[None, :])
"""


def packed(shape, rng, dtype="int32"):
    """Return random words."""
    info = np.iinfo(dtype)
    return Tensor(dtype, rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True))


CASES = [
    public(
        "awq weights by interleaving",
        AWQ_BY_INTERLEAVING,
        lambda rng: {
            "qweight_ptr": packed((16, 8), rng),
            "scales_ptr": floats((2, 64), rng, "float16"),
            "zeros_ptr": packed((2, 8), rng),
            "group_size": 8,
            "out": room((16, 64), "float16"),
            "num_cols": 8,
            "num_rows": 16,
            "BX": 4,
            "BY": 8,
        },
        grid=(2, 2),
    ),
    public(
        "gptq weights in act order",
        GPTQ_IN_ACT_ORDER,
        lambda rng: {
            "a_ptr": numbers((20, 64), rng, "float16"),
            "b_ptr": packed((8, 32), rng),
            "out": room((20, 32), "float16"),
            "scales_ptr": numbers((4, 32), rng, "float16"),
            "zeros_ptr": packed((4, 4), rng),
            "g_ptr": indices(rng.integers(0, 4, 64)),
            "M": 20,
            "N": 32,
            "K": 64,
            "bits": 4,
            "maxq": 15,
            "BM": 16,
            "BN": 16,
            "BK": 32,
            "GROUP_M": 2,
        },
        grid=(4,),
    ),
    public(
        "normal float 4 with nested scales",
        NORMAL_FLOAT_4,
        lambda rng: {
            "packed": packed(100, rng, "uint8"),
            "absmax_q": packed(4, rng, "uint8"),
            "codebook": floats(256, rng),
            "absmax2": floats(2, rng),
            "offset": floats(1, rng),
            "table": floats(16, rng),
            "out": room(200, "float16"),
            "n": 200,
            "BLOCKSIZE": 64,
            "NESTED": 2,
            "B": 64,
        },
        grid=(2,),
        ulps=1,
    ),
    *(
        public(
            f"groups of a token in fp8, {'powers of two' if power else 'any scale'}",
            GROUPS_OF_A_TOKEN_IN_FP8,
            lambda rng, power=power: {
                "y_ptr": floats((3, 128), rng, "float32", -9, 9),
                "out_q": room((3, 128)),
                "out_s": room((3, 2)),
                "group_size": 64,
                "y_num_columns": 128,
                "y_row_stride": 128,
                "eps": 1e-10,
                "fp8_min": -448.0,
                "fp8_max": 448.0,
                "UE8M0": power,
                "B": 64,
            },
            grid=(6,),
            ulps=4,
        )
        for power in (False, True)
    ),
    public(
        "microscaled fp4 by its bits",
        MICROSCALED_FP4,
        lambda rng: {
            "x_ptr": floats((6, 64), rng, "float32", -7, 7),
            "out_packed": room((6, 32), "uint8"),
            "out_scale": room((6, 2), "uint8"),
            "M": 6,
            "K": 64,
            "BM": 4,
        },
        grid=(2,),
    ),
    public(
        "ternary weights, four in a byte",
        TERNARY_WEIGHTS,
        lambda rng: {
            "a_ptr": packed((20, 128), rng, "int8"),
            "w_ptr": packed((32, 32), rng, "uint8"),
            "out": room((20, 32)),
            "scale": floats(1, rng),
            "M": 20,
            "N": 32,
            "K": 128,
            "BM": 16,
            "BN": 16,
            "BK": 32,
        },
        grid=(2, 2),
    ),
]
