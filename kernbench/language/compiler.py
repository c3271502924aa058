"""From a jit function and what its arguments are to KIR: walk, simplify, free tiles, encode."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kernbench.language.dtypes import dtype, pointer_type
from kernbench.language.emitter import Emitter
from kernbench.language.encode import encode
from kernbench.language.joins import Binding
from kernbench.language.liveness import free_tiles
from kernbench.language.names import wrap_global
from kernbench.language.registers import share_registers
from kernbench.language.simplify import simplify
from kernbench.language.statements import FunctionWalker
from kernbench.language.values import Kind, Refusal, Type, Value

if TYPE_CHECKING:
    from kernbench.language.jit import JITFunction


@dataclass(frozen=True, slots=True)
class Param:
    """A run-time parameter of a compiled kernel: its name and type.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> @tl.jit
    ... def noted(n, SIZE: tl.constexpr):
    ...     tl.device_assert(n < SIZE)
    >>> [(param.name, str(param.dtype)) for param in noted.compile(5, SIZE=8).params]
    [('n', 'int32')]
    """

    name: str
    dtype: dtype | pointer_type


@dataclass(frozen=True, slots=True, eq=False)
class CompiledKernel:
    """A kernel specialised on its compile-time arguments and the types of the others.

    Attributes
    ----------
    name : str
        Name of the function.
    code : bytes
        The KIR (csrc/kernel/kir.h), for ``_core``.
    digest : str
        Hash of `code`: equal bytes, equal digest.
    params : tuple of Param
        Run-time parameters in order; constexpr ones are not among them.
    filename, first_line : str, int
        Where the ``def`` stands: line n of `code` is line ``first_line + n - 1`` of the file.
    constants : dict
        Compile-time arguments by name.

    Examples
    --------
    >>> import kernbench.language as tl
    >>> @tl.jit
    ... def noted(n, SIZE: tl.constexpr):
    ...     tl.device_assert(n < SIZE)
    >>> kernel = noted.compile(5, SIZE=8)
    >>> kernel.name, kernel.constants
    ('noted', {'SIZE': 8})
    """

    name: str
    code: bytes
    digest: str
    params: tuple[Param, ...]
    filename: str
    first_line: int
    constants: Mapping[str, Any]
    used_globals: Mapping[tuple[int, str], tuple[Mapping[str, Any], Any]] = field(repr=False)

    def is_current(self) -> bool:
        """Whether the globals that it was compiled with still have the same values."""
        missing = object()
        return all(
            scope.get(name, missing) is value or scope.get(name, missing) == value
            for (_, name), (scope, value) in self.used_globals.items()
        )


def compile_kernel(
    function: JITFunction,
    types: Mapping[str, dtype | pointer_type],
    constants: Mapping[str, Any],
) -> CompiledKernel:
    """Compile a jit function.

    Parameters
    ----------
    function : JITFunction
        The kernel.
    types : mapping
        Type of each run-time parameter, by name.
    constants : mapping
        Python object of each compile-time parameter, by name.

    Raises
    ------
    CompilationError
        For what the language does not have, with file, line and column.
    """
    source = function.source
    emitter = Emitter(function.__name__, debug=function.debug)
    env: dict[str, Binding] = {}
    try:
        for name in function.arg_names:
            if name in types:
                type_ = Type(Kind.SCALAR, types[name])
                value = Value(emitter.function.new_reg(type_), type_)
                emitter.function.param_names.append(name)
                emitter.function.param_regs.append(value.reg)
                env[name] = Binding(value, source.first_line)
            else:
                env[name] = Binding(wrap_global(name, constants[name]), source.first_line)
        used: dict[tuple[int, str], tuple[Mapping[str, Any], Any]] = {}
        walker = FunctionWalker(emitter, source, function.scope, env, used)
        walker.visit_body(source.tree.body)
        if emitter.block is not None:
            emitter.end()
        finished = emitter.finish()
        simplify(finished)
        free_tiles(finished)
        share_registers(finished)
        code = encode(finished)
    except Refusal as refusal:
        raise source.error(refusal, source.tree) from None
    sys.stdout.write("".join(emitter.prints))
    return CompiledKernel(
        name=function.__name__,
        code=code,
        digest=hashlib.blake2b(code, digest_size=16).hexdigest(),
        params=tuple(Param(name, types[name]) for name in function.arg_names if name in types),
        filename=source.filename,
        first_line=source.first_line,
        constants=dict(constants),
        used_globals=used,
    )
