"""Which files are the script's own: not the standard library, not installed, not kernbench."""

from __future__ import annotations

import functools
import os
import sysconfig

import kernbench

__all__ = ["is_own"]

_OTHERS = tuple(
    os.path.realpath(folder) + os.sep
    for folder in {
        *(sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")),
        os.path.dirname(kernbench.__file__),
    }
    if folder
)


@functools.lru_cache(maxsize=4096)
def is_own(filename: str) -> bool:
    """Return whether a file belongs to the script, as opposed to a library."""
    if filename.startswith("<"):
        return not filename.startswith("<frozen ")
    path = os.path.realpath(filename)
    return not path.startswith(_OTHERS) and f"{os.sep}site-packages{os.sep}" not in path
