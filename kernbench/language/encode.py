"""A finished function as KIR bytes; the layout is that of csrc/kernel/kir.h."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from kernbench.language._tables import KirTables, tables
from kernbench.language.dtypes import pointer_type
from kernbench.language.ir import NO_REG, Block, Function, Inst
from kernbench.language.values import Refusal, Type

_MAGIC = 0x52494B4B


@dataclass(slots=True)
class _Pools:
    """The numbered lists that instructions refer to."""

    limits: KirTables
    types: dict[Type, int] = field(default_factory=dict)
    regs: dict[int, int] = field(default_factory=dict)
    consts: dict[bytes, int] = field(default_factory=dict)
    text: bytearray = field(default_factory=bytearray)
    strings: dict[str, int] = field(default_factory=dict)

    def reg(self, reg: int | None) -> int:
        if reg is None:
            return NO_REG
        return self.regs.setdefault(reg, len(self.regs))

    def const(self, bits: bytes) -> int:
        return self.consts.setdefault(bits, len(self.consts))

    def string(self, text: str) -> int:
        if text not in self.strings:
            self.strings[text] = len(self.text)
            self.text += text.replace("\0", " ").encode() + b"\0"
        return self.strings[text]


def encode(function: Function) -> bytes:
    """Return the bytes of a function.

    Raises
    ------
    Refusal
        When it needs more registers than an instruction can name.
    """
    limits = tables()
    pools = _Pools(limits)
    pools.string(function.name)
    names = [pools.string(name) for name in function.param_names]
    for reg in function.param_regs:
        pools.reg(reg)
    insts = linearise(function)
    words = b"".join(_inst(inst, pools) for inst in insts)
    if len(pools.regs) >= NO_REG:
        raise Refusal(f"the kernel needs {len(pools.regs)} registers; at most {NO_REG - 1} fit")
    type_of = [function.types[reg] for reg in pools.regs]
    for type_ in type_of:
        pools.types.setdefault(type_, len(pools.types))
    params = b"".join(
        struct.pack("<HHI", pools.types[function.types[reg]], 0, name)
        for reg, name in zip(function.param_regs, names, strict=True)
    )
    header = struct.pack(
        "<8I",
        _MAGIC,
        limits.version,
        len(names),
        len(pools.types),
        len(pools.regs),
        len(pools.consts),
        len(insts),
        len(pools.text),
    )
    regs = struct.pack(f"<{len(type_of)}H", *(pools.types[type_] for type_ in type_of))
    lines = struct.pack(f"<{len(insts)}I", *(inst.line for inst in insts))
    types = b"".join(_type(type_, limits) for type_ in pools.types)
    parts = [header, params, types, _padded(regs), b"".join(pools.consts), words, _padded(lines)]
    return b"".join([*parts, bytes(pools.text)])


def linearise(function: Function) -> list[Inst]:
    """All instructions in order, jumps included; a jump's immediate is an instruction's number."""
    layout = [
        (block, _jumps(function.blocks, place)) for place, block in enumerate(function.blocks)
    ]
    starts: dict[Block, int] = {}
    count = 0
    for block, jumps in layout:
        starts[block] = count
        count += len(block.insts) + len(jumps)
    insts = []
    for block, jumps in layout:
        insts += block.insts
        for op, target in jumps:
            condition = block.condition if op.startswith("jump_") else None
            place = 0 if target is None else starts[target]
            insts.append(Inst(op, a=condition, imm=place, line=block.line))
    return insts


def _jumps(blocks: list[Block], place: int) -> list[tuple[str, Block | None]]:
    block = blocks[place]
    following = blocks[place + 1] if place + 1 < len(blocks) else None
    if not block.targets:
        return [("return", None)]
    if len(block.targets) == 1:
        return [] if block.targets[0] is following else [("jump", block.targets[0])]
    then, otherwise = block.targets
    if otherwise is following:
        return [("jump_if", then)]
    jumps: list[tuple[str, Block | None]] = [("jump_unless", otherwise)]
    return jumps if then is following else [*jumps, ("jump", then)]


def _inst(inst: Inst, pools: _Pools) -> bytes:
    sub = 0
    if inst.sub:
        group = {
            "reduce": pools.limits.reduceops,
            "dot": pools.limits.precisions,
            "print": {"hex": 1},
        }
        sub = group.get(inst.op, pools.limits.mathops)[inst.sub]
    regs = [pools.reg(reg) for reg in (inst.dst, inst.a, inst.b, inst.c)]
    imm = inst.imm if isinstance(inst.imm, int) else _pooled(inst.imm, pools)
    return struct.pack("<4B4HI", pools.limits.opcodes[inst.op], sub, inst.last, 0, *regs, imm)


def _pooled(imm: tuple[str, int | float | str], pools: _Pools) -> int:
    kind, value = imm
    if kind == "text":
        return pools.string(str(value))
    if kind == "float":
        return pools.const(struct.pack("<d", value))
    return pools.const((int(value) & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little"))


def _type(type_: Type, limits: KirTables) -> bytes:
    element = type_.dtype.element_ty if isinstance(type_.dtype, pointer_type) else type_.dtype
    dims = (*type_.shape, *(1,) * (limits.max_rank - type_.rank))
    number = limits.dtypes[element.kir_name]
    return struct.pack(
        f"<4B{limits.max_rank}I", type_.kind, number, type_.is_pointer, type_.rank, *dims
    )


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)
