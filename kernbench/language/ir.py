"""The kernel while it is being compiled: instructions in basic blocks, over virtual registers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from kernbench.language.values import Type

NO_REG = 0xFFFF

PURE = frozenset(
    [
        "const",
        "mov",
        "scalar",
        "ptradd",
        "program_id",
        "num_programs",
        "place",
        "arange",
        "splat",
        "block",
        "block_ptradd",
        "block_reshape",
        "block_broadcast",
        "block_trans",
        "load",
        "full",
        "math",
        "dot",
        "reduce",
        "alias",
        "trans",
        "gather",
        "materialise",
        "view_load",
    ]
)
"""Opcodes without another effect than their result: dropped when nobody reads it."""


@dataclass(slots=True)
class Inst:
    """One instruction; registers are None where there is none.

    `imm` is a number, or what becomes one when the kernel is encoded: ``("int", value)``,
    ``("float", value)`` or ``("text", message)``.  `last` has the last-use bits of kir.h.
    """

    op: str
    sub: str = ""
    dst: int | None = None
    a: int | None = None
    b: int | None = None
    c: int | None = None
    imm: int | tuple[str, int | float | str] = 0
    line: int = 1
    last: int = 0

    def sources(self) -> Iterator[int]:
        """Return registers that it reads."""
        for reg in (self.a, self.b, self.c):
            if reg is not None:
                yield reg

    def replace_sources(self, old: int, new: int) -> None:
        """Read `new` wherever it read `old`."""
        self.a = new if self.a == old else self.a
        self.b = new if self.b == old else self.b
        self.c = new if self.c == old else self.c


@dataclass(slots=True, eq=False)
class Block:
    """Straight-line instructions, and where they lead.

    ``targets`` is empty for a return, one block for a jump, and (then, otherwise) for a branch on
    the scalar register `condition`.
    """

    insts: list[Inst] = field(default_factory=list)
    condition: int | None = None
    targets: tuple[Block, ...] = ()
    line: int = 1


@dataclass(slots=True)
class Function:
    """A kernel: blocks in order of the source, the first one being the entry."""

    name: str
    param_names: list[str] = field(default_factory=list)
    param_regs: list[int] = field(default_factory=list)
    types: list[Type] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def new_reg(self, type_: Type) -> int:
        """Return a fresh register of that type."""
        self.types.append(type_)
        return len(self.types) - 1

    def predecessors(self) -> dict[Block, list[Block]]:
        """Blocks that lead to each block."""
        found: dict[Block, list[Block]] = {block: [] for block in self.blocks}
        for block in self.blocks:
            for target in block.targets:
                found[target].append(block)
        return found
