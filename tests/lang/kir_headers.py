"""The engine's lists, parsed from its headers: for tests of the compiler without the extension."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

CSRC = Path(__file__).parents[2] / "csrc"


def header_tables() -> dict[str, Any]:
    """Return what ``_core.kir_tables()`` returns."""
    kir = (CSRC / "kernel/kir.h").read_text()
    mathop = (CSRC / "kernel/mathop.h").read_text()
    dtype = (CSRC / "mem/dtype.h").read_text()
    return {
        "opcodes": _names(kir, "KB_KIR_LIST"),
        "mathops": _names(mathop, "KB_MATHOP_LIST"),
        "reduceops": _names(mathop, "KB_REDUCEOP_LIST"),
        "dtypes": _names(dtype, "KB_DTYPE_LIST"),
        "precisions": ["ieee", "tf32", "tf32x3"],
        "places": _names(kir, "KB_AT_LIST"),
        "max_rank": _number(kir, "KB_MAX_RANK"),
        "max_tile_elements": eval(re.search(r"KB_MAX_TILE_ELEMENTS = ([0-9< ]+)", kir)[1]),
        "version": _number(kir, "KB_KIR_VERSION"),
    }


def _names(text: str, macro: str) -> list[str]:
    lines = text[text.index(f"#define {macro}") :].splitlines()
    end = next(place for place, line in enumerate(lines) if not line.rstrip().endswith("\\"))
    return re.findall(r'X\(\w+,\s*"(\w+)"', "\n".join(lines[: end + 1]))


def _number(text: str, name: str) -> int:
    return int(re.search(rf"{name} = (\d+)", text)[1])
