"""``tl.core``: the language, under the name of the file in which Triton has most of it."""

from __future__ import annotations

from typing import Any

from kernbench import language


def __getattr__(name: str) -> Any:
    """Look the name up in the language, which says so when it is not there."""
    return getattr(language, name)
