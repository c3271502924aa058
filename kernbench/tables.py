"""Small tables of plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["format_figure", "format_ns", "format_table"]


def format_ns(time_fs: int) -> str:
    """Return femtoseconds as nanoseconds with all their digits.

    Examples
    --------
    >>> format_ns(1234567890)
    '1,234.567890'
    """
    return f"{time_fs // 10**6:,}.{time_fs % 10**6:06d}"


def format_figure(value: float) -> str:
    """Return a number with four digits that count, or all those before the point.

    Examples
    --------
    >>> [format_figure(x) for x in (13107.2, 142.2468, 0.0037141, 0)]
    ['13,107', '142.2', '0.003714', '0']
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:,.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"


def format_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1, indent: int = 2
) -> str:
    """Columns side by side, the first `left` of them flush left and the others flush right.

    Parameters
    ----------
    header : sequence of str
        A title for each column.
    rows : sequence of sequences of str
        As many cells in each.
    left : int
        How many columns are texts.
    indent : int
        Spaces before each line.

    Returns
    -------
    str
        Lines without a newline at the end.

    Examples
    --------
    >>> print(format_table(["port", "ns"], [["a", "1.5"], ["noc", "12.25"]], indent=0))
    port     ns
    a       1.5
    noc   12.25
    """
    table = [tuple(header), *map(tuple, rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return (" " * indent + "  ".join(padded)).rstrip()

    return "\n".join(map(line, table))
