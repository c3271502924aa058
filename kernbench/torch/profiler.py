"""``torch.profiler`` and ``torch.autograd.profiler``: ranges; other names are placeholders.

Where simulated time goes is what ``kernbench run`` prints, and what ``profile`` of a launch's
handle returns.
"""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any

from kernbench.runtime.placeholder import Placeholder

__all__ = ["record_function"]


class record_function(ContextDecorator):
    """A range with a name, around a block or a function: nothing happens.

    Examples
    --------
    >>> with record_function("forward"):
    ...     pass
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name

    def __enter__(self) -> record_function:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.profiler' has no attribute '{name}'")
    return Placeholder(
        f"torch.profiler.{name}",
        "`kernbench run` prints where the time went, and so does a launch's handle.profile()",
    )
