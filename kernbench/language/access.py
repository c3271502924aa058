"""What a dot and brackets reach: attributes, items of tuples, new dimensions of tensors."""

from __future__ import annotations

import ast
import math

from kernbench.language.advice import instead_of_attribute, instead_of_tuple
from kernbench.language.builtin import BUILTINS, METHODS, BoundMethod
from kernbench.language.dtypes import block_type
from kernbench.language.emitter import Emitter
from kernbench.language.names import wrap_global
from kernbench.language.values import Const, Named, Operand, Pack, Refusal, Value, is_number


def attribute(e: Emitter, base: Operand, name: str) -> Operand:
    """``base.name``."""
    if isinstance(base, Const) and not is_number(base):
        return _of_object(base.value, name)
    if isinstance(base, Pack):
        return _of_tuple(base, name)
    if name in METHODS:
        return Const(BoundMethod(METHODS[name], base))
    if isinstance(base, Const) and name == "value":
        return base
    value_type = e.value(base).type
    if name == "dtype":
        return Const(value_type.dtype)
    if name == "type":
        blocked = block_type(value_type.dtype, value_type.shape)
        return Const(blocked if value_type.shape else value_type.dtype)
    if name == "shape":
        return Pack(tuple(Const(size) for size in value_type.shape))
    if name == "numel":
        return Const(math.prod(value_type.shape))
    if name == "T":
        return METHODS["trans"].compile(e, [base], {})
    if value_type.is_pointer:
        raise Refusal(
            f"a pointer has no attribute '{name}'; use tl.load and tl.store, and pass sizes and "
            "strides as arguments"
        )
    known = ("dtype", "shape", "type", "numel", "T", *METHODS)
    raise Refusal(f"a tensor has no attribute '{name}'{instead_of_attribute(name, known)}")


def _of_tuple(base: Pack, name: str) -> Operand:
    if base.kind is None:
        raise Refusal(f"a tuple has no attribute '{name}'{instead_of_tuple(name)}")
    if isinstance(base.kind, Named):
        if name not in base.kind.fields:
            fields = ", ".join(base.kind.fields)
            raise Refusal(f"{base.kind} has no field '{name}'; it has {fields}")
        return base.listed[base.kind.fields.index(name)]
    if name == "advance":
        return Const(BoundMethod(BUILTINS[name], base))
    return _of_object(base.kind, name)


def _of_object(value: object, name: str) -> Operand:
    if name == "value":
        return Const(value)
    try:
        found = getattr(value, name)
    except AttributeError as error:
        raise Refusal(str(error)) from None
    if getattr(found, "__self__", None) is not None:
        return Const(found)
    return wrap_global(name, found)


def item(base: Pack, place: int) -> Operand:
    """``base[place]`` of a tuple."""
    items = base.listed
    if not -len(items) <= place < len(items):
        why = "" if items else "; a pointer and a number have no shape: pass sizes as arguments"
        raise Refusal(f"index {place} is outside of a tuple of {len(items)}{why}")
    return items[place]


def index_tensor(e: Emitter, base: Value, index: ast.expr) -> Value:
    """``base[index]`` of a tensor, where the index is made of ``:`` and None."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    shape: list[int] = []
    rest = iter(base.type.shape)
    for part in parts:
        if isinstance(part, ast.Slice) and part.lower is part.upper is part.step is None:
            if (size := next(rest, None)) is None:
                raise Refusal(f"too many indices for a {base}")
            shape.append(size)
        elif isinstance(part, ast.Constant) and part.value is None:
            shape.append(1)
        else:
            by_pointer = "use tl.load(pointer + index)"
            advice = by_pointer if base.type.is_pointer else "load what is wanted, or use tl.gather"
            raise Refusal(
                f"a tensor can be indexed with ':' and None only, as in x[:, None]; {advice}"
            )
    return e.reshape(base, (*shape, *rest))
