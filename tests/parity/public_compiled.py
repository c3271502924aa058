"""Kernels as compilers and tutorials write them."""

from __future__ import annotations

import numpy as np
from case import Tensor
from public import floats, numbers, public, room

FUSED_LAYER_NORM = """
@jit
def welford_combine(mean_1, m2_1, weight_1, mean_2, m2_2, weight_2):
    delta = mean_2 - mean_1
    new_weight = weight_1 + weight_2
    w2_over_w = tl.where(new_weight == 0.0, 0.0, weight_2 / new_weight)
    return (mean_1 + delta * w2_over_w, m2_1 + m2_2 + delta * delta * weight_1 * w2_over_w,
            new_weight)

@jit
def welford_reduce(value, mean, m2, weight, first_iteration):
    if first_iteration:
        new_weight = tl.full(weight.shape, 1, weight.dtype)
        new_mean = value
        new_m2 = tl.zeros_like(m2)
    else:
        delta = value - mean
        new_weight = weight + 1
        new_mean = mean + delta / new_weight
        new_m2 = m2 + delta * (value - new_mean)
    return new_mean, new_m2, new_weight

@jit
def kernel(in_ptr0, in_ptr1, in_ptr2, out_ptr1, out_ptr2, xnumel, rnumel, XBLOCK: tl.constexpr,
           RBLOCK: tl.constexpr):
    xoffset = tl.program_id(0) * XBLOCK
    xindex = xoffset + tl.arange(0, XBLOCK)[:, None]
    xmask = xindex < xnumel
    rbase = tl.arange(0, RBLOCK)[None, :]
    x0 = xindex
    tmp3_mean = tl.zeros([XBLOCK, RBLOCK], tl.float32)
    tmp3_m2 = tl.zeros([XBLOCK, RBLOCK], tl.float32)
    tmp3_weight = tl.zeros([XBLOCK, RBLOCK], tl.float32)
    for roffset in range(0, rnumel, RBLOCK):
        rindex = roffset + rbase
        rmask = rindex < rnumel
        r1 = rindex
        tmp0 = tl.load(in_ptr0 + (r1 + (rnumel * x0)), rmask & xmask, eviction_policy='evict_last',
                       other=0.0).to(tl.float32)
        tmp2 = tl.broadcast_to(tmp0, [XBLOCK, RBLOCK])
        mean_next, m2_next, weight_next = welford_reduce(
            tmp2, tmp3_mean, tmp3_m2, tmp3_weight, roffset == 0)
        tmp3_mean = tl.where(rmask & xmask, mean_next, tmp3_mean)
        tmp3_m2 = tl.where(rmask & xmask, m2_next, tmp3_m2)
        tmp3_weight = tl.where(rmask & xmask, weight_next, tmp3_weight)
    mean, m2, weight = tl.reduce((tmp3_mean, tmp3_m2, tmp3_weight), 1, welford_combine)
    tmp3 = mean[:, None]
    tmp6 = tl.full([1, 1], 1e-05, tl.float64).to(tl.float32)
    rstd = tl.rsqrt(m2[:, None] / rnumel + tmp6)
    tl.store(out_ptr2 + x0, rstd, xmask)
    for roffset in range(0, rnumel, RBLOCK):
        rindex = roffset + rbase
        rmask = rindex < rnumel
        r1 = rindex
        tmp7 = tl.load(in_ptr0 + (r1 + (rnumel * x0)), rmask & xmask, eviction_policy='evict_first',
                       other=0.0).to(tl.float32)
        tmp16 = tl.load(in_ptr1 + r1, rmask, eviction_policy='evict_last', other=0.0)
        tmp19 = tl.load(in_ptr2 + r1, rmask, eviction_policy='evict_last', other=0.0)
        tmp9 = (tmp7 - tmp3) * rstd
        tl.store(out_ptr1 + (r1 + (rnumel * x0)), tmp9 * tmp16 + tmp19, rmask & xmask)
"""
BUCKETS_AND_CHECKED_INDICES = """
@jit
def bucketize(values, boundaries_ptr, N: tl.constexpr, SHAPE):
    low = tl.zeros(SHAPE, dtype=tl.int64)
    high = tl.full(SHAPE, N, dtype=tl.int64)
    full_range = N + 1
    while full_range > 1:
        mid = (high + low) // 2
        mask = mid < N
        bucket = tl.load(boundaries_ptr + mid, mask=mask, other=0.0)
        is_above = values > bucket
        low = tl.where(is_above & mask, mid + 1, low)
        high = tl.where(is_above, high, mid)
        full_range = (full_range + 1) // 2
    return low

@jit
def kernel(in_ptr0, boundaries, table, out_ptr0, out_ptr1, xnumel, N: tl.constexpr,
        XBLOCK: tl.constexpr):
    xoffset = tl.program_id(0) * XBLOCK
    xindex = xoffset + tl.arange(0, XBLOCK)[:]
    xmask = xindex < xnumel
    x0 = xindex
    tmp0 = tl.load(in_ptr0 + (x0), xmask)
    tmp1 = bucketize(tmp0, boundaries, N, [XBLOCK])
    tmp2 = tl.full([XBLOCK], N + 1, tl.int32)
    tmp3 = tmp1 + tmp2
    tmp4 = tmp1 < 0
    tmp5 = tl.where(tmp4, tmp3, tmp1)
    tl.device_assert(((0 <= tmp5) & (tmp5 < N + 1)) | ~(xmask),
            "index out of bounds: 0 <= tmp5 < N + 1")
    tmp7 = tl.load(table + (tmp5), xmask, eviction_policy='evict_last')
    tl.store(out_ptr0 + (x0), tmp1, xmask)
    tl.store(out_ptr1 + (x0), tmp7, xmask)
"""
PERSISTENT_MATMUL = """
@jit
def tile_of(tile_id, num_pid_in_group, num_pid_m, GROUP_M: tl.constexpr):
    group_id = tile_id // num_pid_in_group
    first_pid_m = group_id * GROUP_M
    group_size_m = min(num_pid_m - first_pid_m, GROUP_M)
    pid_m = first_pid_m + (tile_id % group_size_m)
    pid_n = (tile_id % num_pid_in_group) // group_size_m
    return pid_m, pid_n

@jit
def kernel(a_ptr, b_ptr, out, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
           GROUP_M: tl.constexpr, NUM_SMS: tl.constexpr):
    start_pid = tl.program_id(axis=0)
    num_pid_m = tl.cdiv(M, BM)
    num_pid_n = tl.cdiv(N, BN)
    k_tiles = tl.cdiv(K, BK)
    num_tiles = num_pid_m * num_pid_n
    tile_id_c = start_pid - NUM_SMS
    offs_k_for_mask = tl.arange(0, BK)
    num_pid_in_group = GROUP_M * num_pid_n
    for tile_id in tl.range(start_pid, num_tiles, NUM_SMS, flatten=True, warp_specialize=False,
                            disallow_acc_multi_buffer=True):
        pid_m, pid_n = tile_of(tile_id, num_pid_in_group, num_pid_m, GROUP_M)
        start_m = pid_m * BM
        start_n = pid_n * BN
        offs_am = start_m + tl.arange(0, BM)
        offs_bn = start_n + tl.arange(0, BN)
        offs_am = tl.where(offs_am < M, offs_am, 0)
        offs_bn = tl.where(offs_bn < N, offs_bn, 0)
        offs_am = tl.max_contiguous(tl.multiple_of(offs_am, BM), BM)
        offs_bn = tl.max_contiguous(tl.multiple_of(offs_bn, BN), BN)
        accumulator = tl.zeros((BM, BN), dtype=tl.float32)
        for ki in range(k_tiles):
            offs_k = ki * BK + tl.arange(0, BK)
            a = tl.load(a_ptr + (offs_am[:, None] * K + offs_k[None, :]),
                        mask=offs_k_for_mask[None, :] < K - ki * BK, other=0.0)
            b = tl.load(b_ptr + (offs_k[:, None] * N + offs_bn[None, :]),
                        mask=offs_k_for_mask[:, None] < K - ki * BK, other=0.0)
            accumulator = tl.dot(a, b, accumulator)
        tile_id_c += NUM_SMS
        pid_m, pid_n = tile_of(tile_id_c, num_pid_in_group, num_pid_m, GROUP_M)
        offs_cm = pid_m * BM + tl.arange(0, BM)
        acc = tl.reshape(accumulator, (BM, 2, BN // 2))
        acc = tl.permute(acc, (0, 2, 1))
        acc0, acc1 = tl.split(acc)
        for half in tl.static_range(2):
            offs_cn = pid_n * BN + half * (BN // 2) + tl.arange(0, BN // 2)
            c = (acc0 if half == 0 else acc1).to(out.dtype.element_ty)
            mask = (offs_cm[:, None] < M) & (offs_cn[None, :] < N)
            tl.store(out + N * offs_cm[:, None] + offs_cn[None, :], c, mask=mask)
"""


