"""Small improvements to a finished function: PE_CPU is not charged for the compiler's habits.

1. unreachable and empty blocks go
2. instructions that nobody reads go
3. scalar and index arithmetic that was done already, in this block or the first, is not repeated
4. scalar and index arithmetic that a loop repeats with the same operands moves before the loop
5. a result that is only moved into another register is computed there
6. a loop tests at its end, so that a round costs one jump
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from kernbench.language.ir import Block, Function, Inst
from kernbench.language.liveness import drop_unread, live_at_ends
from kernbench.language.values import Type

_AT_ONCE = frozenset(
    [
        "scalar",
        "ptradd",
        "program_id",
        "num_programs",
        "arange",
        "splat",
        "block",
        "block_ptradd",
        "block_reshape",
        "block_broadcast",
        "block_trans",
    ]
)

_MAX_TEST = 4
"""Instructions of a loop's test that are worth repeating."""


class _Key(NamedTuple):
    """What makes two results equal."""

    op: str
    sub: str
    imm: int | tuple[str, int | float | str]
    sources: tuple[int | None, int | None, int | None]
    type: Type


def simplify(function: Function) -> None:
    """Improve `function` in place."""
    remove_unreachable(function)
    thread_jumps(function)
    drop_unread(function)
    merge_equal(function)
    hoist(function)
    merge_equal(function)
    coalesce_moves(function)
    rotate_loops(function)
    thread_jumps(function)


def remove_unreachable(function: Function) -> None:
    """Remove blocks to which no path leads."""
    reached: set[Block] = set()
    waiting = [function.blocks[0]]
    while waiting:
        block = waiting.pop()
        if block not in reached:
            reached.add(block)
            waiting += block.targets
    function.blocks = [block for block in function.blocks if block in reached]


def thread_jumps(function: Function) -> None:
    """Let jumps to empty blocks go where these lead."""

    def final(block: Block) -> Block:
        seen = {block}
        while not block.insts and len(block.targets) == 1 and block.targets[0] not in seen:
            block = block.targets[0]
            seen.add(block)
        return block

    for block in function.blocks:
        block.targets = tuple(final(target) for target in block.targets)
        if len(block.targets) == 2 and block.targets[0] is block.targets[1]:
            block.targets, block.condition = block.targets[:1], None
    remove_unreachable(function)


def count_writes(function: Function) -> Counter[int]:
    """Return how many instructions write each register."""
    insts = (inst for block in function.blocks for inst in block.insts)
    return Counter(inst.dst for inst in insts if inst.dst is not None)


def merge_equal(function: Function) -> None:
    """Read the first of equal results; what the first block computes is known in all others."""
    writes = count_writes(function)
    merged: dict[int, int] = {}
    everywhere: dict[_Key, int] = {}
    for block in function.blocks:
        known = dict(everywhere)
        block.insts = [i for i in block.insts if not _is_known(function, i, known, merged, writes)]
        if block.condition in merged:
            block.condition = merged[block.condition]
        if block is function.blocks[0]:
            everywhere = {key: reg for key, reg in known.items() if _is_steady(key, writes)}
    for block in function.blocks:
        for inst in block.insts:
            _rename(inst, merged)
        if block.condition in merged:
            block.condition = merged[block.condition]


def _is_known(
    function: Function,
    inst: Inst,
    known: dict[_Key, int],
    merged: dict[int, int],
    writes: Counter[int],
) -> bool:
    _rename(inst, merged)
    if inst.dst is None:
        return False
    if writes[inst.dst] > 1:
        for key in [key for key in known if inst.dst in key.sources]:
            del known[key]
        return False
    if inst.op not in _AT_ONCE:
        return False
    sources = (inst.a, inst.b, inst.c)
    key = _Key(inst.op, inst.sub, inst.imm, sources, function.types[inst.dst])
    first = known.setdefault(key, inst.dst)
    if first == inst.dst:
        return False
    merged[inst.dst] = first
    return True


