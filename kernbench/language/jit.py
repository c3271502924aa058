"""``@kb.jit``: a function becomes a kernel, compiled when it is launched."""

from __future__ import annotations

import ast
import inspect
from collections import ChainMap
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from kernbench.language.binding import bind
from kernbench.language.dtypes import dtype, to_dtype
from kernbench.language.function import KernelFunction
from kernbench.language.launch import Launch, current_launcher, resolve_grid
from kernbench.language.source import (
    Source,
    captured_names,
    is_constexpr_annotation,
    parse_source,
    read_source,
)

if TYPE_CHECKING:
    from kernbench.language.compiler import CompiledKernel


class JITFunction(KernelFunction):
    """A kernel, or a function that kernels call; what ``@kb.jit`` makes.

    Attributes
    ----------
    fn : callable
        The Python function.
    src : str
        Its source text, from ``def`` on; the compiler reads this, not `fn`.
    arg_names : list of str
        Parameter names in order.
    debug : bool
        Whether ``tl.device_assert`` checks conditions held by tiles too.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> @tl.jit
    ... def double(x_ptr, n, BLOCK: tl.constexpr):
    ...     offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    ...     mask = offs < n
    ...     tl.store(x_ptr + offs, tl.load(x_ptr + offs, mask) * 2, mask)
    >>> double.arg_names
    ['x_ptr', 'n', 'BLOCK']
    """

    def __init__(self, fn: Callable[..., Any], *, debug: bool = False) -> None:
        if not inspect.isfunction(fn):
            raise TypeError(f"@kb.jit expects a function, got {fn!r}")
        self.fn = fn
        self.debug = debug
        self.signature = inspect.signature(fn, eval_str=False)
        self.arg_names = list(self.signature.parameters)
        self.__name__ = fn.__name__
        self.__qualname__ = fn.__qualname__
        self.__module__ = fn.__module__
        self.__doc__ = fn.__doc__
        self.__wrapped__ = fn
        self._text: str | None = None
        self._compiled: dict[tuple[Any, ...], CompiledKernel] = {}

    def __repr__(self) -> str:
        return f"<kernbench.jit {self.__module__}.{self.__qualname__}>"

    @property
    def src(self) -> str:
        """Source text, from ``def`` on."""
        return self._origin[0] if self._text is None else self._text

    def _unsafe_update_src(self, new_src: str) -> None:
        """Replace the source text; Triton's scripts know it by this name."""
        self._text = new_src
        self._compiled.clear()
        for name in ("source", "constexpr_names", "annotated_types"):
            self.__dict__.pop(name, None)

    @cached_property
    def _origin(self) -> tuple[str, str, int, int]:
        return read_source(self.fn)

    @cached_property
    def source(self) -> Source:
        """The parsed source text."""
        _, filename, first_line, indent = self._origin
        return parse_source(self.src, filename, first_line, indent)

    @cached_property
    def scope(self) -> Mapping[str, Any]:
        """What names outside the function stand for: its closure, then its globals."""
        captured = captured_names(self.fn)
        if not captured:
            return self.fn.__globals__
        return ChainMap(dict(captured), self.fn.__globals__)

    @cached_property
    def constexpr_names(self) -> frozenset[str]:
        """Parameters annotated ``tl.constexpr``."""
        return frozenset(a.arg for a in self._arguments if is_constexpr_annotation(a.annotation))

    @cached_property
    def annotated_types(self) -> dict[str, dtype]:
        """Parameters annotated with a dtype, such as ``n: tl.int64``."""
        found = {}
        for argument in self._arguments:
            if argument.annotation is None:
                continue
            annotation = argument.annotation
            text = (
                annotation.value
                if isinstance(annotation, ast.Constant)
                else ast.unparse(annotation)
            )
            try:
                found[argument.arg] = to_dtype(text)
            except TypeError:
                continue
        return found

    @property
    def _arguments(self) -> list[ast.arg]:
        arguments = self.source.tree.args
        return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]

    def compile(self, *args: Any, **kwargs: Any) -> CompiledKernel:
        """Return the kernel for these launch arguments: from the cache, or compiled now.

        Raises
        ------
        TypeError
            When the arguments do not fit the parameters.
        CompilationError
            When the kernel is not one.
        """
        return self._compile(bind(self, args, kwargs))

    def _compile(self, bound: Any) -> CompiledKernel:
        kernel = self._compiled.get(bound.key)
        if kernel is None or not kernel.is_current():
            # Scripts that launch nothing, and `import kernbench`, do without the compiler.
            from kernbench.language.compiler import compile_kernel

            kernel = compile_kernel(self, bound.types, bound.constants)
            self._compiled[bound.key] = kernel
        return kernel

    def run(self, *args: Any, grid: Any, warmup: bool = False, **kwargs: Any) -> Any:
        """Launch over `grid`; with `warmup`, only compile."""
        if warmup:
            return self.warmup(*args, grid=grid, **kwargs)
        bound = bind(self, args, kwargs)
        launcher = current_launcher()
        sizes = resolve_grid(grid, bound.everything)
        return launcher(Launch(self._compile(bound), bound.arguments, sizes, self))

    def warmup(self, *args: Any, grid: Any, **kwargs: Any) -> CompiledKernel:
        """Compile for these arguments without launching."""
        bound = bind(self, args, kwargs)
        resolve_grid(grid, bound.everything)
        return self._compile(bound)

    def __getitem__(self, grid: Any) -> BoundLauncher:
        return BoundLauncher(self, grid)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: kernels are launched."""
        raise RuntimeError(
            f"{self.__name__} is a kernel: launch it with {self.__name__}[grid](...), or call it "
            "from another kernel"
        )


class BoundLauncher:
    """``kernel[grid]``: call it with the kernel's arguments to launch."""

    def __init__(self, function: JITFunction, grid: Any) -> None:
        self.function = function
        self.grid = grid

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Launch."""
        return self.function.run(*args, grid=self.grid, **kwargs)


@overload
def jit(fn: Callable[..., Any]) -> JITFunction: ...


@overload
def jit(
    *,
    debug: bool = ...,
    version: Any = ...,
    repr: Any = ...,
    launch_metadata: Any = ...,
    do_not_specialize: Any = ...,
    do_not_specialize_on_alignment: Any = ...,
    noinline: bool = ...,
) -> Callable[[Callable[..., Any]], JITFunction]: ...


def jit(
    fn: Callable[..., Any] | None = None,
    *,
    debug: bool = False,
    version: Any = None,
    repr: Any = None,
    launch_metadata: Any = None,
    do_not_specialize: Any = None,
    do_not_specialize_on_alignment: Any = None,
    noinline: bool = False,
) -> JITFunction | Callable[[Callable[..., Any]], JITFunction]:
    """Make a kernel of a function; use it bare, or with Triton's options.

    Parameters
    ----------
    fn : callable
        A function in the kernel language.
    debug : bool
        Check ``tl.device_assert`` on conditions held by tiles too.
    version, repr, launch_metadata, noinline : object
        Accepted; they mean nothing on this machine.
    do_not_specialize, do_not_specialize_on_alignment : object
        Accepted; kernels are specialised on types and constexpr values only, never on numbers.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, 2 * x)
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 2.0, 3.0, 4.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [2. 4. 6. 8.]
    """

    def decorate(function: Callable[..., Any]) -> JITFunction:
        return function if isinstance(function, JITFunction) else JITFunction(function, debug=debug)

    return decorate if fn is None else decorate(fn)