CASES = [
    public(
        "layer norm as a compiler fuses it",
        FUSED_LAYER_NORM,
        lambda rng: {
            "in_ptr0": floats((5, 40), rng),
            "in_ptr1": floats(40, rng),
            "in_ptr2": floats(40, rng),
            "out_ptr1": room((5, 40)),
            "out_ptr2": room(5),
            "xnumel": 5,
            "rnumel": 40,
            "XBLOCK": 4,
            "RBLOCK": 16,
        },
        grid=(2,),
        ulps=32,
        scale=1.0,
    ),
    public(
        "buckets, and indices that are checked",
        BUCKETS_AND_CHECKED_INDICES,
        lambda rng: {
            "in_ptr0": floats(50, rng),
            "boundaries": Tensor("float32", np.linspace(-0.9, 0.8, 11, dtype=np.float32)),
            "table": numbers(12, rng),
            "out_ptr0": room(50, "int64"),
            "out_ptr1": room(50),
            "xnumel": 50,
            "N": 11,
            "XBLOCK": 32,
        },
        grid=(2,),
    ),
    public(
        "persistent matmul with halves of tiles",
        PERSISTENT_MATMUL,
        lambda rng: {
            "a_ptr": numbers((50, 40), rng, "float16"),
            "b_ptr": numbers((40, 70), rng, "float16"),
            "out": room((50, 70), "float16"),
            "M": 50,
            "N": 70,
            "K": 40,
            "BM": 16,
            "BN": 32,
            "BK": 16,
            "GROUP_M": 2,
            "NUM_SMS": 3,
        },
        grid=(3,),
    ),
]
