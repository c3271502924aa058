"""What ``kernel[grid](...)`` hands over, and to whom: the language does not know the runtime.

The runtime says with `set_launcher` who takes launches in the current context (a ContextVar, so
each rank and thread has its own).
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kernbench.language.compiler import CompiledKernel
    from kernbench.language.jit import JITFunction


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch, ready to be submitted.

    Attributes
    ----------
    kernel : CompiledKernel
        What to run.
    arguments : tuple
        A Python object for each of ``kernel.params``: the tensor for a pointer, else a bool, int or
        float (ints fit their parameter's dtype).
    grid : tuple of int, or object
        Programs along each axis, 1 to 3 of them; what is neither an integer, sequence nor callable,
        such as ``kb.each_pe``, is passed on as it is.
    function : JITFunction
        The kernel's function, for names and sources.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> @tl.jit
    ... def noted(n):
    ...     tl.assume(n > 0)
    >>> token = tl.set_launcher(lambda launch: (launch.kernel.name, launch.grid))
    >>> noted[(2, 3)](5)
    ('noted', (2, 3))
    >>> tl.reset_launcher(token)
    """

    kernel: CompiledKernel
    arguments: tuple[Any, ...]
    grid: Any
    function: JITFunction


Launcher = Callable[[Launch], Any]

_launcher: ContextVar[Launcher | None] = ContextVar("kernbench_launcher", default=None)


def set_launcher(launcher: Launcher | None) -> Token[Launcher | None]:
    """Say who takes launches from here on; what it returns is what ``kernel[grid](...)`` returns.

    Returns
    -------
    Token
        For `reset_launcher`.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> @tl.jit
    ... def noted(n):
    ...     tl.assume(n > 0)
    >>> token = tl.set_launcher(lambda launch: launch.arguments)
    >>> noted[(2, 3)](5)
    (5,)
    >>> tl.reset_launcher(token)
    """
    return _launcher.set(launcher)


def reset_launcher(token: Token[Launcher | None]) -> None:
    """Undo a `set_launcher`.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> token = tl.set_launcher(print)
    >>> tl.reset_launcher(token)
    >>> tl.current_launcher()
    Traceback (most recent call last):
        ...
    RuntimeError: a kernel was launched where no kernbench.Context is active; ...
    """
    _launcher.reset(token)


def current_launcher() -> Launcher:
    """Who takes launches now.

    Raises
    ------
    RuntimeError
        When nobody does.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> token = tl.set_launcher(print)
    >>> tl.current_launcher() is print
    True
    >>> tl.reset_launcher(token)
    """
    launcher = _launcher.get()
    if launcher is None:
        raise RuntimeError(
            "a kernel was launched where no kernbench.Context is active; write "
            "`with kernbench.Context(topology):` around it, or run the script with `kernbench run`"
        )
    return launcher


def resolve_grid(grid: Any, arguments: dict[str, Any]) -> Any:
    """Return the grid as a tuple of ints; a callable is given all arguments by name."""
    if callable(grid):
        try:
            grid = grid(arguments)
        except KeyError as error:
            names = ", ".join(arguments)
            raise KeyError(f"the grid asks for argument {error}; the kernel has {names}") from error
    if hasattr(grid, "__index__") or isinstance(grid, float):
        grid = (grid,)
    if not isinstance(grid, (tuple, list)):
        return grid
    if not 1 <= len(grid) <= 3:
        raise ValueError(f"expected a grid of 1 to 3 sizes, got {grid!r}")
    sizes = []
    for size in grid:
        if not hasattr(size, "__index__") or size.__index__() < 0:
            advice = "; divide with // or tl.cdiv" if isinstance(size, float) else ""
            raise ValueError(
                f"expected a grid of integers that are not negative, got {grid!r}{advice}"
            )
        sizes.append(size.__index__())
    return tuple(sizes)
