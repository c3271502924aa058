"""``torch.compiler``: nothing is compiled, so there is nothing to leave out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernbench.runtime.placeholder import Placeholder

__all__ = ["disable", "is_compiling", "is_dynamo_compiling", "reset"]


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Return the function as it is; without one, what does so.

    Examples
    --------
    >>> @disable
    ... def three():
    ...     return 3
    >>> three(), disable(recursive=False)(three) is three
    (3, True)
    """

    def same(function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    return same if fn is None else fn


def is_compiling() -> bool:
    """Return False."""
    return False


is_dynamo_compiling = is_compiling


def reset() -> None:
    """Do nothing."""


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.compiler' has no attribute '{name}'")
    return Placeholder(f"torch.compiler.{name}")
