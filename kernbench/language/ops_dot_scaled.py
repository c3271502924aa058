"""``tl.dot_scaled``: the product of two tiles in microscaling formats.

GEMM has no such formats.  So MATH decodes both sides, multiplies in the scales, and ``tl.dot`` does
the rest, as Triton does for machines like that.
"""

from __future__ import annotations

from kernbench.language.arithmetic import binary, where
from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import (
    bfloat16,
    dtype,
    float8e4nv,
    float8e5,
    float16,
    float32,
    uint8,
    uint16,
    uint32,
)
from kernbench.language.emitter import Emitter
from kernbench.language.ops_cast import cast
from kernbench.language.ops_dot import FLOAT32, dot
from kernbench.language.ops_join import beside
from kernbench.language.ops_shape import permute
from kernbench.language.values import (
    FALSE,
    NONE,
    TRUE,
    Const,
    Operand,
    Refusal,
    Value,
    as_bool,
    as_dtype,
    as_python,
)

_FORMATS = {"e4m3": float8e4nv, "e5m2": float8e5, "bf16": bfloat16, "fp16": float16}
_E2M1 = "e2m1"


@builtin()
def dot_scaled(
    e: Emitter,
    lhs: Operand,
    lhs_scale: Operand,
    lhs_format: Operand,
    rhs: Operand,
    rhs_scale: Operand,
    rhs_format: Operand,
    acc: Operand = NONE,
    fast_math: Operand = FALSE,
    lhs_k_pack: Operand = TRUE,
    rhs_k_pack: Operand = TRUE,
    out_dtype: Operand = FLOAT32,
) -> Operand:
    """Return the product of (M, K) and (K, N), each 16 or 32 elements along K with one scale.

    Differs from Triton: no factor is rounded.  Both sides become bf16, which holds every scaled
    element of 8 bits or fewer and of bf16; or fp32 if one of them is fp16.

    Parameters
    ----------
    lhs : tensor
        Of 2 dimensions, or 3.  ``"e2m1"`` is packed into uint8, the first of two in the lower bits;
        other formats come as their dtype, or as unsigned integers of its bits.
    lhs_scale : tensor, optional
        Of (M, K // 32), uint8: s stands for ``2 ** (s - 127)``, and 255 for NaN.  Or of
        (M, K // 16), float8e4nv.
    lhs_format : {"e2m1", "e4m3", "e5m2", "bf16", "fp16"}
        Of the elements.
    rhs, rhs_scale, rhs_format
        Likewise; the scales are of (N, K // 32), or (N, K // 16).
    acc : tensor, optional
        What the sums start with; otherwise 0.
    fast_math : bool
        Whether no scale is NaN.
    lhs_k_pack, rhs_k_pack : bool
        Whether ``"e2m1"`` is packed along K; otherwise along M, or N.
    out_dtype : dtype
        fp32.

    Returns
    -------
    tensor of fp32
        Of (M, N).

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl, ml_dtypes, numpy as np
    >>> @kb.jit
    ... def kernel(x_ptr, scale_ptr, out_ptr):
    ...     i, j = tl.arange(0, 32)[:, None], tl.arange(0, 32)[None, :]
    ...     x = tl.load(x_ptr + 32 * i + j)
    ...     scale = tl.load(scale_ptr + i)
    ...     tl.store(out_ptr + 32 * i + j, tl.dot_scaled(x, scale, "bf16", x, None, "bf16"))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor(np.eye(32, dtype=ml_dtypes.bfloat16))
    ...     scale = ctx.tensor(np.arange(127, 159, dtype=np.uint8))
    ...     out = ctx.zeros((32, 32))
    ...     _ = kernel[(1,)](x, scale, out)
    ...     print(out.numpy().diagonal()[:4])
    [1. 2. 4. 8.]
    """
    if not as_dtype(out_dtype, "out_dtype").is_fp32():
        raise Refusal(f"expected out_dtype tl.float32, as in Triton, got {out_dtype}")
    exact = as_bool(fast_math, "fast_math")
    left = _numbers(e, lhs, lhs_format, lhs_k_pack, "lhs", k_axis=-1)
    right = _numbers(e, rhs, rhs_format, rhs_k_pack, "rhs", k_axis=-2)
    if left.type.rank == right.type.rank and left.type.shape[-1] != right.type.shape[-2]:
        raise Refusal(
            f"expected (M, K) and (K, N), got {list(left.type.shape)} and "
            f"{list(right.type.shape)} elements"
        )
    left = _scaled(e, left, lhs_scale, "lhs_scale", -1, exact)
    right = _scaled(e, right, rhs_scale, "rhs_scale", -2, exact)
    formats = (as_python(lhs_format), as_python(rhs_format))
    factor = float32 if "fp16" in formats else bfloat16
    factors: list[Operand] = [e.cast(left, factor), e.cast(right, factor)]
    return dot.compile(e, factors, {"acc": acc})


