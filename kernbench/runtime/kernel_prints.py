"""What kernels print with ``tl.device_print``, as CUDA's Triton shows it (ADR-0074)."""

from __future__ import annotations

import warnings

import numpy as np

from kernbench import _core

__all__ = ["show_prints"]

_PLAIN, _HEX, _ADDRESS = range(3)
_INTEGERS = {f"{sign}int{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64)}

Row = tuple[int, int, int, tuple[int, int, int], str, int, str, tuple[int, ...], bytes]
"""Launch, program, sequence, place in the grid, text, form, dtype, shape, elements."""


def show_prints(rows: list[Row], n_lost: int) -> None:
    """Print them launch by launch, program by program, each in the order of its source.

    So the text depends on what kernels compute and not on how long it takes them.
    """
    rows.sort(key=lambda row: row[:3])
    lines = [line for row in rows for line in _lines(*row[3:])]
    if lines:
        print("\n".join(lines))
    if n_lost:
        warnings.warn(
            f"device_print: {n_lost:,} more values were not kept, for 262,144 waited already; "
            "print from fewer programs (`if tl.program_id(0) == 0:`) or of smaller blocks, or let "
            "the host wait more often (ctx.synchronize() after a launch)",
            RuntimeWarning,
            stacklevel=2,
        )


def _lines(
    place: tuple[int, int, int],
    text: str,
    form: int,
    dtype: str,
    shape: tuple[int, ...],
    raw: bytes,
) -> list[str]:
    pid = "pid ({}, {}, {})".format(*place)
    if not raw:
        return [pid + text]
    # Indices are as wide as the largest of their axis, as CUDA's are.
    widths = [len(str(size - 1)) for size in shape]
    places = np.ndindex(*shape)
    return [
        f"{pid} idx ({', '.join(f'{i:{w}}' for i, w in zip(at, widths, strict=True))}){text}{value}"
        for at, value in zip(places, _values(form, dtype, raw), strict=False)
    ]


def _values(form: int, dtype: str, raw: bytes) -> list[str]:
    if form != _PLAIN:
        nbytes = len(_core.convert("int8", dtype, b"\0"))
        digits = 2 * nbytes if form == _HEX else 0
        numbers = np.frombuffer(raw, dtype=f"u{nbytes}").tolist()
        return [f"0x{number:0{digits}x}" for number in numbers]
    if dtype in _INTEGERS:
        return [str(number) for number in np.frombuffer(raw, dtype=dtype).tolist()]
    if dtype == "bool":
        return [str(byte) for byte in raw]
    numbers = np.frombuffer(_core.convert(dtype, "float64", raw), dtype="f8").tolist()
    return [f"{number:f}" for number in numbers]
