"""Products of matrices and vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernbench.language import dtypes as tl
from kernbench.ops import kernels
from kernbench.ops.launching import launch, next_power_of_2, pes_of
from kernbench.ops.support import common_device, deliver, from_host, new_empty, on_machine
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.dtypes import as_dtype
from kernbench.runtime.geometry import broadcast_shapes
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


def _check_dtypes(a: Tensor, b: Tensor, name: str) -> None:
    if a._dtype is not b._dtype:
        spelled = {
            "Float": "float",
            "Double": "double",
            "Half": "c10::Half",
            "BFloat16": "c10::BFloat16",
            "Long": "long int",
            "Int": "int",
            "Bool": "bool",
            "Short": "short int",
            "Byte": "unsigned char",
            "Char": "signed char",
        }
        left, right = (spelled.get(each._dtype.label, each._dtype.label) for each in (a, b))
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {left} != {right}"
            if name in ("mm", "bmm_cpu")
            else f"expected scalar type {a._dtype.label} but found {b._dtype.label}"
        )


def _product(a: Tensor, b: Tensor, shape: Sequence[int], kind: Any = None) -> Tensor:
    """Multiply batches of matrices, ``(B, M, K) @ (B, K, N)``."""
    kind = kind or a._dtype
    if not on_machine(a):
        x, y = a._values(), b._values()
        with np.errstate(all="ignore"):
            if x.dtype.kind == "b":  # noqa: SIM108
                found = (x.astype(np.int64) @ y.astype(np.int64)) != 0
            else:
                found = x @ y
        return from_host(found.reshape(shape), kind)
    made = new_empty(shape, kind, a.device)
    batch, m, k = a._shape
    n = b._shape[2]
    if not made.numel():
        return made
    if a._dtype.is_integral and a._dtype.name != "int8":
        raise NotImplementedError(f"\"addmm_cuda\" not implemented for '{a._dtype.label}'")
    acc = {"float64": tl.float64, "int8": tl.int32}.get(a._dtype.name, tl.float32)
    pes = pes_of(a)
    bm = min(max(next_power_of_2(m), 16), 128)
    bn = min(max(next_power_of_2(n), 16), 128)
    while batch * -(-m // bm) * -(-n // bn) * 2 <= pes and max(bm, bn) > 16:
        bm, bn = (bm // 2, bn) if bm >= bn else (bm, bn // 2)
    bk = min(max(next_power_of_2(k), 16), 64)
    out3 = made._view((batch, m, n), (m * n, n, 1), made._offset)
    launch(
        kernels.gemm,
        a,
        batch * -(-m // bm) * -(-n // bn),
        (made, a, b, m, n, k, *a._strides, *b._strides, *out3._strides),
        ACC=acc,
        BM=bm,
        BN=bn,
        BK=bk,
    )
    return made


@register("mm")
def mm(self: Tensor, mat2: Tensor, out_dtype: Any = None, *, out: Tensor | None = None) -> Tensor:
    """Matrix times matrix."""
    for number, each in ((1, self), (2, mat2)):
        if each.ndim != 2:
            name = "self" if number == 1 else "mat2"
            raise RuntimeError(f"{name} must be a matrix")
    common_device("mm", [self, mat2])
    if self._shape[1] != mat2._shape[0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({self._shape[0]}x{self._shape[1]} and "
            f"{mat2._shape[0]}x{mat2._shape[1]})"
        )
    _check_dtypes(self, mat2, "mm")
    kind = None if out_dtype is None else as_dtype(out_dtype)
    a, b = (
        each._view((1, *each._shape), (0, *each._strides), each._offset) for each in (self, mat2)
    )
    made = _product(a, b, (self._shape[0], mat2._shape[1]), kind)
    return deliver(made, out)


@register("bmm")
def bmm(self: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Matrices times matrices."""
    for name, each in (("batch1", self), ("batch2", mat2)):
        if each.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    common_device("bmm", [self, mat2])
    wanted = [self._shape[0], self._shape[2]]
    if list(mat2._shape[:2]) != wanted:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {wanted} but got: "
            f"{list(mat2._shape[:2])}."
        )
    _check_dtypes(self, mat2, "bmm")
    made = _product(self, mat2, (self._shape[0], self._shape[1], mat2._shape[2]))
    return deliver(made, out)


@register("mv", "composite")
def mv(self: Tensor, vec: Tensor, *, out: Tensor | None = None) -> Any:
    """Matrix times vector."""
    if self.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got 1, {self.ndim}, {vec.ndim}")
    if self._shape[1] != vec._shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({self._shape[0]}), mat ({self._shape[0]}x{self._shape[1]}),"
            f" vec ({vec._shape[0]})"
        )
    return deliver(call("squeeze", call("mm", self, call("unsqueeze", vec, 1)), 1), out)


@register("dot", "composite")
def dot(self: Tensor, other: Tensor) -> Any:
    """Sum of products."""
    if self.ndim != 1 or other.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {self.ndim}D and {other.ndim}D tensors")
    if self._dtype is not other._dtype:
        raise RuntimeError(
            f"dot : expected both vectors to have same dtype, but found {self._dtype.label} and "
            f"{other._dtype.label}"
        )
    if self._shape != other._shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor [{self._shape[0]}] and src "
            f"[{other._shape[0]}] to have the same number of elements, but got {self._shape[0]} "
            f"and {other._shape[0]} elements respectively"
        )
    return call("sum", call("mul", self, other), dtype=self._dtype)


