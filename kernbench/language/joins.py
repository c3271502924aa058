"""Where control flow meets: one value for a name that each path gave its own (ADR-0040).

The kinds are ordered: constexpr < scalar < 0-d tile, and index block < tile.  A value moves up to
the higher kind on the path where it is lower; shape and dtype must agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kernbench.language.dtypes import dtype
from kernbench.language.emitter import Emitter
from kernbench.language.ir import Block
from kernbench.language.promotion import number_dtype
from kernbench.language.values import Const, Kind, Operand, Pack, Refusal, Type, Value, is_number

Target = Const | Type | tuple["Target", ...]
"""What a name is where paths meet: the same object, a register's type, or a tuple of targets."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a name stands for, and the line that said so."""

    operand: Operand
    line: int


def target_of(operand: Operand) -> Target:
    """Return the target that the operand fits without a move."""
    if isinstance(operand, Value):
        return operand.type
    if isinstance(operand, Pack):
        return tuple(target_of(item) for item in operand.items)
    return operand


def join(a: Target, b: Target) -> Target:
    """Return the lowest target that both fit.

    Raises
    ------
    Refusal
        Without a message: the caller knows the name and both places.
    """
    if isinstance(a, tuple) or isinstance(b, tuple):
        if not isinstance(a, tuple) or not isinstance(b, tuple) or len(a) != len(b):
            raise Refusal
        return tuple(join(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Const) and isinstance(b, Const):
        return a if same(a, b) else _join_numbers(a, b)
    if isinstance(a, Type) and isinstance(b, Type):
        if a.dtype != b.dtype or a.shape != b.shape:
            raise Refusal
        return Type(max(a.kind, b.kind), a.dtype, a.shape)
    return _join_number(a, b) if isinstance(b, Type) else _join_number(b, a)


def _join_number(number: Target, other: Target) -> Type:
    assert isinstance(number, Const) and isinstance(other, Type)
    if not is_number(number) or other.shape or not isinstance(other.dtype, dtype):
        raise Refusal
    if (number.dtype or other.dtype) != other.dtype:
        raise Refusal
    if number.dtype is None and not _fits(number, other.dtype):
        raise Refusal
    return other


def same(a: Const, b: Const) -> bool:
    """Whether both are the same compile-time object."""
    if a.dtype != b.dtype or type(a.value) is not type(b.value):
        return False
    if isinstance(a.value, float):
        return repr(a.value) == repr(b.value)
    return a.value is b.value or bool(a.value == b.value)


def alike(a: Operand, b: Operand) -> bool:
    """Whether both operands are the same object or register."""
    if isinstance(a, Const) and isinstance(b, Const):
        return same(a, b)
    if isinstance(a, Pack) and isinstance(b, Pack):
        return len(a.items) == len(b.items) and all(map(alike, a.items, b.items))
    return isinstance(a, Value) and isinstance(b, Value) and a.reg == b.reg


def _join_numbers(a: Const, b: Const) -> Type:
    if not is_number(a) or not is_number(b):
        raise Refusal
    types = [c.dtype or _natural(c) for c in (a, b)]
    if types[0] != types[1]:
        raise Refusal
    return Type(Kind.SCALAR, types[0])


def _natural(number: Const) -> dtype:
    assert isinstance(number.value, (bool, int, float))
    return number_dtype(number.value)


def _fits(number: Const, type_: dtype) -> bool:
    if isinstance(number.value, float):
        return type_.is_floating()
    assert isinstance(number.value, int)
    if type_.is_floating():
        return False
    return type_.get_int_min_value() <= number.value <= type_.get_int_max_value()


def clash(name: str, a: Binding, b: Binding) -> Refusal:
    """Return the error of a name whose definitions do not agree."""
    return Refusal(
        f"{name} is a {a.operand} from line {a.line} and a {b.operand} from line {b.line}, "
        f"and control flow brings both together; {_mend(a.operand, b.operand)}"
    )


def _mend(a: Operand, b: Operand) -> str:
    """Return what brings two operands together, where one change does."""
    number, tensor = (a, b) if isinstance(a, Const) else (b, a)
    if isinstance(tensor, Value) and isinstance(tensor.type.dtype, dtype):
        element, shape = tensor.type.dtype, tensor.type.shape
        name = "tl.int1" if element.is_bool() else f"tl.{element.kir_name}"
        if isinstance(number, Const) and isinstance(number.value, (bool, int, float)):
            if shape:
                return f"begin with tl.full({list(shape)}, {number.value}, {name})"
            if element.is_fp32():
                return f"write {float(number.value)}"
        elif isinstance(number, Value) and number.type.shape == shape:
            return f"cast the later one, with .to({name})"
    return "give them one shape and dtype"


def convert(e: Emitter, operand: Operand, target: Type) -> Value:
    """Move an operand up to `target`."""
    if isinstance(operand, Const):
        assert isinstance(target.dtype, dtype) and isinstance(operand.value, (bool, int, float))
        operand = e.constant(operand.value, target.dtype)
    assert isinstance(operand, Value)
    return e.to_tile(operand) if target.kind is Kind.TILE else operand


def fresh(e: Emitter, target: Target) -> Operand:
    """Return registers for a target; compile-time objects stay themselves."""
    if isinstance(target, tuple):
        return Pack(tuple(fresh(e, item) for item in target))
    return Value(e.function.new_reg(target), target) if isinstance(target, Type) else target


def copies(e: Emitter, destination: Operand, source: Operand) -> list[tuple[Value, Value]]:
    """Return the register moves that bring `source` into `destination`, converted."""
    if isinstance(destination, Pack):
        assert isinstance(source, Pack)
        pairs = zip(destination.items, source.items, strict=True)
        return [move for item, value in pairs for move in copies(e, item, value)]
    if isinstance(destination, Value):
        return [(destination, convert(e, source, destination.type))]
    return []


def move_all(e: Emitter, moves: list[tuple[Value, Value]]) -> None:
    """Write moves that take effect together: a source that another overwrites is saved first."""
    moves = [(dst, source) for dst, source in moves if dst.reg != source.reg]
    overwritten = {dst.reg for dst, _ in moves}
    for place, (dst, source) in enumerate(moves):
        if source.reg in overwritten:
            saved = Value(e.function.new_reg(source.type), source.type)
            e.move(saved, source)
            moves[place] = (dst, saved)
    for dst, source in moves:
        e.move(dst, source)


def meet(
    e: Emitter,
    paths: list[tuple[Block, dict[str, Binding]]],
    called: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Binding]:
    """Let `paths`, blocks still without target, meet in a new block; its bindings are returned.

    Names that some path does not define are gone after it.  `called` says what errors call names
    that no script can spell.
    """
    joined: dict[str, Binding] = {}
    moves: list[list[tuple[Value, Value]]] = [[] for _ in paths]
    for name, first in paths[0][1].items():
        if not all(name in env for _, env in paths):
            continue
        bindings = [env[name] for _, env in paths]
        if all(alike(binding.operand, first.operand) for binding in bindings[1:]):
            joined[name] = first
            continue
        target = target_of(first.operand)
        for binding in bindings[1:]:
            try:
                target = join(target, target_of(binding.operand))
            except Refusal:
                raise clash(called.get(name, f"'{name}'"), first, binding) from None
        meeting = fresh(e, target)
        for place, ((block, _), binding) in enumerate(zip(paths, bindings, strict=True)):
            e.block = block
            moves[place] += copies(e, meeting, binding.operand)
        joined[name] = Binding(meeting, max(binding.line for binding in bindings))
    for (block, _), todo in zip(paths, moves, strict=True):
        e.block = block
        move_all(e, todo)
    block = e.new_block()
    for ending, _ in paths:
        ending.targets = (block,)
    return joined
