"""Writes instructions: registers, constants, blocks, and the moves between the kinds of values."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from kernbench.language._tables import tables
from kernbench.language.dtypes import dtype, int1, int32, int64, pointer_type, round_to
from kernbench.language.ir import Block, Function, Inst
from kernbench.language.promotion import number_dtype
from kernbench.language.values import Kind, Operand, Pack, Refusal, Type, Value


class Emitter:
    """The function under construction and the place where the next instruction goes.

    Attributes
    ----------
    function : Function
        What has been written so far.
    block : Block or None
        The open block; None where no control flow arrives, as after a ``return``.
    line : int
        Line of the kernel's source that the next instructions belong to; its ``def`` is line 1.
    prints : list of str
        Texts of ``tl.static_print``, shown when compilation has succeeded.
    call : callable
        ``call(function, operands)`` compiles a call of a function that a builtin was given; a
        class after these, of walkers, is that of the walker which visits it.
    debug : bool
        Whether ``device_assert`` also checks conditions that only a tile knows.
    """

    def __init__(self, name: str, *, debug: bool = False) -> None:
        self.function = Function(name)
        self.entry = Block()
        self.function.blocks.append(self.entry)
        self.block: Block | None = self.entry
        self.line = 1
        self.prints: list[str] = []
        self.debug = debug
        self.call: Callable[..., Operand] = _cannot_call
        self._constants: dict[tuple[str, bytes], Inst] = {}

    def finish(self) -> Function:
        """Return the function, its constants put first."""
        self.entry.insts[:0] = self._constants.values()
        return self.function

    # Control flow

    def new_block(self) -> Block:
        """Open a block here; the caller says who leads to it."""
        block = Block(line=self.line)
        self.function.blocks.append(block)
        self.block = block
        return block

    def end(self, *targets: Block, condition: Value | None = None) -> Block:
        """Close the open block towards `targets`."""
        block = self.open_block()
        block.line = self.line
        block.targets = targets
        block.condition = None if condition is None else condition.reg
        self.block = None
        return block

    def open_block(self) -> Block:
        """Return the block that is open; statements are visited only while there is one."""
        assert self.block is not None
        return self.block

    def mark(self) -> tuple[int, int, int]:
        """Return a place to return to with `roll_back`."""
        return len(self.function.blocks), len(self.open_block().insts), len(self.prints)

    def roll_back(self, block: Block, mark: tuple[int, int, int]) -> None:
        """Forget everything written since `mark` was taken with `block` open."""
        n_blocks, n_insts, n_prints = mark
        del self.function.blocks[n_blocks:]
        del block.insts[n_insts:]
        del self.prints[n_prints:]
        block.targets, block.condition = (), None
        self.block = block

    # Instructions

    def emit(
        self,
        op: str,
        type_: Type,
        *sources: Value | None,
        sub: str = "",
        imm: int | tuple[str, int | float | str] = 0,
    ) -> Value:
        """Write an instruction with a result, and return that."""
        if type_.kind is not Kind.SCALAR:
            check_shape(type_.shape)
        dst = self.function.new_reg(type_)
        self._append(op, dst, sources, sub, imm)
        return Value(dst, type_)

    def emit_effect(
        self,
        op: str,
        *sources: Value | None,
        sub: str = "",
        imm: int | tuple[str, int | float | str] = 0,
    ) -> None:
        """Write an instruction without result."""
        self._append(op, None, sources, sub, imm)

    def move(self, dst: Value, source: Value) -> None:
        """Write ``dst = source``; the types are equal."""
        self._append("mov", dst.reg, (source,), "", 0)

    def _append(
        self,
        op: str,
        dst: int | None,
        sources: tuple[Value | None, ...],
        sub: str,
        imm: int | tuple[str, int | float | str],
    ) -> None:
        regs = [None if source is None else source.reg for source in sources]
        a, b, c = regs + [None] * (3 - len(regs))
        self.open_block().insts.append(Inst(op, sub, dst, a, b, c, imm, self.line))

    # Constants: each once, at the start of the kernel

    def constant(self, value: bool | int | float, type_: dtype) -> Value:
        """Return a scalar that holds `value`, rounded or wrapped to `type_`."""
        register_type = Type(Kind.SCALAR, type_)
        imm: tuple[str, int | float | str]
        if type_.is_floating():
            number = round_to(float(value), type_)
            imm, key = ("float", number), struct.pack("<d", number)
        else:
            bits = wrap(int(value), type_)
            imm, key = ("int", bits), bits.to_bytes(16, "little", signed=True)
        inst = self._constants.get((type_.name, key))
        if inst is None:
            inst = Inst("const", dst=self.function.new_reg(register_type), imm=imm)
            self._constants[type_.name, key] = inst
        assert inst.dst is not None
        return Value(inst.dst, register_type)

    def value(self, operand: Operand) -> Value:
        """Return the operand in a register; a number gets Triton's type for it."""
        if isinstance(operand, Value):
            return operand
        if isinstance(operand, Pack):
            raise Refusal(f"expected one value, got a {operand}")
        number = operand.value
        if not isinstance(number, (bool, int, float)):
            raise Refusal(f"expected a number or a tensor, got {number!r}")
        return self.constant(number, operand.dtype or number_dtype(number))

    # Between the kinds

    def materialise(self, value: Value) -> Value:
        """Return a tile's contents as scalar or block: the PE's processor waits for them."""
        if value.type.kind is not Kind.TILE:
            return value
        if value.type.rank and value.type.element.is_floating():
            raise Refusal(f"expected integers or truths, got a {value}; cast it with .to(tl.int32)")
        kind = Kind.BLOCK if value.type.rank else Kind.SCALAR
        return self.emit("materialise", Type(kind, value.type.dtype, value.type.shape), value)

    def settle(self, value: Value) -> Value:
        """Materialise a 0-d integer, bool or pointer tile; leave everything else as it is."""
        settles = value.type.kind is Kind.TILE and not value.type.rank
        return self.materialise(value) if settles and not is_float(value.type) else value

    def to_tile(self, value: Value) -> Value:
        """Return the value as a tile of the same shape."""
        type_ = Type(Kind.TILE, value.type.element, value.type.shape)
        if value.type.kind is Kind.SCALAR:
            return self.emit("full", type_, value)
        if value.type.kind is Kind.BLOCK:
            return self.emit("math", type_, value, sub="move")
        return value

    def splat(self, value: Value, shape: tuple[int, ...]) -> Value:
        """Return a scalar everywhere: an index, mask or pointer block, or for floats a tile."""
        if is_float(value.type):
            return self.emit("full", Type(Kind.TILE, value.type.dtype, shape), value)
        if not shape:
            return value
        return self.emit("splat", Type(Kind.BLOCK, value.type.dtype, shape), value)

    def reshape(self, value: Value, shape: tuple[int, ...]) -> Value:
        """Return the same elements, row-major, in another shape."""
        if value.type.shape == shape:
            return value
        if math.prod(shape) != math.prod(value.type.shape):
            raise Refusal(
                f"expected a shape of {math.prod(value.type.shape)} elements to reshape a {value}, "
                f"got {list(shape)}"
            )
        if value.type.kind is Kind.SCALAR:
            return self.splat(value, shape)
        if value.type.kind is Kind.TILE:
            return self.emit("alias", Type(Kind.TILE, value.type.dtype, shape), value)
        if not shape:
            value = self.to_tile(value)
            return self.materialise(self.reshape(value, shape))
        return self.emit("block_reshape", Type(Kind.BLOCK, value.type.dtype, shape), value)

    def align(self, value: Value, rank: int) -> Value:
        """Return the value with dimensions of 1 put first, up to `rank`; 0-d ones stay."""
        if not value.type.rank or value.type.rank >= rank:
            return value
        return self.reshape(value, (1,) * (rank - value.type.rank) + value.type.shape)

    def broadcast(self, value: Value, shape: tuple[int, ...]) -> Value:
        """Return the value, repeated along dimensions of 1 to fill `shape`."""
        if value.type.shape == shape:
            return value
        if value.type.kind is Kind.SCALAR:
            return self.splat(value, shape)
        if joint_shape(value.type.shape, shape) != shape:
            raise Refusal(f"a {value} does not broadcast to {list(shape)}")
        value = self.align(value, len(shape))
        if value.type.shape == shape:
            return value
        type_ = Type(value.type.kind, value.type.dtype, shape)
        if value.type.kind is Kind.BLOCK:
            return self.emit("block_broadcast", type_, value)
        return self.emit("math", type_, value, sub="move")

    def cast(self, value: Value, target: dtype | pointer_type) -> Value:
        """Return the value converted to `target`."""
        source = value.type.dtype
        if source == target:
            return value
        if isinstance(source, pointer_type) or isinstance(target, pointer_type):
            return self._cast_pointer(value, target)
        type_ = Type(value.type.kind, target, value.type.shape)
        if value.type.kind is Kind.SCALAR:
            return self.emit("scalar", type_, value, sub="cast")
        if value.type.kind is Kind.TILE:
            return self.emit("math", type_, value, sub="cast")
        if target.is_floating():
            return self.emit("math", Type(Kind.TILE, target, value.type.shape), value, sub="cast")
        if target is int1:
            return self.emit("block", type_, value, self.constant(0, value.type.element), sub="ne")
        return self.emit("block", type_, value, sub="cast")

    def _cast_pointer(self, value: Value, target: dtype | pointer_type) -> Value:
        value = self.materialise(value)
        if not isinstance(target, pointer_type) and target.primitive_bitwidth != 64:
            raise Refusal(f"a pointer converts to int64 or another pointer, not to {target}")
        if not value.type.is_pointer:
            value = self.cast(value, int64)
        op = "scalar" if value.type.kind is Kind.SCALAR else "block"
        type_ = Type(value.type.kind, target, value.type.shape)
        return self.emit(op, type_, value, sub="bitcast")

    def condition(self, operand: Operand) -> Value:
        """Return a scalar bool for a branch: materialised when it must be."""
        value = self.value(operand)
        if value.type.rank:
            raise Refusal(
                f"expected one truth as condition, got a {value}; reduce it, or use tl.where"
            )
        value = self.materialise(value)
        if value.type.dtype == int1:
            return value
        if value.type.is_pointer:
            value = self.cast(value, int64)
        zero = self.constant(0, value.type.element)
        return self.emit("scalar", Type(Kind.SCALAR, int1), value, zero, sub="ne")

    def index(self, operand: Operand, what: str) -> Value:
        """Return an integer scalar, for loop bounds and the like."""
        value = self.materialise(self.value(operand))
        if value.type.rank or value.type.is_pointer or not value.type.element.is_int():
            raise Refusal(f"expected an integer for {what}, got a {value}")
        return self.cast(value, int32) if value.type.dtype == int1 else value


