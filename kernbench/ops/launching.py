"""Launching a built-in kernel with little host time: types are known, so nothing is inspected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kernbench.language import dtypes as tl
from kernbench.language.launch import Launch
from kernbench.runtime.storage import Storage
from kernbench.runtime.tensor import Tensor

if TYPE_CHECKING:
    from kernbench.language.jit import JITFunction
    from kernbench.runtime.context import Context

__all__ = ["block_for", "launch", "next_power_of_2", "pes_of"]

_INT64 = tl.int64
_FP64 = tl.float64


def next_power_of_2(n: int) -> int:
    """Return the least power of 2 that is at least `n`."""
    return 1 << max(n - 1, 0).bit_length()


def context_of(tensor: Tensor) -> Context:
    """Return the context of a tensor on the machine."""
    storage = tensor._storage
    assert isinstance(storage, Storage)
    return storage.context


def pes_of(tensor: Tensor) -> int:
    """Count the PEs of the SIP that a tensor lies on."""
    return context_of(tensor)._pes_per_sip


def block_for(n: int, pes: int, most: int = 4096, least: int = 1024) -> int:
    """Choose how many of `n` elements a program takes: a share each, within bounds."""
    share = next_power_of_2(-(-n // pes))
    return min(max(share, least), most, max(next_power_of_2(n), 16))


def launch(
    kernel: JITFunction, on: Tensor, programs: int, arguments: tuple[Any, ...], **constants: Any
) -> None:
    """Launch `kernel` on the SIP of the tensor `on`, with a grid of `programs`.

    Each argument is a tensor, an int (int64 in the kernel), a float (fp64), or None for a parameter
    that the constants make unused.  Constants name what remains of the parameters, in order.
    """
    key: list[Any] = [
        a._dtype.element
        if isinstance(a, Tensor)
        else None
        if a is None
        else _INT64
        if isinstance(a, int)
        else _FP64
        for a in arguments
    ]
    key.append("ops")
    key.extend(constants.values())
    place = tuple(key)
    compiled = kernel._compiled.get(place)
    if compiled is None:
        from kernbench.language.compiler import compile_kernel

        types: dict[str, Any] = {}
        values: dict[str, Any] = dict(constants)
        for name, argument, kind in zip(kernel.arg_names, arguments, key, strict=False):
            if argument is None:
                values[name] = None
            else:
                types[name] = tl.pointer_type(kind) if isinstance(argument, Tensor) else kind
        compiled = compile_kernel(kernel, types, values)
        kernel._compiled[place] = compiled
    given = tuple(a for a in arguments if a is not None)
    context_of(on)._launch(Launch(compiled, given, (programs,), kernel))
