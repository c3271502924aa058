"""Few registers for many values: values of one type that never live at once share a register.

Every PE holds a place for each register of the kernel it runs, so their number is memory times the
number of PEs.  A value lives from its first instruction to its last in the order of the code,
through every block that it is live in.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heappop, heappush

from kernbench.language.ir import Block, Function
from kernbench.language.liveness import live_at_ends
from kernbench.language.values import Type


def share_registers(function: Function) -> None:
    """Renumber the registers of `function`; parameters keep theirs, in order."""
    spans = _spans(function)
    renamed = {reg: place for place, reg in enumerate(function.param_regs)}
    types = [function.types[reg] for reg in function.param_regs]
    free: dict[Type, list[int]] = defaultdict(list)
    busy: list[tuple[int, int]] = []
    for reg in sorted(spans.keys() - renamed.keys(), key=lambda reg: (spans[reg], reg)):
        start, end = spans[reg]
        while busy and busy[0][0] < start:
            _, done = heappop(busy)
            free[types[done]].append(done)
        type_ = function.types[reg]
        if free[type_]:
            renamed[reg] = free[type_].pop()
        else:
            renamed[reg] = len(types)
            types.append(type_)
        heappush(busy, (end, renamed[reg]))
    _rename(function, renamed)
    function.types = types
    function.param_regs = list(range(len(function.param_regs)))


def _spans(function: Function) -> dict[int, tuple[int, int]]:
    """Return the first and last place of each register."""
    live_out = live_at_ends(function)
    places: dict[int, list[int]] = defaultdict(list)
    live_in: dict[Block, set[int]] = {block: set() for block in function.blocks}
    for block in function.blocks:
        for target in block.targets:
            live_in[target] |= live_out[block]
    here = 0
    for block in function.blocks:
        start = here
        for inst in block.insts:
            here += 1
            for reg in (inst.dst, *inst.sources()):
                if reg is not None:
                    places[reg].append(here)
        here += 1
        ending = live_out[block] | ({block.condition} if block.condition is not None else set())
        for reg in ending:
            places[reg].append(here)
        for reg in live_in[block]:
            places[reg].append(start)
    return {reg: (min(found), max(found)) for reg, found in places.items()}


def _rename(function: Function, renamed: dict[int, int]) -> None:
    for block in function.blocks:
        for inst in block.insts:
            inst.dst = None if inst.dst is None else renamed[inst.dst]
            inst.a = None if inst.a is None else renamed[inst.a]
            inst.b = None if inst.b is None else renamed[inst.b]
            inst.c = None if inst.c is None else renamed[inst.c]
        if block.condition is not None:
            block.condition = renamed[block.condition]
