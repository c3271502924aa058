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

from __future__ import annotations

from kernbench.language import libdevice, math
from kernbench.language.compiler import CompiledKernel, Param
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
from kernbench.language.jit import JITFunction, jit
from kernbench.language.launch import (
    Launch,
    Launcher,
    current_launcher,
    reset_launcher,
    set_launcher,
)
from kernbench.language.names import constexpr_function
from kernbench.language.ops_index import (
    arange,
    assume,
    cdiv,
    full,
    max_constancy,
    max_contiguous,
    multiple_of,
    next_power_of_2,
    num_programs,
    program_id,
    to_tensor,
    zeros,
    zeros_like,
)
from kernbench.language.ops_math import (
    abs_ as abs,
)
from kernbench.language.ops_math import (
    add,
    ceil,
    clamp,
    cos,
    div_rn,
    erf,
    exp,
    exp2,
    fdiv,
    floor,
    fma,
    isnan,
    log,
    log2,
    logical_and,
    logical_or,
    maximum,
    minimum,
    mul,
    rsqrt,
    sigmoid,
    sin,
    sqrt,
    sqrt_rn,
    sub,
    tanh,
    where,
)
from kernbench.language.ops_math import (
    pow_ as pow,
)
from kernbench.language.ops_memory import debug_barrier, load, store
from kernbench.language.ops_shape import (
    broadcast,
    broadcast_to,
    cast,
    expand_dims,
    permute,
    ravel,
    reshape,
    trans,
    view,
)
from kernbench.language.ops_static import (
    device_assert,
    inline_asm_elementwise,
    static_assert,
    static_print,
    static_range,
)
from kernbench.language.ops_static import (
    range_ as range,
)
from kernbench.language.ops_tile import (
    argmax,
    argmin,
    dot,
    xor_sum,
)
from kernbench.language.ops_tile import (
    max_ as max,
)
from kernbench.language.ops_tile import (
    min_ as min,
)
from kernbench.language.ops_tile import (
    sum_ as sum,
)
from kernbench.language.standard import softmax, swizzle2d

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
    "bfloat16",
    "block_type",
    "broadcast",
    "broadcast_to",
    "cast",
    "cdiv",
    "ceil",
    "clamp",
    "constexpr",
    "constexpr_function",
    "cos",
    "current_launcher",
    "debug_barrier",
    "device_assert",
    "div_rn",
    "dot",
    "dtype",
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
    "num_programs",
    "permute",
    "pointer_type",
    "pow",
    "program_id",
    "range",
    "ravel",
    "reset_launcher",
    "reshape",
    "rsqrt",
    "set_launcher",
    "sigmoid",
    "sin",
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
    "view",
    "void",
    "where",
    "xor_sum",
    "zeros",
    "zeros_like",
]
