"""``tl.dot``: the GEMM engine's product of two tiles (ADR-0014, ADR-0047).

The engine multiplies matrices.  A batch of them, tiles of 3 dimensions, is a DOT for each, between
GATHERs that take its matrices out and selections that put the products together again.
"""

from __future__ import annotations

from kernbench.language.builtin import builtin, is_none
from kernbench.language.dtypes import dtype, float32, float64, int32
from kernbench.language.emitter import Emitter
from kernbench.language.ops_gather import take
from kernbench.language.ops_join import stack
from kernbench.language.values import (
    Const,
    Kind,
    Operand,
    Refusal,
    Type,
    Value,
    as_bool,
    as_dtype,
    as_python,
)

FLOAT32 = Const(float32)
_PRECISIONS = ("ieee", "tf32", "tf32x3")


@builtin()
def dot(
    e: Emitter,
    input: Operand,
    other: Operand,
    acc: Operand | None = None,
    input_precision: Operand | None = None,
    allow_tf32: Operand | None = None,
    max_num_imprecise_acc: Operand | None = None,
    out_dtype: Operand = FLOAT32,
) -> Value:
    """Return the matrix product ``input @ other + acc`` of shapes (M, K), (K, N) and (M, N).

    All three may have one more dimension before these, of one size: a batch of products.

    Sums are kept in fp32 (fp64 of fp64, int32 of int8), and rounded once to `out_dtype`.
    `max_num_imprecise_acc` is ignored.

    Differs from Triton: an `input_precision` of None means ``"ieee"``; Triton takes ``"tf32"``.

    Parameters
    ----------
    input, other : tensor
        Of 2 dimensions, or 3, and one dtype: floats or int8.
    acc : tensor, optional
        What the sums start with; otherwise 0.
    input_precision : {"ieee", "tf32", "tf32x3"}, optional
        Of fp32: ``"tf32"`` rounds its inputs to 10 bits of mantissa.
    allow_tf32 : bool, optional
        The older way to say ``"tf32"``.
    max_num_imprecise_acc
        Ignored.
    out_dtype : dtype
        fp32, or fp16 of inputs of 16 bits or less.

    Returns
    -------
    tensor
        Of (M, N), or (B, M, N).  Each element is one chain of fused multiply-adds with k ascending,
        in fp32 (fp64 of fp64, int32 of int8), rounded once at the end (ADR-0047 D1, D2).

    Notes
    -----
    ``x + tl.dot(a, b)`` starts the chain at x, as ``tl.dot(a, b, x)`` does; of a batch, it adds
    afterwards.  A batch of B costs B products, and the time that MATH needs to take its matrices
    out (GATHER) and to put the products together: a loop over matrices that are loaded one by one
    does without.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(a_ptr, b_ptr, out_ptr):
    ...     i, j = tl.arange(0, 2)[:, None], tl.arange(0, 2)[None, :]
    ...     at = 2 * i + j
    ...     tl.store(out_ptr + at, tl.dot(tl.load(a_ptr + at), tl.load(b_ptr + at)))
    >>> with kb.Context("small") as ctx:
    ...     a, b = ctx.tensor([[1.0, 2.0], [3.0, 4.0]]), ctx.tensor([[1.0, 0.0], [1.0, 1.0]])
    ...     _ = kernel[(1,)](a, b, a)
    ...     print(a.numpy())
    [[3. 2.]
     [7. 4.]]
    """
    a, b = e.to_tile(e.value(input)), e.to_tile(e.value(other))
    ranks = (a.type.rank, b.type.rank)
    if ranks not in ((2, 2), (3, 3)):
        raise Refusal(
            "expected operands of 2 dimensions, (M, K) and (K, N), or of 3, a batch of these; "
            f"got {a} and {b}"
        )
    (*batch, m, k), (*batch_other, k_other, n) = a.type.shape, b.type.shape
    if k != k_other:
        raise Refusal(f"expected (M, K) and (K, N), got {a} and {b}: K is {k}, and {k_other}")
    if batch != batch_other:
        raise Refusal(f"expected one number of matrices, got {a} and {b}")
    both_fp8 = a.type.element.is_fp8() and b.type.element.is_fp8()
    if a.type.dtype != b.type.dtype and not both_fp8:
        raise Refusal(f"expected operands of one dtype, got {a} and {b}; cast one with .to()")
    shape = (*batch, m, n)
    type_ = Type(Kind.TILE, dot_result(a.type.element, as_dtype(out_dtype, "out_dtype")), shape)
    start = None if is_none(acc) or acc is None else e.value(acc)
    if start is not None:
        start = e.to_tile(e.broadcast(start, shape) if not start.type.rank else start)
        if start.type != type_:
            raise Refusal(f"expected acc to be a {type_}, got a {start}")
    precision = _precision(input_precision, allow_tf32)
    if not batch:
        return e.emit("dot", type_, a, b, start, sub=precision)
    one = Type(Kind.TILE, type_.dtype, (m, n))
    products = []
    for place in range(batch[0]):
        matrices = (None if each is None else _matrix(e, each, place) for each in (a, b, start))
        products.append(e.emit("dot", one, *matrices, sub=precision))
    return stack(e, products)


def _matrix(e: Emitter, batch: Value, place: int) -> Value:
    """Return one matrix of a batch."""
    n_matrices, *shape = batch.type.shape
    if n_matrices > 1:
        batch = take(e, batch, Const(place), (1, *shape), 0)
    return e.reshape(batch, tuple(shape))


def dot_result(source: dtype, wanted: dtype) -> dtype:
    """Return the dtype of a product of `source` where `wanted` was asked for."""
    if source.is_int():
        if source.primitive_bitwidth != 8 or source.is_int_unsigned():
            raise Refusal(f"expected floats or int8, got {source}")
        return int32
    if source.is_fp64():
        return float64
    if wanted.is_bf16():
        raise Refusal("out_dtype=bfloat16 is not supported, as in Triton; use float32 and cast")
    return float32 if source.is_fp32() or source.is_bf16() or not wanted.is_fp16() else wanted


def _precision(input_precision: Operand | None, allow_tf32: Operand | None) -> str:
    if is_none(input_precision) or input_precision is None:
        allowed = allow_tf32 is not None and not is_none(allow_tf32)
        return "tf32" if allowed and as_bool(allow_tf32, "allow_tf32") else "ieee"  # type: ignore[arg-type]
    if not is_none(allow_tf32):
        raise Refusal("give input_precision or allow_tf32, not both")
    name = as_python(input_precision)
    if name not in _PRECISIONS:
        raise Refusal(f"expected input_precision one of {', '.join(_PRECISIONS)}, got {name!r}")
    return str(name)
