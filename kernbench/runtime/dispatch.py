"""The one door to every operation on tensors.

Operations stand in a table under torch's name; the layer above fills it (``kernbench.ops``), which
is loaded when the first of them is called.  All calls of methods, functions and operators go
through :func:`call`, so that one interceptor sees each: autograd is one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Literal, TypeVar

__all__ = ["TABLE", "Op", "call", "has", "register", "set_interceptor", "set_loader"]

Kind = Literal["primitive", "composite", "view", "inplace"]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Op:
    """An operation.

    Attributes
    ----------
    name : str
        torch's name; in-place forms end in ``_``.
    function : callable
        What it does, on tensors of any device.
    kind : {"primitive", "composite", "view", "inplace"}
        A composite calls other operations and nothing else; a view shares its input's memory; an
        in-place operation writes to its first argument and returns it.
    """

    name: str
    function: Callable[..., Any]
    kind: Kind


Interceptor = Callable[[Op, tuple[Any, ...], dict[str, Any]], Any]

TABLE: dict[str, Op] = {}


class _Seams:
    """What other layers set."""

    loader: Callable[[], Any] | None = None
    interceptor: Interceptor | None = None


def register(name: str, kind: Kind = "primitive") -> Callable[[F], F]:
    """Enter a function into the table."""

    def enter(function: F) -> F:
        if name in TABLE:
            raise ValueError(f"operation {name!r} is registered twice")
        TABLE[name] = Op(name, function, kind)
        if isinstance(function, FunctionType):
            function.__name__ = function.__qualname__ = name  # what Python's TypeErrors call it
        return function

    return enter


def set_loader(loader: Callable[[], Any]) -> None:
    """Say what fills the table; it is called once, at the first operation."""
    _Seams.loader = loader


def set_interceptor(interceptor: Interceptor | None) -> Interceptor | None:
    """Let `interceptor` take every call, as ``interceptor(op, args, kwargs)``; return the last.

    It runs the operation by ``op.function(*args, **kwargs)``.
    """
    before, _Seams.interceptor = _Seams.interceptor, interceptor
    return before


def load() -> None:
    """Fill the table, if that is still to be done."""
    loader, _Seams.loader = _Seams.loader, None
    if loader is not None:
        loader()


def has(name: str) -> bool:
    """Whether there is such an operation."""
    load()
    return name in TABLE


_OF_NUMPY = {"axis": "dim", "keepdims": "keepdim"}


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Do an operation; NumPy's names of arguments stand for torch's.

    Raises
    ------
    NotImplementedError
        When there is none of that name.
    """
    op = TABLE.get(name)
    if op is None:
        load()
        op = TABLE.get(name)
        if op is None:
            raise NotImplementedError(f"kernbench: torch.{name} is not implemented")
    for theirs in kwargs and _OF_NUMPY.keys() & kwargs.keys():
        if _OF_NUMPY[theirs] not in kwargs:
            kwargs[_OF_NUMPY[theirs]] = kwargs.pop(theirs)
    if _Seams.interceptor is not None:
        return _Seams.interceptor(op, args, kwargs)
    return op.function(*args, **kwargs)
