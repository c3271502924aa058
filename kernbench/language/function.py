"""What kernels may call besides ``tl``: other kernels' functions, and Python's at compile time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from inspect import Signature
from typing import Any

from kernbench.language.source import Source


class KernelFunction(ABC):
    """A function that kernels may call: it is compiled in place."""

    __name__: str
    signature: Signature

    @property
    @abstractmethod
    def source(self) -> Source:
        """Its parsed text."""

    @property
    @abstractmethod
    def scope(self) -> Mapping[str, Any]:
        """What the names outside of it stand for."""

    @property
    @abstractmethod
    def constexpr_names(self) -> frozenset[str]:
        """Parameters that must be known at compile time."""


class ConstexprFunction:
    """A Python function that kernels may call with compile-time arguments."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn = fn
        self.__name__ = fn.__name__
        self.__doc__ = fn.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it as the Python function that it is."""
        return self.fn(*args, **kwargs)


def constexpr_function(fn: Callable[..., Any]) -> ConstexprFunction:
    """Let kernels call `fn` while they are compiled; its arguments are plain Python objects.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> @tl.constexpr_function
    ... def half(n):
    ...     return n // 2
    >>> half(8)
    4
    """
    return ConstexprFunction(fn)
