"""Host reads: the closed registry of what shows values to Python (ADR-0027 D0.5).

Each waits, in its rank alone, for the rank's current stream and the tensor's last writer, and
replays up to then.  Nothing derives the registry: a method that reads is marked with
:func:`host_read`, which refuses a name that the registry lacks, and a test compares both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["CONDITIONAL_BARRIERS", "HOST_READ_BARRIERS", "host_read", "marked"]

F = TypeVar("F", bound=Callable[..., Any])

HOST_READ_BARRIERS = frozenset(
    {
        "__array__",
        "__bool__",
        "__complex__",
        "__contains__",
        "__float__",
        "__format__",
        "__index__",
        "__int__",
        "__iter__",
        "__repr__",
        "cpu",
        "equal",
        "item",
        "nonzero",
        "numpy",
        "tolist",
    }
)
"""They read whenever they are called on a device tensor."""

CONDITIONAL_BARRIERS = frozenset({"__getitem__", "__setitem__", "copy_", "data", "to"})
"""They read only when values reach the host by them: ``copy_`` its source when the target lies in
host memory, indexing when the index is a boolean mask.  The target of ``copy_`` is no barrier."""


def host_read(method: F) -> F:
    """Mark a method as a barrier; its name has to stand in one of the registries."""
    name = method.__name__
    if name not in HOST_READ_BARRIERS | CONDITIONAL_BARRIERS:
        raise ValueError(
            f"host_read: expected a name of the registry of host reads (ADR-0027 D0.5), got "
            f"{name!r}; enter it in kernbench/runtime/barriers.py"
        )
    method.__dict__["is_host_read"] = True
    return method


def marked(cls: type) -> frozenset[str]:
    """Names of the class's methods, inherited ones too, that are marked."""
    found = set()
    for name in dir(cls):
        member = getattr(cls, name)
        method = member.fget if isinstance(member, property) else member
        if getattr(method, "is_host_read", False):
            found.add(name)
    return frozenset(found)