@register("matmul", "composite")
def matmul(self: Any, other: Any, *, out: Tensor | None = None) -> Any:
    """Product of matrices, vectors, and batches of them."""
    if not isinstance(other, Tensor) or not isinstance(self, Tensor):
        what, place = (other, 2) if isinstance(self, Tensor) else (self, 1)
        raise TypeError(
            f"matmul(): argument 'other' (position {place}) must be Tensor, not "
            f"{type(what).__name__}"
        )
    a, b = self.ndim, other.ndim
    if a == 0 or b == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {a}D and {b}D"
        )
    if a == 1 and b == 1:
        return deliver(call("dot", self, other), out)
    if a == 2 and b == 2:
        return call("mm", self, other, out=out)
    if a == 1 and b == 2:
        return deliver(call("squeeze", call("mm", call("unsqueeze", self, 0), other), 0), out)
    if a == 2 and b == 1:
        return call("mv", self, other, out=out)
    return deliver(_batched(self, other), out)


def _batched(self: Tensor, other: Tensor) -> Any:
    left = call("unsqueeze", self, 0) if self.ndim == 1 else self
    right = call("unsqueeze", other, 1) if other.ndim == 1 else other
    rows, inner, cols = left._shape[-2], left._shape[-1], right._shape[-1]
    if inner != right._shape[-2]:
        if right.ndim <= 2:
            lead = math.prod(left._shape[:-1])
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({lead}x{inner} and "
                f"{right._shape[0]}x{right._shape[1]})"
            )
        batch = math.prod(broadcast_shapes(left._shape[:-2], right._shape[:-2]))
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{batch}, {inner}] "
            f"but got: [{batch}, {right._shape[-2]}]."
        )
    if right.ndim == 2:  # one matrix for all: one product
        lead = left._shape[:-1]
        found = call(
            "mm",
            call("reshape", left, (-1, inner))
            if left.numel()
            else call("reshape", left, (math.prod(lead), inner)),
            right,
        )
        found = call("reshape", found, (*lead, cols))
    else:
        batch_shape = broadcast_shapes(left._shape[:-2], right._shape[:-2])
        count = math.prod(batch_shape)
        x = call("expand", left, (*batch_shape, rows, inner))
        y = call("expand", right, (*batch_shape, inner, cols))
        found = call(
            "bmm",
            call("reshape", x, (count, rows, inner)),
            call("reshape", y, (count, inner, cols)),
        )
        found = call("reshape", found, (*batch_shape, rows, cols))
    if self.ndim == 1:
        found = call("squeeze", found, -2)
    if other.ndim == 1:
        found = call("squeeze", found, -1)
    return found


@register("addmm", "composite")
def addmm(
    self: Any,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: Any = 1,
    alpha: Any = 1,
    out: Any = None,
    out_dtype: Any = None,
) -> Any:
    """``beta * self + alpha * (mat1 @ mat2)``."""
    product = call("mm", mat1, mat2) if out_dtype is None else call("mm", mat1, mat2, out_dtype)
    if alpha != 1:
        product = call("mul", product, alpha)
    if beta == 0:
        return deliver(product, out)
    added = self if beta == 1 else call("mul", self, beta)
    return deliver(call("add", product, added), out)


@register("addmv", "composite")
def addmv(self: Any, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * self + alpha * (mat @ vec)``."""
    product = call("mv", mat, vec)
    product = product if alpha == 1 else call("mul", product, alpha)
    return call("add", product, self if beta == 1 else call("mul", self, beta))


@register("baddbmm", "composite")
def baddbmm(self: Any, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * self + alpha * (batch1 @ batch2)``."""
    product = call("bmm", batch1, batch2)
    product = product if alpha == 1 else call("mul", product, alpha)
    return (
        product
        if beta == 0
        else call("add", product, self if beta == 1 else call("mul", self, beta))
    )


@register("outer", "composite")
def outer(self: Tensor, vec2: Tensor, *, out: Any = None) -> Any:
    """Products of all pairs."""
    for name, each in (("self", self), ("vec2", vec2)):
        if each.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {each.ndim}-D")
    return call("mul", call("unsqueeze", self, 1), vec2, out=out)


@register("inner", "composite")
def inner(self: Tensor, other: Tensor) -> Any:
    """Return sums of products over the last dimension of both."""
    if not self._shape or not other._shape:
        return call("mul", self, other)
    return call("tensordot", self, other, ([-1], [-1]))


@register("tensordot", "composite")
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Any:
    """Return sums of products over some dimensions of both."""
    if isinstance(dims, int):
        first, second = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        first = [d % a.ndim for d in dims[0]]
        second = [d % b.ndim for d in dims[1]]
    keep_a = [d for d in range(a.ndim) if d not in first]
    keep_b = [d for d in range(b.ndim) if d not in second]
    size = math.prod(a._shape[d] for d in first)
    shape = [a._shape[d] for d in keep_a] + [b._shape[d] for d in keep_b]
    x = call("reshape", call("permute", a, (*keep_a, *first)), (-1, size))
    y = call("reshape", call("permute", b, (*second, *keep_b)), (size, -1))
    return call("reshape", call("mm", x, y), shape)


@register("linear", "composite")
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    """``input @ weight.T + bias``."""
    found = call("matmul", input, call("t", weight))
    return found if bias is None else call("add", found, bias)


@register("einsum", "composite")
def einsum(equation: str, *operands: Any) -> Any:
    """Return sums of products over named dimensions; pairs are multiplied as matrices."""
    from kernbench.ops.einsum import contract

    parts = operands[0] if isinstance(operands[0], (list, tuple)) else operands
    return contract(equation, list(parts))