def _numbers(
    e: Emitter, given: Operand, format: Operand, k_pack: Operand, name: str, k_axis: int
) -> Value:
    """Return the elements of one side in fp32, unpacked."""
    value, kind, along_k = e.value(given), as_python(format), as_bool(k_pack, f"{name}_k_pack")
    if value.type.rank not in (2, 3):
        raise Refusal(f"expected {name} to have 2 dimensions, or 3, got a {value}")
    if kind == _E2M1:
        if value.type.dtype != uint8:
            raise Refusal(f"expected {name} of e2m1 to be packed into uint8, got a {value}")
        axis = k_axis if along_k else -3 - k_axis
        return _unpacked(e, value, value.type.rank + axis)
    if kind not in _FORMATS:
        known = ", ".join([_E2M1, *_FORMATS])
        raise Refusal(f"expected {name}_format one of {known}, got {kind!r}")
    if not along_k:
        raise Refusal(f"{name}_k_pack=False is for e2m1 alone, which is packed; got {kind}")
    wanted = _FORMATS[str(kind)]
    bits = uint8 if wanted.primitive_bitwidth == 8 else uint16
    if value.type.dtype not in (wanted, bits):
        raise Refusal(f"expected {name} of {kind} to be {wanted} or {bits}, got a {value}")
    return e.cast(_reread(e, value, wanted), float32)


def _reread(e: Emitter, value: Operand, target: dtype) -> Value:
    return e.value(cast.compile(e, [value, Const(target)], {"bitcast": TRUE}))


def _unpacked(e: Emitter, packed: Value, axis: int) -> Value:
    """Return the two elements of each byte, one after the other along `axis`."""
    shape = packed.type.shape
    sides = []
    for code in (binary(e, "and", packed, Const(15)), binary(e, "shr", packed, Const(4))):
        # With its exponent in the lower bits of fp8e4nv's, an e2m1 counts 1/64 of what it should.
        magnitude = binary(e, "shl", binary(e, "and", code, Const(7)), Const(2))
        sign = binary(e, "shl", binary(e, "and", code, Const(8)), Const(4))
        small = _reread(e, binary(e, "or", sign, magnitude), float8e4nv)
        number = e.value(binary(e, "mul", e.cast(small, float32), Const(64.0)))
        sides.append(e.reshape(number, (*shape[: axis + 1], 1, *shape[axis + 1 :])))
    both = beside(e, sides, axis + 1)
    return e.reshape(both, (*shape[:axis], 2 * shape[axis], *shape[axis + 1 :]))


def _scaled(
    e: Emitter, value: Value, scale: Operand, name: str, k_axis: int, no_nan: bool
) -> Value:
    """Return the elements times their scales, which are given as (M, groups) or (N, groups)."""
    if is_none(scale):
        return value
    factor, shape = e.value(scale), value.type.shape
    axis = value.type.rank + k_axis
    size = 16 if factor.type.dtype == float8e4nv else 32
    wanted = (*shape[:-2], shape[-3 - k_axis], shape[axis] // size)
    if factor.type.dtype not in (uint8, float8e4nv) or factor.type.shape != wanted:
        raise Refusal(
            f"expected {name} to be a uint8 or float8e4nv of {list(wanted)}, one for each {size} "
            f"elements along K, got a {factor}"
        )
    factor = _powers(e, factor, no_nan) if size == 32 else e.cast(factor, float32)
    if k_axis == -2:
        order = (*range(value.type.rank - 2), value.type.rank - 1, value.type.rank - 2)
        factor = e.value(permute.compile(e, [factor, *map(Const, order)], {}))
    groups = shape[axis] // size
    factor = e.reshape(factor, (*shape[:axis], groups, 1, *shape[axis + 1 :]))
    grouped = e.reshape(value, (*shape[:axis], groups, size, *shape[axis + 1 :]))
    return e.reshape(e.value(binary(e, "mul", grouped, factor)), shape)


def _powers(e: Emitter, exponent: Value, no_nan: bool) -> Value:
    """Return ``2 ** (exponent - 127)``: the exponent of an fp32, but for the least and NaN."""
    bits = binary(e, "shl", e.cast(exponent, uint32), Const(23))
    least, nan = Const(0x0040_0000, uint32), Const(0x7FC0_0000, uint32)
    bits = where(e, binary(e, "eq", exponent, Const(0)), least, bits)
    if not no_nan:
        bits = where(e, binary(e, "eq", exponent, Const(255)), nan, bits)
    return _reread(e, bits, float32)
