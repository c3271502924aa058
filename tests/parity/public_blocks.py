"""Kernels with block pointers and tensor descriptors."""

from __future__ import annotations

from public import numbers, public, room

BLOCK_POINTER_MATMUL = """
@jit
def kernel(
    a_ptr,
    b_ptr,
    out,
    M,
    N,
    K,
    sam,
    sak,
    sbk,
    sbn,
    BM: tl.constexpr,
    BN: tl.constexpr,
    BK: tl.constexpr,
):
    pid_m, pid_n = tl.program_id(0), tl.program_id(1)
    a = tl.make_block_ptr(
        base=a_ptr,
        shape=(M, K),
        strides=(sam, sak),
        offsets=(pid_m * BM, 0),
        block_shape=(BM, BK),
        order=(1, 0),
    )
    b = tl.make_block_ptr(
        base=b_ptr,
        shape=(K, N),
        strides=(sbk, sbn),
        offsets=(0, pid_n * BN),
        block_shape=(BK, BN),
        order=(1, 0),
    )
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        x = tl.load(a, boundary_check=(0, 1), padding_option="zero")
        y = tl.load(b, boundary_check=(0, 1))
        acc += tl.dot(x, y)
        a = tl.advance(a, (0, BK))
        b = tl.advance(b, [BK, 0])
    c = tl.make_block_ptr(
        base=out,
        shape=(M, N),
        strides=(N, 1),
        offsets=(pid_m * BM, pid_n * BN),
        block_shape=(BM, BN),
        order=(1, 0),
    )
    tl.store(c, acc.to(out.dtype.element_ty), boundary_check=(0, 1))
"""
BLOCK_POINTERS_IN_A_HELPER = """
@jit
def load_if(p, CHECK: tl.constexpr):
    if CHECK:
        return tl.load(p, boundary_check=(0,), padding_option="zero")
    else:
        return tl.load(p)


@jit
def kernel(x_ptr, out, T, D: tl.constexpr, BT: tl.constexpr):
    p_x = tl.make_block_ptr(x_ptr, (T, D), (D, 1), (0, 0), (BT, D), (1, 0))
    p_o = tl.make_block_ptr(out, (T, D), (D, 1), (0, 0), (BT, D), (1, 0))
    h = tl.zeros((D,), tl.float32)
    for i in range(0, tl.cdiv(T, BT)):
        x = load_if(p_x, True)
        o = tl.cumsum(x, axis=0) + h[None, :]
        tl.store(p_o, o.to(p_o.dtype.element_ty), boundary_check=(0, 1))
        h += tl.sum(x, axis=0)
        p_x = tl.advance(p_x, (BT, 0))
        p_o = p_o.advance((BT, 0))
"""
BLOCK_POINTER_PADDING_AND_ORDERS = """
@jit
def kernel(x_ptr, out, out2, M, N, BM: tl.constexpr, BN: tl.constexpr):
    i = tl.program_id(0)
    p = tl.make_block_ptr(
        x_ptr, shape=[M, N], strides=[1, M], offsets=[i * BM, 0], block_shape=[BM, BN], order=[0, 1]
    )
    o = tl.make_block_ptr(out, (4 * BM, BN), (BN, 1), (i * BM, 0), (BM, BN), (1, 0))
    x = tl.load(p, boundary_check=[0, 1], padding_option="zero")
    tl.store(o, x)
    q = tl.advance(p, (0, -2))
    y = tl.load(q, boundary_check=(1, 0), padding_option="zero")
    tl.store(
        tl.make_block_ptr(out2, (4 * BM, BN), (BN, 1), (i * BM, 0), (BM, BN), (1, 0)),
        y,
        boundary_check=(0,),
    )
"""
BLOCK_POINTERS_ONE_DIMENSION_AND_IF = """
@jit
def kernel(x_ptr, y_ptr, out, n, flip, B: tl.constexpr):
    if flip > 0:
        p = tl.make_block_ptr(x_ptr, (n,), (1,), (0,), (B,), (0,))
    else:
        p = tl.make_block_ptr(y_ptr, (n,), (1,), (B,), (B,), (0,))
    o = tl.make_block_ptr(out, (n,), (1,), (0,), (B,), (0,))
    while n > 0:
        tl.store(o, tl.load(p, boundary_check=(0,)).to(out.dtype.element_ty), boundary_check=(0,))
        p = tl.advance(p, (B,))
        o = tl.advance(o, [B])
        n -= B
"""
TENSOR_DESCRIPTORS_MATMUL = """
@jit
def kernel(a_ptr, b_ptr, out, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    a_desc = tl.make_tensor_descriptor(a_ptr, shape=[M, K], strides=[K, 1], block_shape=[BM, BK])
    b_desc = tl.make_tensor_descriptor(b_ptr, shape=[N, K], strides=[K, 1], block_shape=[BN, BK])
    c_desc = tl.make_tensor_descriptor(out, shape=[M, N], strides=[N, 1], block_shape=[BM, BN])
    off_m, off_n = tl.program_id(0) * BM, tl.program_id(1) * BN
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(tl.cdiv(K, BK)):
        a = a_desc.load([off_m, k * BK])
        b = tl.load_tensor_descriptor(b_desc, [off_n, k * BK])
        acc = tl.dot(a, b.T, acc)
    tl.store_tensor_descriptor(c_desc, [off_m, off_n], acc.to(tl.float16))
"""
DESCRIPTOR_ATTRIBUTES_AND_REDUCTION = """
@jit
def kernel(x_ptr, out, M, N, BM: tl.constexpr, BN: tl.constexpr):
    d = tl.make_tensor_descriptor(x_ptr, [M, N], [N, 1], [BM, BN])
    o = tl.make_tensor_descriptor(out, [M, N], [N, 1], [BM, BN])
    for i in range(0, d.shape[0], d.block_shape[0]):
        x = d.load([i, 0])
        o.store([i, 0], (x * 2).to(o.dtype))
"""
THREE_DIMENSIONAL_DESCRIPTOR = """
@jit
def kernel(x_ptr, out, B, M, N, BM: tl.constexpr, BN: tl.constexpr):
    d = tl.make_tensor_descriptor(x_ptr, [B, M, N], [M * N, N, 1], [1, BM, BN])
    b = tl.program_id(0)
    x = d.load([b, 0, 0]).reshape(BM, BN)
    tl.store(out + b * BM * BN + tl.arange(0, BM)[:, None] * BN + tl.arange(0, BN)[None, :], x)
"""

