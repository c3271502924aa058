"""A function of the table under its name in torch."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.dispatch import call

__all__ = ["Operation"]

_OWN_INPUT = frozenset({"bucketize", "searchsorted"})


class Operation:
    """A function of the table, under its name."""

    __slots__ = ("__name__",)

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do the operation."""
        if "input" in kwargs and not args and self.__name__ not in _OWN_INPUT:
            args = (kwargs.pop("input"),)
        return call(self.__name__, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<built-in method {self.__name__} of kernbench.torch>"
