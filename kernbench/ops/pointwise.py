"""Element-wise operations: promotion, broadcasting and layout, once for all of them.

An operation says what it computes on NumPy arrays (host tensors) and as a function in ``tl``
(tensors on the machine); here is how operands of any shape, stride and dtype are brought to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kernbench.language import dtypes as tl
from kernbench.ops import kernels
from kernbench.ops.launching import block_for, launch, next_power_of_2, pes_of
from kernbench.ops.support import (
    BOOL,
    common_device,
    from_host,
    new_empty,
    on_machine,
    plain_number,
    resize,
    staged,
    values,
)
from kernbench.runtime import dtypes
from kernbench.runtime.dtypes import dtype
from kernbench.runtime.factories import default_dtype, from_data
from kernbench.runtime.geometry import (
    broadcast_shapes,
    broadcast_strides,
    dense_strides,
    like_strides,
    result_strides,
)
from kernbench.runtime.promotion import can_cast, result_type
from kernbench.runtime.tensor import Tensor

if TYPE_CHECKING:
    from kernbench.language.jit import JITFunction

__all__ = ["Pointwise", "assign", "compute"]


@dataclass(frozen=True, slots=True)
class Pointwise:
    """What an element-wise operation is.

    Attributes
    ----------
    name : str
        torch's name.
    host : callable
        On arrays of one dtype; bf16, fp16 and fp8 come as float32.
    function : JITFunction or None
        The same in ``tl``; None is computed on the host, over the host link.
    result : {"same", "float", "bool", "real"}
        The operands' common type; that, but a floating type for integers; bool; the type of its
        real part.
    integers : JITFunction, optional
        In place of ``function`` where the common type is an integer.
    truths : JITFunction, optional
        Where it is bool.
    refuses : frozenset of str
        Dtypes for which torch has no such operation, and the kernel's name in its message.
    label : str
        That name.
    """

    name: str
    host: Callable[..., Any]
    function: JITFunction | None
    result: Literal["same", "float", "bool", "real"] = "same"
    integers: JITFunction | None = None
    truths: JITFunction | None = None
    refuses: frozenset[str] = frozenset()
    label: str = ""

    def for_kind(self, kind: dtype) -> JITFunction | None:
        """Return the function for a common type."""
        if kind.name == "bool" and self.truths is not None:
            return self.truths
        if kind.is_integral and self.integers is not None:
            return self.integers
        return self.function


def _operands(given: Sequence[Any]) -> list[Any]:
    found = []
    for each in given:
        if isinstance(each, Tensor):
            found.append(each)
        elif isinstance(each, np.ndarray) and each.ndim:
            found.append(from_data(each))
        else:
            found.append(plain_number(each))
    return found


def _check_kind(op: Pointwise, kind: dtype, machine: bool) -> None:
    if kind.name in op.refuses:
        where = "cuda" if machine else "cpu"
        raise NotImplementedError(
            f"\"{op.label or op.name}_{where}\" not implemented for '{kind.label}'"
        )


def compute(op: Pointwise, given: Sequence[Any], out: Tensor | None = None) -> Tensor:
    """Do an element-wise operation.

    Parameters
    ----------
    op : Pointwise
        What.
    given : sequence
        Tensors and numbers.
    out : Tensor, optional
        Where to; else a new tensor.
    """
    operands = _operands(given)
    tensors = [each for each in operands if isinstance(each, Tensor)]
    if not tensors:
        operands = [from_data(each) for each in operands]
        tensors = operands
    if out is not None:
        where = common_device(op.name, [*tensors, out])
    else:
        where = common_device(op.name, tensors)
    kind = tensors[0]._dtype if len(operands) == 1 else result_type(operands)
    if op.result == "float" and kind.is_integral:
        kind = default_dtype()
    machine = where.type != "cpu"
    result = BOOL if op.result == "bool" else kind.to_real() if op.result == "real" else kind
    if len(tensors) == 1:
        shape: Sequence[int] = tensors[0]._shape
    else:
        shape = broadcast_shapes(*(each._shape for each in tensors))
    if out is not None:
        _check_out(out, result, shape, tensors)
    if op.refuses:
        _check_kind(op, kind, machine)
    if machine:
        return _on_machine(op, operands, kind, result, shape, out, where)
    arrays = [values(each, kind) for each in operands]
    with np.errstate(all="ignore"):
        found = np.asarray(op.host(*arrays))
    if found.shape != tuple(shape):
        found = np.broadcast_to(found, shape)
    if out is None:
        return from_host(found, result, _layout(shape, operands, kind))
    assign_host(out, found, result)
    return out


def _layout(shape: Sequence[int], operands: Sequence[Any], kind: dtype) -> tuple[int, ...]:
    """Return the strides of a result; operands of other dtypes count as converted ones do."""
    if len(shape) < 2:
        return dense_strides(shape)
    seen = [
        (t._shape, t._strides if t._dtype is kind else like_strides(t._shape, t._strides))
        for t in operands
        if isinstance(t, Tensor)
    ]
    return result_strides(shape, seen, len(seen) < len(operands))


def assign_host(out: Tensor, found: Any, kind: dtype) -> None:
    """Write computed numbers of `kind` to a host tensor."""
    if out._dtype is not kind:
        found = dtypes.to_compute(dtypes.from_compute(found, kind), kind)
    out._host()[...] = dtypes.from_compute(np.asarray(found), out._dtype)
    out._version += 1


def _check_out(out: Tensor, result: dtype, shape: Sequence[int], tensors: Sequence[Tensor]) -> None:
    check_overlap(out, tensors)
    if not can_cast(result, out._dtype):
        raise RuntimeError(
            f"result type {result.label} can't be cast to the desired output type "
            f"{out._dtype.label}"
        )
    if tuple(out._shape) != tuple(shape):
        if any(each is out for each in tensors):
            raise RuntimeError(
                f"output with shape {list(out._shape)} doesn't match the broadcast shape "
                f"{list(shape)}"
            )
        resize(out, shape)


def check_overlap(out: Tensor, tensors: Sequence[Tensor]) -> None:
    """Refuse to write where elements share memory, as torch does."""
    if any(n > 1 and s == 0 for n, s in zip(out._shape, out._strides, strict=True)):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation."
        )
    for each in tensors:
        if each is out or each._storage is not out._storage:
            continue
        if each._offset == out._offset and each._strides == out._strides:
            continue
        if not (each.is_contiguous() and out.is_contiguous()):
            continue
        a, b = each._span(), out._span()
        if a[0] < b[1] and b[0] < a[1]:
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to "
                "tensor refer to a single memory location. Please clone() the tensor before "
                "performing the operation."
            )


# --- on the machine -------------------------------------------------------------------------------


def _on_machine(
    op: Pointwise,
    operands: list[Any],
    kind: dtype,
    result: dtype,
    shape: Sequence[int],
    out: Tensor | None,
    where: Any,
) -> Tensor:
    function = op.for_kind(kind)
    if function is None:
        found = staged(lambda *each: compute(op, each), *operands)
        return found if out is None else assign(out, found)
    for place, each in enumerate(operands):
        if isinstance(each, Tensor) and not on_machine(each):
            operands[place] = each.item()  # a 0-d tensor of the host goes along as a number
    if out is None:
        out = new_empty(shape, result, where, _layout(shape, operands, kind))
    run(function, operands, out, kind)
    out._version += 1
    return out


def compute_type(kind: dtype) -> tl.dtype:
    """Return the type that the machine computes in: float32 for what is narrower."""
    if kind.is_floating_point and kind.itemsize < 4:
        return tl.float32
    assert kind.element is not None
    return kind.element


def run(
    function: JITFunction,
    operands: Sequence[Any],
    out: Tensor,
    kind: dtype,
    first: dtype | None = None,
) -> None:
    """Launch an element-wise function over operands that broadcast to `out`."""
    count = out.numel()
    if count == 0:
        return
    lead = kind if first is None else first
    arity = len(operands)
    numbers = [not isinstance(each, Tensor) for each in operands]
    given = [
        _scalar(each, kind) if number else each
        for each, number in zip(operands, numbers, strict=True)
    ]
    given += [None] * (3 - arity)
    numbers += [True] * (3 - arity)
    flags: dict[str, Any] = {
        "FN": function,
        "ARITY": arity,
        "A_NUMBER": numbers[0],
        "B_NUMBER": numbers[1],
        "C_NUMBER": numbers[2],
        "AVT": lead.element,
        "ACT": compute_type(lead),
        "VT": kind.element,
        "CT": compute_type(kind),
    }
    tensors = [each for each in operands if isinstance(each, Tensor)]
    shape, strides = out._shape, out._strides
    alike = all(
        t._shape == shape and (t._strides == strides or (t.is_contiguous() and out.is_contiguous()))
        for t in tensors
    )
    pes = pes_of(out)
    if alike and (out.is_contiguous() or _fills(out)):
        block = block_for(count, pes)
        launch(kernels.flat, out, -(-count // block), (out, *given, count), **flags, BLOCK=block)
        return
    sizes, steps = collapse(
        shape,
        [strides]
        + [
            broadcast_strides(shape, t._shape, t._strides)
            if isinstance(t, Tensor)
            else (0,) * len(shape)
            for t in given
        ],
    )
    if len(sizes) > 5:  # a launch for each place of the outermost dimension
        dim = next(d for d, size in enumerate(shape) if size > 1)
        for place in range(shape[dim]):
            parts = [_part(each, shape, dim, place) for each in operands]
            run(function, parts, _part(out, shape, dim, place), kind, first)
        return
    cols = min(next_power_of_2(sizes[4]), 1024)
    rows = max(
        1, min(next_power_of_2(sizes[3]), 4096 // cols, next_power_of_2(-(-count // (pes * cols))))
    )
    programs = sizes[0] * sizes[1] * sizes[2] * -(-sizes[3] // rows) * -(-sizes[4] // cols)
    flat_steps = [step for operand in steps for step in operand]
    launch(
        kernels.strided,
        out,
        programs,
        (out, *given, *sizes, *flat_steps),
        **flags,
        ROWS=rows,
        COLS=cols,
    )


def _part(operand: Any, shape: Sequence[int], dim: int, place: int) -> Any:
    """Return what of an operand belongs to one place of a dimension of the result."""
    if not isinstance(operand, Tensor):
        return operand
    strides = broadcast_strides(shape, operand._shape, operand._strides)
    return operand._view(
        [*shape[:dim], *shape[dim + 1 :]],
        [*strides[:dim], *strides[dim + 1 :]],
        operand._offset + place * strides[dim],
    )


def _fills(out: Tensor) -> bool:
    low, high = out._span()
    return high - low == out.numel() and low == out._offset


def _scalar(number: Any, kind: dtype) -> Any:
    if kind.is_floating_point:
        return float(number)
    return int(number)


def collapse(
    shape: Sequence[int], strides: Sequence[Sequence[int]]
) -> tuple[list[int], list[list[int]]]:
    """Merge dimensions that all operands walk as one, and bring them to five at least."""
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for dim, size in enumerate(shape):
        if size == 1:
            continue
        if sizes and all(
            own[-1] == given[dim] * size for own, given in zip(steps, strides, strict=True)
        ):
            sizes[-1] *= size
            for own, given in zip(steps, strides, strict=True):
                own[-1] = given[dim]
        else:
            sizes.append(size)
            for own, given in zip(steps, strides, strict=True):
                own.append(given[dim])
    lead = max(5 - len(sizes), 0)
    return [1] * lead + sizes, [[0] * lead + own for own in steps]


_NARROW = ("uint8", "int8", "int16", "uint16")


def assign(out: Tensor, source: Tensor) -> Tensor:
    """Write a tensor to another on the same device, converted and broadcast."""
    from kernbench.ops import functions

    shape = broadcast_shapes(out._shape, source._shape)
    if tuple(shape) != tuple(out._shape):
        raise RuntimeError(
            f"output with shape {list(out._shape)} doesn't match the broadcast shape {list(shape)}"
        )
    if on_machine(out):
        kind = source._dtype
        if out._dtype.name == "bool" and kind.name != "bool":
            run(functions.truth, [source], out, kind)
        elif kind.is_floating_point and out._dtype.name in _NARROW:
            run(functions.whole, [source], out, kind)
        elif out._dtype.name == "float8_e4m3fn" and kind.name != "float8_e4m3fn":
            run(functions.saturate, [source], out, kind)
        else:
            run(functions.move, [source], out, kind)
    else:
        numbers = dtypes.to_compute(source._host(), source._dtype)
        out._host()[...] = dtypes.from_compute(numbers, out._dtype)
    out._version += 1
    return out
