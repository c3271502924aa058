"""Ranks in rows and columns: rings along the rows, and along the columns (see `ring`).

Each rank's chunk of its row is combined along the row, then along the column, and is passed around
the row in the end; rank ``row * columns + column``.
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.ccl.kernels.peers import length_of, on_sip
from kernbench.ccl.kernels.ring import begin, gather, scatter
from kernbench.language import jit


@jit
def all_reduce(
    x_ptr,
    y_ptr,
    n,
    part,
    row_span,
    column_span,
    row,
    rows,
    column,
    columns,
    right_sip,
    left_sip,
    below_sip,
    above_sip,
    channel,
    ROW_OP: tl.constexpr,
    OP: tl.constexpr,
    ROW_B: tl.constexpr,
    COLUMN_B: tl.constexpr,
):
    """Combine along the row, along the column, and pass the totals around the row."""
    base, length = tl.pe_id("sip") * part, length_of(n, part)
    right, left = on_sip(right_sip), on_sip(left_sip)
    below, above = on_sip(below_sip), on_sip(above_sip)
    x_ptr += base
    y_ptr += base
    chunk = tl.cdiv(length, columns)
    for i in range(0, chunk, row_span):
        last = tl.minimum(i + row_span, chunk)
        scatter(
            *(x_ptr, y_ptr, 0, i, last, chunk, chunk, length),
            *(column, columns, right, left, channel, columns, False, ROW_OP, ROW_B, False),
        )
    own = column * chunk
    own_length = tl.maximum(0, tl.minimum(chunk, length - own))
    small = tl.cdiv(chunk, rows)
    over = rows * columns
    for i in range(0, small, column_span):
        last = tl.minimum(i + column_span, small)
        scatter(
            *(y_ptr + own, y_ptr + own, 0, i, last, small, small, own_length),
            *(row, rows, below, above, channel + 1, over, True, OP, COLUMN_B, False),
        )
        gather(
            *(y_ptr + own, i, last, small, small, own_length),
            *(row, rows, below, above, channel + 1, COLUMN_B, False),
        )
    for i in range(0, chunk, row_span):
        last = tl.minimum(i + row_span, chunk)
        for j in range(i, last, ROW_B):
            begin(y_ptr, own + j, own + own_length, right, channel + 2, ROW_B, False)
        gather(
            *(y_ptr, i, last, chunk, chunk, length),
            *(column, columns, right, left, channel + 2, ROW_B, False),
        )
