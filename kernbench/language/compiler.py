"""From a jit function and what its arguments are to KIR: walk, simplify, free tiles, encode."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kernbench.language.binding import ArgumentType, Fixed, TupleType
from kernbench.language.dtypes import dtype, int64, pointer_type
from kernbench.language.emitter import Emitter, check_shape
from kernbench.language.encode import encode
from kernbench.language.host_descriptor import DescriptorType
from kernbench.language.joins import Binding
from kernbench.language.liveness import free_tiles
from kernbench.language.names import packed, wrap_global
from kernbench.language.ops_descriptor import Descriptor
from kernbench.language.registers import share_registers
from kernbench.language.simplify import simplify
from kernbench.language.statements import FunctionWalker
from kernbench.language.values import Const, Kind, Operand, Refusal, Type, Value

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
    prints : bool
        Whether it has a ``tl.device_print``.

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
    prints: bool
    used_globals: Mapping[tuple[int, str], tuple[Mapping[str, Any], Any]] = field(repr=False)

    def is_current(self) -> bool:
        """Whether the globals that it was compiled with still have the same values."""
        missing = object()
        return all(
            scope.get(name, missing) is value or scope.get(name, missing) == value
            for (_, name), (scope, value) in self.used_globals.items()
        )


def _parameter(e: Emitter, name: str, type_: dtype | pointer_type) -> Value:
    value = Value(e.function.new_reg(Type(Kind.SCALAR, type_)), Type(Kind.SCALAR, type_))
    e.function.param_names.append(name)
    e.function.param_regs.append(value.reg)
    return value


def _argument(e: Emitter, name: str, type_: ArgumentType | Fixed) -> Operand:
    """Return the operand of an argument, whose parameters are those that `bind` gives values."""
    if isinstance(type_, Fixed):
        return wrap_global(name, type_.value)
    if isinstance(type_, TupleType):
        items = enumerate(type_.items)
        return packed(type_.cls, tuple(_argument(e, f"{name}[{i}]", item) for i, item in items))
    if not isinstance(type_, DescriptorType):
        return _parameter(e, name, type_)
    check_shape(type_.block_shape)
    base = _parameter(e, name, type_.base)
    shape, strides = (
        tuple(_parameter(e, f"{name}.{part}[{d}]", int64) for d in range(len(type_.block_shape)))
        for part in ("shape", "strides")
    )
    return Const(Descriptor(base, shape, strides, type_.block_shape))


def compile_kernel(
    function: JITFunction,
    types: Mapping[str, ArgumentType],
    constants: Mapping[str, Any],
) -> CompiledKernel:
    """Compile a jit function.

    Parameters
    ----------
    function : JITFunction
        The kernel.
    types : mapping
        Type of each run-time argument, by name.
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
                env[name] = Binding(_argument(emitter, name, types[name]), source.first_line)
            else:
                env[name] = Binding(wrap_global(name, constants[name]), source.first_line)
        made = emitter.function
        given = zip(made.param_names, made.param_regs, strict=True)
        params = tuple(Param(name, made.types[reg].dtype) for name, reg in given)
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
        params=params,
        filename=source.filename,
        first_line=source.first_line,
        constants=dict(constants),
        prints=any(inst.op == "print" for block in finished.blocks for inst in block.insts),
        used_globals=used,
    )
