"""KIR on NumPy: a disassembler and an interpreter, ignorant of the compiler and of the engine.

Memory is one NumPy array per tensor, at a made-up virtual address.  Every value is an array of its
type's dtype; low-precision floats are those of ml_dtypes.  The interpreter checks liveness too:
reading a tile after its last-use flag, or holding one at the end, is an error.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np
from kir_headers import header_tables

TABLES = header_tables()
NO_REG = 0xFFFF
NUMPY = {
    "bool": np.bool_,
    "float8e4nv": ml_dtypes.float8_e4m3fn,
    "float8e5": ml_dtypes.float8_e5m2,
    "bfloat16": ml_dtypes.bfloat16,
}
DTYPES = [np.dtype(NUMPY.get(name, name)) for name in TABLES["dtypes"]]
SCALAR, BLOCK, TILE = range(3)


@dataclass
class Type:
    kind: int
    dtype: int
    pointer: bool
    shape: tuple[int, ...]

    @property
    def numpy(self) -> np.dtype:
        return np.dtype(np.int64) if self.pointer else DTYPES[self.dtype]

    def __str__(self) -> str:
        star = "*" if self.pointer else ""
        kind = ("scalar", "block", "tile")[self.kind]
        return f"{kind} {star}{TABLES['dtypes'][self.dtype]}{list(self.shape)}"


@dataclass
class Inst:
    op: str
    sub: int
    flags: int
    dst: int
    a: int
    b: int
    c: int
    imm: int
    line: int


@dataclass
class Kernel:
    name: str
    params: list[tuple[str, Type]]
    types: list[Type]
    regs: list[Type]
    consts: list[bytes]
    insts: list[Inst]
    text: bytes

    def string(self, offset: int) -> str:
        return self.text[offset : self.text.index(b"\0", offset)].decode()


def decode(code: bytes) -> Kernel:
    header = struct.unpack_from("<8I", code)
    magic, version, n_params, n_types, n_regs, n_consts, n_insts, n_text = header
    assert (magic, version) == (0x52494B4B, TABLES["version"])
    at = 32
    params = [struct.unpack_from("<HHI", code, at + 8 * i) for i in range(n_params)]
    at += 8 * n_params
    types = []
    for _ in range(n_types):
        kind, dtype, pointer, rank, *dims = struct.unpack_from("<4B5I", code, at)
        assert all(d == 1 for d in dims[rank:])
        types.append(Type(kind, dtype, bool(pointer), tuple(dims[:rank])))
        at += 24
    regs = [types[number] for number in struct.unpack_from(f"<{n_regs}H", code, at)]
    at += (2 * n_regs + 7) // 8 * 8
    consts = [code[at + 8 * i : at + 8 * i + 8] for i in range(n_consts)]
    at += 8 * n_consts
    lines = struct.unpack_from(f"<{n_insts}I", code, at + 16 * n_insts)
    insts = []
    for number in range(n_insts):
        op, sub, flags, zero, dst, a, b, c, imm = struct.unpack_from("<4B4HI", code, at)
        assert zero == 0
        insts.append(Inst(TABLES["opcodes"][op], sub, flags, dst, a, b, c, imm, lines[number]))
        at += 16
    at += (4 * n_insts + 7) // 8 * 8
    text = code[at:]
    assert len(text) == n_text
    kernel = Kernel("", [], types, regs, consts, insts, text)
    kernel.name = kernel.string(0)
    kernel.params = [(kernel.string(name), types[number]) for number, _, name in params]
    return kernel


def disassemble(code: bytes) -> str:
    kernel = decode(code)
    out = [f"{kernel.name}({', '.join(f'{n}: {t}' for n, t in kernel.params)})"]
    for number, inst in enumerate(kernel.insts):
        sub = {"reduce": "reduceops", "dot": "precisions"}.get(inst.op, "mathops")
        named = inst.op in ("scalar", "block", "math", "reduce", "dot")
        parts = [f"{number:4} L{inst.line:<3} {inst.op}"]
        parts += [TABLES[sub][inst.sub]] if named else []
        if inst.dst != NO_REG:
            parts.append(f"r{inst.dst}:{kernel.regs[inst.dst]} =")
        for bit, reg in enumerate((inst.a, inst.b, inst.c)):
            if reg != NO_REG:
                parts.append(f"r{reg}" + ("!" if inst.flags >> bit & 1 else ""))
        if inst.op in ("const", "arange", "trans", "block_trans"):
            parts.append(str(int.from_bytes(kernel.consts[inst.imm], "little", signed=True)))
        elif inst.op.startswith("jump") or inst.op in (
            *("reduce", "gather", "program_id", "num_programs"),
        ):
            parts.append(f"#{inst.imm}")
        out.append(" ".join(parts))
    return "\n".join(out)


@dataclass
class Memory:
    """Tensors at virtual addresses."""

    tensors: dict[int, np.ndarray] = field(default_factory=dict)
    next_va: int = 0x10000

    def place(self, array: np.ndarray) -> int:
        va = self.next_va
        self.tensors[va] = array
        self.next_va += (array.nbytes + 0x1FFFF) // 0x10000 * 0x10000
        return va

    def locate(self, va: int) -> tuple[np.ndarray, int]:
        for base, array in self.tensors.items():
            if base <= va < base + array.nbytes:
                assert (va - base) % array.itemsize == 0
                return array.reshape(-1), (va - base) // array.itemsize
        raise AssertionError(f"address {va:#x} is outside of every tensor")


class AssertHit(Exception):
    pass


def launch(code: bytes, grid: tuple[int, ...], arguments: list[Any]) -> int:
    """Run every program; returns the number of instructions executed."""
    kernel = decode(code)
    memory = Memory()
    values = []
    for argument, (_, type_) in zip(arguments, kernel.params, strict=True):
        if isinstance(argument, np.ndarray):
            assert type_.pointer
            assert argument.dtype == DTYPES[type_.dtype]
            assert argument.flags.c_contiguous
            argument = memory.place(argument)
        values.append(np.array(argument).astype(type_.numpy))
    sizes = (*grid, 1, 1)[:3]
    return sum(_Program(kernel, memory, sizes, place).run(values) for place in np.ndindex(*sizes))


class _Program:
    def __init__(self, kernel: Kernel, memory: Memory, grid: Any, place: Any) -> None:
        self.kernel, self.memory, self.grid, self.place = kernel, memory, grid, place
        self.values: list[np.ndarray | None] = [None] * len(kernel.regs)

    def run(self, arguments: list[np.ndarray]) -> int:
        self.values[: len(arguments)] = arguments
        pc = steps = 0
        with np.errstate(all="ignore"):
            while pc is not None:
                steps += 1
                assert steps < 1_000_000
                pc = self.step(pc)
        held = [
            r
            for r, t in enumerate(self.kernel.regs)
            if t.kind == TILE and self.values[r] is not None
        ]
        assert not held, f"tiles still held at the end: {held}"
        return steps

    def read(self, reg: int) -> np.ndarray | None:
        if reg == NO_REG:
            return None
        value = self.values[reg]
        assert value is not None, f"register {reg} is read, but holds nothing"
        return value

    def step(self, pc: int) -> int | None:
        inst = self.kernel.insts[pc]
        a, b, c = (self.read(reg) for reg in (inst.a, inst.b, inst.c))
        for bit, reg in enumerate((inst.a, inst.b, inst.c)):
            if inst.flags >> bit & 1:
                assert self.kernel.regs[reg].kind == TILE
                self.values[reg] = None
        op = inst.op
        if op == "return":
            return None
        if op == "jump" or (op == "jump_if" and a) or (op == "jump_unless" and not a):
            return inst.imm
        if op == "assert" and not a:
            raise AssertHit(self.kernel.string(inst.imm))
        if op == "drop":
            self.values[inst.a] = None
        if op == "store":
            self.store(a, b, c)
        if inst.dst != NO_REG:
            type_ = self.kernel.regs[inst.dst]
            if type_.kind == TILE:
                assert self.values[inst.dst] is None, (
                    f"{pc}: tile {inst.dst} is overwritten, not freed"
                )
            value = np.asarray(getattr(self, f"do_{op}")(inst, type_, a, b, c))
            assert value.shape == type_.shape, (op, value.shape, str(type_))
            assert value.dtype == type_.numpy, (op, value.dtype, str(type_))
            self.values[inst.dst] = value
        return pc + 1

    def const(self, inst: Inst) -> int:
        return int.from_bytes(self.kernel.consts[inst.imm], "little", signed=True)

    def itemsize(self, reg: int) -> int:
        return DTYPES[self.kernel.regs[reg].dtype].itemsize

    def do_const(self, inst: Inst, type_: Type, *_: Any) -> Any:
        raw = self.kernel.consts[inst.imm]
        kind = TABLES["dtypes"][type_.dtype]
        if "float" in kind and not type_.pointer:
            number = struct.unpack("<d", raw)[0]
            assert math.isnan(number) or float(np.array(number).astype(type_.numpy)) == number
            return np.array(number).astype(type_.numpy)
        return np.array(self.const(inst)).astype(type_.numpy)

    def do_mov(self, inst: Inst, type_: Type, a: Any, *_: Any) -> Any:
        return a

    def do_alias(self, inst: Inst, type_: Type, a: Any, *_: Any) -> Any:
        return a.reshape(type_.shape)

    do_block_reshape = do_alias

    def do_materialise(self, inst: Inst, type_: Type, a: Any, *_: Any) -> Any:
        return a

    def do_program_id(self, inst: Inst, type_: Type, *_: Any) -> Any:
        return np.int32(self.place[inst.imm])

    def do_num_programs(self, inst: Inst, type_: Type, *_: Any) -> Any:
        return np.int32(self.grid[inst.imm])

    def do_arange(self, inst: Inst, type_: Type, *_: Any) -> Any:
        return (self.const(inst) + np.arange(type_.shape[0])).astype(type_.numpy)

    def do_splat(self, inst: Inst, type_: Type, a: Any, *_: Any) -> Any:
        assert a.dtype == type_.numpy
        return np.broadcast_to(a, type_.shape)

    do_full = do_splat

    def do_block_broadcast(self, inst: Inst, type_: Type, a: Any, *_: Any) -> Any:
        assert a.ndim == len(type_.shape)
        return np.broadcast_to(a, type_.shape)

    def do_ptradd(self, inst: Inst, type_: Type, a: Any, b: Any, _: Any) -> Any:
        assert b.dtype.kind in "iu"
        return a + b.astype(np.int64) * self.itemsize(inst.a)

    do_block_ptradd = do_ptradd

    def do_trans(self, inst: Inst, type_: Type, a: Any, *_: Any) -> Any:
        nibbles = self.const(inst)
        return a.transpose([nibbles >> 4 * d & 15 for d in range(a.ndim)])

    do_block_trans = do_trans

    def lanes(self, pointers: Any, mask: Any) -> list[tuple[tuple[int, ...], int]]:
        on = np.broadcast_to(True if mask is None else mask, pointers.shape)
        return [(lane, int(pointers[lane])) for lane in np.ndindex(*pointers.shape) if on[lane]]

    def do_load(self, inst: Inst, type_: Type, a: Any, b: Any, c: Any) -> Any:
        out = np.full(type_.shape, 0 if c is None else c).astype(type_.numpy)
        for lane, va in self.lanes(a, b):
            array, place = self.memory.locate(va)
            out[lane] = array[place]
        return out

    def store(self, pointers: Any, value: Any, mask: Any) -> None:
        value = np.broadcast_to(value, pointers.shape)
        for lane, va in self.lanes(pointers, mask):
            array, place = self.memory.locate(va)
            assert array.dtype == value.dtype
            array[place] = value[lane]

    def do_scalar(self, inst: Inst, type_: Type, a: Any, b: Any, c: Any) -> Any:
        name = TABLES["mathops"][inst.sub]
        operands = [x for x in (a, b, c) if x is not None]
        for value in operands[1 if name == "where" else 0 :]:
            assert value.dtype == operands[-1].dtype, (name, [x.dtype for x in operands])
            assert value.ndim in (0, len(type_.shape))
        result = np.asarray(_math(name, operands, type_.numpy))
        return np.broadcast_to(result, type_.shape).astype(type_.numpy)

    def do_block(self, inst: Inst, type_: Type, a: Any, b: Any, c: Any) -> Any:
        assert all(x is None or x.dtype.kind in "iub" for x in (a, b, c))
        return self.do_scalar(inst, type_, a, b, c)

    def do_math(self, inst: Inst, type_: Type, a: Any, b: Any, c: Any) -> Any:
        regs = [r for r in (inst.a, inst.b, inst.c) if r != NO_REG]
        assert any(self.kernel.regs[r].kind != SCALAR for r in regs)
        return self.do_scalar(inst, type_, a, b, c)

    def do_dot(self, inst: Inst, type_: Type, a: Any, b: Any, c: Any) -> Any:
        wide = np.int32 if a.dtype.kind == "i" else np.float64
        if TABLES["precisions"][inst.sub] == "tf32" and a.dtype == np.float32:
            a, b = _tf32(a), _tf32(b)
        total = a.astype(wide) @ b.astype(wide)
        return (total + (0 if c is None else c.astype(wide))).astype(type_.numpy)

    def do_gather(self, inst: Inst, type_: Type, a: Any, b: Any, _: Any) -> Any:
        assert b.dtype.kind in "iu"
        assert b.shape == type_.shape
        assert ((b >= 0) & (b < a.shape[inst.imm])).all(), "gather: an index outside of its axis"
        return np.take_along_axis(a, b, axis=inst.imm)

    def do_reduce(self, inst: Inst, type_: Type, a: Any, *_: Any) -> Any:
        name = TABLES["reduceops"][inst.sub]
        if name == "sum":
            wide = a.astype(np.float64) if a.dtype.kind not in "iub" else a
            return wide.sum(axis=inst.imm, dtype=wide.dtype).astype(type_.numpy)
        if name == "xor":
            return np.bitwise_xor.reduce(a, axis=inst.imm)
        return getattr(np, name)(a, axis=inst.imm).astype(type_.numpy)


def _tf32(x: Any) -> Any:
    return ((np.ascontiguousarray(x).view(np.uint32) + 0x1000) & 0xFFFFE000).view(np.float32)


def _truncated(a: Any, b: Any) -> Any:
    safe = np.where(b == 0, 1, b)
    quotient = np.abs(a.astype(object)) // np.abs(safe.astype(object))
    signed = np.where((a < 0) != (b < 0), -quotient, quotient)
    return np.where(b == 0, 0, signed)


def _erf(x: Any) -> Any:
    return np.vectorize(math.erf, otypes=[float])(x.astype(float))


def _math(name: str, v: list[Any], result: np.dtype) -> Any:
    if name == "cast":
        if result == np.bool_:
            return v[0] != 0
        return v[0].astype(result)
    if name == "bitcast":
        return v[0].view(result)
    if name == "not":
        return ~v[0]
    if name == "neg":
        return -v[0]
    if name in ("floordiv", "mod") and v[0].dtype.kind in "iu":
        quotient = _truncated(*v)
        full = (
            quotient if name == "floordiv" else v[0].astype(object) - v[1].astype(object) * quotient
        )
        return np.asarray(full).astype(v[0].dtype)
    simple = {
        "move": lambda a: a,
        "abs": np.abs,
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "div": np.divide,
        "mod": np.fmod,
        "min": np.fmin if v[0].dtype.kind == "f" else np.minimum,
        "max": np.fmax if v[0].dtype.kind == "f" else np.maximum,
        "and": np.bitwise_and,
        "or": np.bitwise_or,
        "xor": np.bitwise_xor,
        "shl": np.left_shift,
        "shr": np.right_shift,
        "eq": np.equal,
        "ne": np.not_equal,
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
        "where": np.where,
        "fma": lambda a, b, c: a.astype(np.float64) * b + c,
        "sqrt": np.sqrt,
        "rsqrt": lambda a: 1 / np.sqrt(a),
        "floor": np.floor,
        "ceil": np.ceil,
        "exp": np.exp,
        "exp2": np.exp2,
        "log": np.log,
        "log2": np.log2,
        "sin": np.sin,
        "cos": np.cos,
        "tanh": np.tanh,
        "erf": _erf,
        "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
        "pow": np.power,
    }
    return simple[name](*v)