def _cannot_call(function: Any, operands: list[Operand]) -> Operand:
    raise Refusal(f"{function} cannot be called here")


def is_float(type_: Type) -> bool:
    """Whether the elements are floating-point numbers."""
    return not isinstance(type_.dtype, pointer_type) and type_.dtype.is_floating()


def wrap(value: int, target: dtype) -> int:
    """Return the value of an integer type that is congruent to `value`."""
    if target is int1:
        return int(value != 0)
    bits = value & ((1 << target.primitive_bitwidth) - 1)
    return bits - (1 << target.primitive_bitwidth) if bits > target.get_int_max_value() else bits


def joint_shape(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape to which all of `shapes` broadcast."""
    rank = max(len(shape) for shape in shapes)
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    joint = tuple(max(sizes) for sizes in zip(*padded, strict=True))
    for shape in padded:
        if any(size not in (1, whole) for size, whole in zip(shape, joint, strict=True)):
            listed = " and ".join(str(list(shape)) for shape in shapes)
            raise Refusal(f"shapes {listed} do not broadcast: sizes must be equal, or 1")
    return joint


def check_shape(shape: tuple[int, ...]) -> None:
    """Refuse a shape that Triton, or the machine, would not take."""
    limits = tables()
    if len(shape) > limits.max_rank:
        raise Refusal(f"expected at most {limits.max_rank} dimensions, got {list(shape)}")
    for size in shape:
        if size < 1 or size & (size - 1):
            larger = [1 << max(size - 1, 0).bit_length() for size in shape]
            raise Refusal(
                f"expected sizes that are powers of 2, got {list(shape)}; take {larger}, and a "
                "mask for what is too much"
            )
    if math.prod(shape) > limits.max_tile_elements:
        raise Refusal(
            f"expected at most {limits.max_tile_elements} elements, got {list(shape)}, "
            f"which has {math.prod(shape)}"
        )
