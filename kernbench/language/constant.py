"""``tl.constexpr``: a compile-time value on the host, and the annotation of parameters for such."""

from __future__ import annotations

import operator
from typing import Any


class constexpr:
    """A value known at compile time; also the annotation of kernel parameters that are such values.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> tl.constexpr(4) + 1
    constexpr[5]
    """

    value: Any

    def __init__(self, value: Any) -> None:
        self.value = value.value if isinstance(value, constexpr) else value

    def __repr__(self) -> str:
        return f"constexpr[{self.value}]"

    def __hash__(self) -> int:
        return hash(self.value)

    def __index__(self) -> int:
        return int(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the value."""
        return self.value(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "value":
            raise AttributeError(name)
        return getattr(self.value, name)

    def __neg__(self) -> constexpr:
        return constexpr(-self.value)

    def __invert__(self) -> constexpr:
        return constexpr(~self.value)


def _install_operators() -> None:
    """Give constexpr the binary operators of the values that it holds."""
    names = "add sub mul truediv floordiv mod pow and_ or_ xor lshift rshift eq ne lt le gt ge"
    for name in names.split():
        function = getattr(operator, name)
        stem = name.rstrip("_")

        def forward(self: constexpr, other: Any, function: Any = function) -> constexpr:
            return constexpr(function(self.value, constexpr(other).value))

        def reflected(self: constexpr, other: Any, function: Any = function) -> constexpr:
            return constexpr(function(constexpr(other).value, self.value))

        setattr(constexpr, f"__{stem}__", forward)
        if stem not in ("eq", "ne", "lt", "le", "gt", "ge"):
            setattr(constexpr, f"__r{stem}__", reflected)


_install_operators()
