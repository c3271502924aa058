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

from kernbench.language.constant import constexpr
from kernbench.language.dtypes import (
    TRITON_MAX_TENSOR_NUMEL,
    bfloat16,
    block_type,
    const,
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
    pi32_t,
    pointer_type,
    tensor,
    tensor_descriptor,
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
    "TRITON_MAX_TENSOR_NUMEL",
    "CompiledKernel",
    "JITFunction",
    "Launch",
    "Launcher",
    "Param",
    "PropagateNan",
    "abs",
    "add",
    "advance",
    "arange",
    "argmax",
    "argmin",
    "associative_scan",
    "assume",
    "atomic_add",
    "atomic_and",
    "atomic_cas",
    "atomic_max",
    "atomic_min",
    "atomic_or",
    "atomic_xchg",
    "atomic_xor",
    "barrier",
    "bfloat16",
    "bitonic_merge",
    "block_type",
    "broadcast",
    "broadcast_to",
    "cast",
    "cat",
    "cdiv",
    "ceil",
    "clamp",
    "composite",
    "condition",
    "const",
    "constexpr",
    "constexpr_function",
    "core",
    "cos",
    "cube_id",
    "cumprod",
    "cumsum",
    "current_launcher",
    "debug_barrier",
    "device_assert",
    "device_print",
    "div_rn",
    "dot",
    "dot_scaled",
    "dtype",
    "epilogue",
    "erf",
    "exp",
    "exp2",
    "expand_dims",
    "extra",
    "fdiv",
    "flip",
    "float8e4nv",
    "float8e5",
    "float16",
    "float32",
    "float64",
    "floor",
    "fma",
    "full",
    "gather",
    "histogram",
    "inline_asm_elementwise",
    "int1",
    "int8",
    "int16",
    "int32",
    "int64",
    "interleave",
    "isnan",
    "jit",
    "join",
    "libdevice",
    "load",
    "load_tensor_descriptor",
    "log",
    "log2",
    "logical_and",
    "logical_or",
    "make_block_ptr",
    "make_tensor_descriptor",
    "map_elementwise",
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
    "philox_impl",
    "pi32_t",
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
    "reduce",
    "reduce_or",
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
    "sort",
    "split",
    "sqrt",
    "sqrt_rn",
    "squeeze",
    "static_assert",
    "static_print",
    "static_range",
    "store",
    "store_tensor_descriptor",
    "sub",
    "sum",
    "swizzle2d",
    "tanh",
    "tensor",
    "tensor_descriptor",
    "to_dtype",
    "to_tensor",
    "topk",
    "trans",
    "tuple",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "uint_to_uniform_float",
    "umulhi",
    "unsqueeze",
    "view",
    "void",
    "wait",
    "where",
    "xor_sum",
    "zeros",
    "zeros_like",
]


_ADVICE = {
    **dict.fromkeys(
        ("float8e4b15", "float8e4b8", "float8e5b16"), "the machine has float8e4nv and float8e5"
    ),
    "relu": "use tl.maximum(x, 0.0)",
    "target_info": "there is no target to ask; the machine is that of the topology",
    "constexpr_type": "annotate constants with tl.constexpr",
    "slice": "use Python's own syntax for it",
}
"""What to do without a name of Triton's, for the error that it is not here."""


def __getattr__(name: str) -> Any:
    """Load the operations, and with them the compiler, when the first of them is asked for."""
    if name in __all__:
        operations = importlib.import_module("kernbench.language.operations")
        globals().update({each: getattr(operations, each) for each in operations.__all__})
        return globals()[name]
    from kernbench.language.advice import nearest

    advice = f"; {_ADVICE[name]}" if name in _ADVICE else nearest(name, __all__)
    raise AttributeError(f"tl.{name} is not in kernbench.language{advice}")


def __dir__() -> list[str]:
    return __all__
