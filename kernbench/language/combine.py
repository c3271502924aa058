"""How scans and reductions combine two tensors, or two tuples of them."""

from __future__ import annotations

from collections.abc import Callable

from kernbench.language import arithmetic
from kernbench.language.emitter import Emitter
from kernbench.language.values import Const, Operand, Pack, Refusal, Value

Combine = Callable[[list[Value], list[Value]], list[Value]]


def tensors(e: Emitter, input: Operand) -> list[Value]:
    """Return the tensors, of one shape, that are combined together."""
    given = input.listed if isinstance(input, Pack) else (input,)
    values = [e.value(item) for item in given]
    if not values or any(value.type.shape != values[0].type.shape for value in values):
        raise Refusal(f"expected tensors of one shape, got {', '.join(map(str, values))}")
    return values


def combine_by(e: Emitter, combine_fn: Operand) -> Combine:
    """Return the user's function, whose results must be of its operands' types."""
    if not isinstance(combine_fn, Const):
        raise Refusal(f"expected a function decorated with @kb.jit, got a {combine_fn}")
    function, call = combine_fn.value, e.call

    def combine(before: list[Value], after: list[Value]) -> list[Value]:
        result = call(function, [*before, *after])
        items = result.listed if isinstance(result, Pack) else (result,)
        values = [e.value(item) for item in items]
        if [value.type.dtype for value in values] != [value.type.dtype for value in after]:
            raise Refusal(
                f"expected combine_fn to return {', '.join(str(v.type.dtype) for v in after)}, "
                f"got {', '.join(str(v.type.dtype) for v in values)}"
            )
        return values

    return combine


def by(e: Emitter, op: str) -> Combine:
    """Return an operation of two tensors, such as ``"add"``."""

    def combine(before: list[Value], after: list[Value]) -> list[Value]:
        return [e.value(arithmetic.binary(e, op, before[0], after[0]))]

    return combine
