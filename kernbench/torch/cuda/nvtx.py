"""``torch.cuda.nvtx``: ranges for a profiler that is not there; nothing happens."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

__all__ = ["mark", "range", "range_pop", "range_push"]


def range_push(msg: str) -> int:
    """Do nothing."""
    return 0


def range_pop() -> int:
    """Do nothing."""
    return 0


def mark(msg: str) -> None:
    """Do nothing."""


@contextlib.contextmanager
def range(msg: str, *args: object, **kwargs: object) -> Iterator[None]:
    """Do nothing around a block."""
    yield
