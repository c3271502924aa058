"""Which registers are read again: for dropping what nobody reads, and for freeing tiles in time."""

from __future__ import annotations

from kernbench.language.ir import PURE, Block, Function, Inst
from kernbench.language.values import Kind


def live_at_ends(function: Function) -> dict[Block, set[int]]:
    """Return registers that are read after the end of each block."""
    uses: dict[Block, set[int]] = {}
    defined: dict[Block, set[int]] = {}
    for block in function.blocks:
        uses[block], defined[block] = set(), set()
        for inst in block.insts:
            uses[block].update(reg for reg in inst.sources() if reg not in defined[block])
            if inst.dst is not None:
                defined[block].add(inst.dst)
        if block.condition is not None and block.condition not in defined[block]:
            uses[block].add(block.condition)
    live_in = {block: set(uses[block]) for block in function.blocks}
    live_out: dict[Block, set[int]] = {block: set() for block in function.blocks}
    changed = True
    while changed:
        changed = False
        for block in reversed(function.blocks):
            after = set().union(*(live_in[target] for target in block.targets))
            before = uses[block] | (after - defined[block])
            if after != live_out[block] or before != live_in[block]:
                live_out[block], live_in[block] = after, before
                changed = True
    return live_out


def drop_unread(function: Function) -> None:
    """Remove instructions whose result nobody reads."""
    changed = True
    while changed:
        changed = False
        live_out = live_at_ends(function)
        for block in function.blocks:
            live = set(live_out[block])
            if block.condition is not None:
                live.add(block.condition)
            kept = []
            for inst in reversed(block.insts):
                if inst.op in PURE and inst.dst not in live:
                    changed = True
                    continue
                if inst.dst is not None:
                    live.discard(inst.dst)
                live.update(inst.sources())
                kept.append(inst)
            block.insts = kept[::-1]


def free_tiles(function: Function) -> None:
    """Flag each last read of a tile, and drop tiles that die on the way into a block.

    Flags are bits 0, 1 and 2 for operands a, b and c, as KB_LAST_A ... of kir.h.
    """
    live_out = live_at_ends(function)
    tiles = {reg for reg, type_ in enumerate(function.types) if type_.kind is Kind.TILE}
    live_in: dict[Block, set[int]] = {}
    for block in function.blocks:
        live = live_out[block] & tiles
        for inst in reversed(block.insts):
            if inst.dst is not None:
                live.discard(inst.dst)
            for bit, reg in enumerate((inst.a, inst.b, inst.c)):
                if reg in tiles and reg not in live:
                    inst.last |= _last_bit(inst, reg, bit)
            live.update(reg for reg in inst.sources() if reg in tiles)
        live_in[block] = live
    predecessors = function.predecessors()
    for block in list(function.blocks):
        for place, target in enumerate(block.targets):
            dying = sorted((live_out[block] & tiles) - live_in[target])
            if dying:
                _drop_on_edge(function, block, place, dying, len(predecessors[target]))


def _last_bit(inst: Inst, reg: int | None, bit: int) -> int:
    later = (inst.a, inst.b, inst.c)[bit + 1 :]
    return 0 if reg in later else 1 << bit


def _drop_on_edge(
    function: Function, block: Block, place: int, dying: list[int], n_predecessors: int
) -> None:
    target = block.targets[place]
    drops = [Inst("drop", a=reg, line=block.line) for reg in dying]
    if n_predecessors == 1:
        target.insts[:0] = drops
        return
    between = Block(drops, None, (target,), block.line)
    targets = list(block.targets)
    targets[place] = between
    block.targets = tuple(targets)
    function.blocks.insert(function.blocks.index(target), between)
