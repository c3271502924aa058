"""``torch.jit``: functions and modules stay what they are, for every operation is a launch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernbench.runtime.placeholder import Placeholder

__all__ = [
    "export",
    "ignore",
    "is_scripting",
    "is_tracing",
    "script",
    "script_if_tracing",
    "unused",
]


def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """Return a function, class or module as it is.

    Examples
    --------
    >>> @script
    ... def twice(x):
    ...     return 2 * x
    >>> twice(3)
    6
    """
    return obj


def export(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function as it is."""
    return fn


script_if_tracing = unused = export


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Return a function as it is, also as ``@ignore(drop=True)``."""
    return drop if callable(drop) else export


def is_scripting() -> bool:
    """Return False."""
    return False


def is_tracing() -> bool:
    """Return False."""
    return False


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.jit' has no attribute {name!r}")
    return Placeholder(f"torch.jit.{name}")
