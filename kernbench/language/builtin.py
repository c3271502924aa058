"""The registry of ``tl`` functions.

A builtin is a Python function over the emitter and operands, registered by decorator:

    @builtin(method=True)
    def exp2(e: Emitter, x: Operand) -> Value: ...

The parameters after the emitter are those that a kernel sees.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from kernbench.language.emitter import Emitter
from kernbench.language.values import NONE, Const, Operand, Pack, Refusal


class Builtin:
    """A function of the kernel language.

    Attributes
    ----------
    name : str
        Its name in ``tl``.
    function : callable
        ``function(emitter, *operands)`` writes its instructions and returns the result.
    host : callable or None
        What it does when called outside a kernel, where that makes sense (``tl.cdiv``).
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Operand | None],
        host: Callable[..., Any] | None = None,
    ) -> None:
        self.name = name
        self.function = function
        self.host = host
        self.__name__ = name
        self.__doc__ = function.__doc__
        parameters = list(inspect.signature(function, eval_str=False).parameters.values())[1:]
        bare = [
            each.replace(annotation=inspect.Parameter.empty, default=_plain(each.default))
            for each in parameters
        ]
        self.__signature__ = inspect.Signature(bare)

    def __repr__(self) -> str:
        return self.name if self.name[0] == "<" else f"<tl.{self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it on the host, where it means something there."""
        if self.host is None:
            raise RuntimeError(
                f"tl.{self.name} was called outside a kernel; functions of the kernel language "
                "work only in a function decorated with @kb.jit, when that is launched"
            )
        return self.host(*args, **kwargs)

    def compile(self, emitter: Emitter, args: list[Operand], kwargs: dict[str, Operand]) -> Operand:
        """Write a call of it."""
        try:
            bound = self.__signature__.bind(*args, **kwargs)
        except TypeError as error:
            raise Refusal(f"tl.{self.name}{self.__signature__}: {error}") from None
        result: Operand | None = self.function(emitter, *bound.args, **bound.kwargs)
        return NONE if result is None else result


def _plain(default: Any) -> Any:
    """Return a default as people write it; which value it is, the function knows."""
    if isinstance(default, Const):
        return default.value
    return () if isinstance(default, Pack) else default


class BoundMethod:
    """``x.sum`` in ``x.sum(axis=1)``."""

    def __init__(self, builtin: Builtin, receiver: Operand) -> None:
        self.builtin = builtin
        self.receiver = receiver


BUILTINS: dict[str, Builtin] = {}
METHODS: dict[str, Builtin] = {}


def builtin(
    name: str = "", *, method: bool | str = False, host: Callable[..., Any] | None = None
) -> Callable[[Callable[..., Any]], Builtin]:
    """Register a function as ``tl.name``, and as a method of tensors where `method` is set."""

    def register(function: Callable[..., Any]) -> Builtin:
        made = Builtin(name or function.__name__.rstrip("_"), function, host)
        BUILTINS[made.name] = made
        if method:
            METHODS[method if isinstance(method, str) else made.name] = made
        return made

    return register


def is_none(operand: Operand | None) -> bool:
    """Whether an optional argument was left out, or is None."""
    return operand is None or (isinstance(operand, Const) and operand.value is None)