CASES = [
    public(
        "block pointer matmul",
        BLOCK_POINTER_MATMUL,
        lambda rng: {
            "a_ptr": numbers((40, 36), rng, "float16"),
            "b_ptr": numbers((36, 50), rng, "float16"),
            "out": room((40, 50), "float16"),
            "M": 40,
            "N": 50,
            "K": 36,
            "sam": 36,
            "sak": 1,
            "sbk": 50,
            "sbn": 1,
            "BM": 16,
            "BN": 32,
            "BK": 16,
        },
        grid=(3, 2),
    ),
    public(
        "block pointers in a helper",
        BLOCK_POINTERS_IN_A_HELPER,
        lambda rng: {
            "x_ptr": numbers((20, 8), rng),
            "out": room((20, 8)),
            "T": 20,
            "D": 8,
            "BT": 8,
        },
    ),
    public(
        "block pointer padding and orders",
        BLOCK_POINTER_PADDING_AND_ORDERS,
        lambda rng: {
            "x_ptr": numbers((7, 10), rng),
            "out": room((16, 8)),
            "out2": room((16, 8)),
            "M": 10,
            "N": 7,
            "BM": 4,
            "BN": 8,
        },
        grid=(4,),
    ),
    public(
        "block pointers one dimension and if",
        BLOCK_POINTERS_ONE_DIMENSION_AND_IF,
        lambda rng: {
            "x_ptr": numbers(50, rng),
            "y_ptr": numbers(50, rng),
            "out": room(50, "float16"),
            "n": 50,
            "flip": -1,
            "B": 16,
        },
    ),
    public(
        "tensor descriptors matmul",
        TENSOR_DESCRIPTORS_MATMUL,
        lambda rng: {
            "a_ptr": numbers((40, 48), rng, "float16"),
            "b_ptr": numbers((64, 48), rng, "float16"),
            "out": room((40, 64), "float16"),
            "M": 40,
            "N": 64,
            "K": 48,
            "BM": 16,
            "BN": 32,
            "BK": 16,
        },
        grid=(3, 2),
    ),
    public(
        "descriptor attributes and reduction",
        DESCRIPTOR_ATTRIBUTES_AND_REDUCTION,
        lambda rng: {
            "x_ptr": numbers((20, 16), rng),
            "out": room((20, 16)),
            "M": 20,
            "N": 16,
            "BM": 8,
            "BN": 16,
        },
    ),
    public(
        "three dimensional descriptor",
        THREE_DIMENSIONAL_DESCRIPTOR,
        lambda rng: {
            "x_ptr": numbers((3, 6, 16), rng),
            "out": room((3, 8, 16)),
            "B": 3,
            "M": 6,
            "N": 16,
            "BM": 8,
            "BN": 16,
        },
        grid=(3,),
    ),
]
