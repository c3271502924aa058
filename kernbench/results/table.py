"""Small tables of plain text."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["format_table"]


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
