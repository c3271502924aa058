"""Hierarchical all-reduce: the group in rows and columns, a ring along each."""

from __future__ import annotations

import math

from kernbench.ccl.call import Call, Plan
from kernbench.ccl.kernels import grid
from kernbench.ccl.phases import Phase
from kernbench.ccl.registry import algorithm


def columns_of(call: Call) -> int:
    """Return the length of a row: the fabric's where the group fills it, else near square."""
    system = call.context.topology.system
    assert system is not None
    width = int(system["fabric_x"])
    whole = call.group.stride == 1 and call.group.sips[0] % width == 0
    if whole and 1 < width < call.size and call.size % width == 0:
        return width
    return max(d for d in range(1, math.isqrt(call.size) + 1) if call.size % d == 0)


def _fits(call: Call) -> bool:
    return 1 < columns_of(call) < call.size


def _phases(call: Call) -> list[Phase]:
    columns = columns_of(call)
    rows = call.size // columns
    by_row, by_column = -(-call.nbytes // columns), -(-call.nbytes // call.size)
    along, across = [], []
    for rank in range(call.size):
        row, column = divmod(rank, columns)
        along.append((rank, row * columns + (column + 1) % columns, by_row))
        across.append((rank, (row + 1) % rows * columns + column, by_column))
    return [
        Phase(tuple(along), 2 * (columns - 1), 2 * (columns - 1)),
        Phase(tuple(across), 2 * (rows - 1), 2 * (rows - 1)),
    ]


@algorithm("all_reduce", "hierarchical", fits=_fits, phases=_phases)
def all_reduce(call: Call) -> Plan:
    """Combine along the rows, then along the columns, and pass the totals around the rows."""
    columns = columns_of(call)
    rows = call.size // columns
    row, column = divmod(call.rank, columns)

    def sip(to_row: int, to_column: int) -> int:
        return call.group.sips[to_row % rows * columns + to_column % columns]

    by_row, by_column = call.chunks(columns), call.chunks(call.size)
    return Plan(
        grid.all_reduce,
        (
            *(call.input, call.output, call.count, call.part, by_row.span, by_column.span),
            *(row, rows, column, columns),
            *(
                sip(row, column + 1),
                sip(row, column - 1),
                sip(row + 1, column),
                sip(row - 1, column),
            ),
            call.channel,
        ),
        {
            "ROW_OP": "sum" if call.op == "avg" else call.op,
            "OP": call.op,
            "ROW_B": by_row.block,
            "COLUMN_B": by_column.block,
        },
    )
