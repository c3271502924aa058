"""Where the source of a kernel is that a failure of the machine names."""

from __future__ import annotations

import re
from typing import Any

from kernbench import _core

__all__ = ["with_files"]

_PLACE = re.compile(r"\b([^\W\d]\w*):([1-9]\d*)\b")
_MOST = 4


def with_files(message: str, kept: dict[int, Any]) -> str:
    """Say behind a message in which file, and line of that, the places are which it names.

    The engine knows a kernel by its name and counts lines from its ``def``.

    Parameters
    ----------
    message : str
        Names places as ``kernel:line``.
    kept : dict
        What the engine keeps alive: among others, the kernels that were launched.
    """
    kernels = [each for each in kept.values() if isinstance(each, _core.Kernel) and each.filename]
    found: dict[str, None] = {}
    for name, line in _PLACE.findall(message):
        for kernel in kernels:
            if kernel.name == name:
                found[f"{kernel.filename}:{kernel.first_line + int(line) - 1}"] = None
    if not found:
        return message
    places = [*found][:_MOST] + ["..."] * (len(found) > _MOST)
    return f"{message} [{', '.join(places)}]"
