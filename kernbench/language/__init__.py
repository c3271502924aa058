"""The kernel language: what kernels import as ``tl``, and ``jit``, which makes them.

Names, signatures and semantics are Triton's.  The runtime takes launches by `set_launcher`.

Examples
--------
>>> import kernbench.language as tl
>>> @tl.jit
... def add(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
...     offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
...     mask = offs < n
...     total = tl.load(x_ptr + offs, mask) + tl.load(y_ptr + offs, mask)
...     tl.store(out_ptr + offs, total, mask)
"""

# ruff: noqa: F405 - __all__ names the operations, which are loaded on first use
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kernbench.language.dtypes import (
    bfloat16,
    block_type,
    constexpr,
    dtype,
    float8e4nv,
    float8e5,
    float16,
    float32,
    float64,
    int1,
    int8,
    int16,
    int32,
    int64,
    pointer_type,
    tensor,
    to_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
    void,
)
from kernbench.language.function import constexpr_function
from kernbench.language.jit import JITFunction, jit
from kernbench.language.launch import (
    Launch,
    Launcher,
    current_launcher,
    reset_launcher,
    set_launcher,
)

if TYPE_CHECKING:
    from kernbench.language.operations import *  # noqa: F403 - their list is in operations.py

__all__ = [
    "CompiledKernel",
    "JITFunction",
    "Launch",
    "Launcher",
    "Param",
    "abs",
    "add",
    "arange",
    "argmax",
    "argmin",
    "assume",
    "barrier",
    "bfloat16",
    "block_type",
    "broadcast",
    "broadcast_to",
    "cast",
    "cdiv",
    "ceil",
    "clamp",
    "composite",
    "constexpr",
    "constexpr_function",
    "cos",
    "cube_id",
    "current_launcher",
    "debug_barrier",
    "device_assert",
    "div_rn",
    "dot",
    "dtype",
    "epilogue",
    "erf",
    "exp",
    "exp2",
    "expand_dims",
    "fdiv",
    "float8e4nv",
    "float8e5",
    "float16",
    "float32",
    "float64",
    "floor",
    "fma",
    "full",
    "inline_asm_elementwise",
    "int1",
    "int8",
    "int16",
    "int32",
    "int64",
    "isnan",
    "jit",
    "libdevice",
    "load",
    "log",
    "log2",
    "logical_and",
    "logical_or",
    "make_tensor_descriptor",
    "math",
    "max",
    "max_constancy",
    "max_contiguous",
    "maximum",
    "min",
    "minimum",
    "mul",
    "multiple_of",
    "next_power_of_2",
    "num_cubes",
    "num_pes",
    "num_programs",
    "num_sips",
    "pair_uniform_to_normal",
    "pe_id",
    "permute",
    "philox",
    "pointer_type",
    "pow",
    "program_id",
    "rand",
    "rand4x",
    "randint",
    "randint4x",
    "randn",
    "randn4x",
    "range",
    "ravel",
    "recv",
    "reduce_recv",
    "reduce_send",
    "remote",
    "reset_launcher",
    "reshape",
    "rsqrt",
    "send",
    "set_launcher",
    "sigmoid",
    "sin",
    "sip_group",
    "sip_id",
    "softmax",
    "sqrt",
    "sqrt_rn",
    "static_assert",
    "static_print",
    "static_range",
    "store",
    "sub",
    "sum",
    "swizzle2d",
    "tanh",
    "tensor",
    "to_dtype",
    "to_tensor",
    "trans",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "uint_to_uniform_float",
    "umulhi",
    "view",
    "void",
    "wait",
    "where",
    "xor_sum",
    "zeros",
    "zeros_like",
]


def __getattr__(name: str) -> Any:
    """Load the operations, and with them the compiler, when the first of them is asked for."""
    if name in __all__:
        operations = importlib.import_module("kernbench.language.operations")
        globals().update({each: getattr(operations, each) for each in operations.__all__})
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