def _is_steady(key: _Key, writes: Counter[int]) -> bool:
    return all(reg is None or writes[reg] <= 1 for reg in key.sources)


def _rename(inst: Inst, merged: dict[int, int]) -> None:
    for reg in list(inst.sources()):
        if reg in merged:
            inst.replace_sources(reg, merged[reg])


def hoist(function: Function) -> None:
    """Move what a loop computes again and again to the block before it, innermost loops first."""
    writes = count_writes(function)
    predecessors = function.predecessors()
    order = {block: place for place, block in enumerate(function.blocks)}
    loops = []
    for head in function.blocks:
        back = [p for p in predecessors[head] if order[p] >= order[head]]
        outside = [p for p in predecessors[head] if order[p] < order[head]]
        if back and len(outside) == 1 and len(outside[0].targets) == 1:
            loops.append((_natural_loop(head, back, predecessors), outside[0]))
    for loop, before in sorted(loops, key=lambda pair: len(pair[0])):
        _hoist_from([b for b in function.blocks if b in loop], before, writes)


def _natural_loop(
    head: Block, back: list[Block], predecessors: dict[Block, list[Block]]
) -> set[Block]:
    loop = {head}
    waiting = list(back)
    while waiting:
        block = waiting.pop()
        if block not in loop:
            loop.add(block)
            waiting += predecessors[block]
    return loop


def _hoist_from(loop: list[Block], before: Block, writes: Counter[int]) -> None:
    varying = {inst.dst for block in loop for inst in block.insts if inst.dst is not None}
    moved = True
    while moved:
        moved = False
        for block in loop:
            for inst in list(block.insts):
                steady = inst.op in _AT_ONCE and not any(r in varying for r in inst.sources())
                if steady and inst.dst is not None and writes[inst.dst] == 1:
                    block.insts.remove(inst)
                    before.insts.append(inst)
                    varying.discard(inst.dst)
                    moved = True


def rotate_loops(function: Function) -> None:
    """Repeat a loop's test, where it is short and scalar, in place of the jump back to it."""
    order = {block: place for place, block in enumerate(function.blocks)}
    for block in function.blocks:
        if len(block.targets) != 1 or order[block.targets[0]] > order[block]:
            continue
        head = block.targets[0]
        short = len(head.insts) <= _MAX_TEST and all(i.op in _AT_ONCE for i in head.insts)
        if short and len(head.targets) == 2 and head is not block:
            block.insts += [replace(inst) for inst in head.insts]
            block.condition, block.targets, block.line = head.condition, head.targets, head.line


def coalesce_moves(function: Function) -> None:
    """Compute a result in the register that it is moved to, where that changes nothing else."""
    changed = True
    while changed:
        changed = False
        live_out = live_at_ends(function)
        for block in function.blocks:
            for place, inst in enumerate(block.insts):
                if inst.op == "mov" and _coalesce(function, block, place, live_out[block]):
                    changed = True
                    break


def _coalesce(function: Function, block: Block, place: int, live_out: set[int]) -> bool:
    move = block.insts[place]
    source, target = move.a, move.dst
    assert source is not None and target is not None
    if function.types[source] != function.types[target]:
        return False
    if source in live_out or block.condition == source:
        return False
    if any(source in later.sources() for later in block.insts[place + 1 :]):
        return False
    for earlier in range(place - 1, -1, -1):
        inst = block.insts[earlier]
        if inst.dst == source:
            return _retarget(block, inst, move, block.insts[earlier + 1 : place])
        if inst.dst == target or target in inst.sources():
            return False
    return False


def _retarget(block: Block, made: Inst, move: Inst, between: list[Inst]) -> bool:
    source, target = made.dst, move.dst
    assert source is not None and target is not None
    if made.op == "const":
        return False
    for inst in between:
        inst.replace_sources(source, target)
    made.dst = target
    block.insts.remove(move)
    return True
