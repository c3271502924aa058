"""The operations of the language under their public names: what ``tl`` is loaded with on first use.

Importing them imports the compiler, which `import kernbench` does without.
"""

from __future__ import annotations

from kernbench.language import libdevice, math
from kernbench.language.compiler import CompiledKernel, Param
from kernbench.language.ops_composite import composite, epilogue, wait
from kernbench.language.ops_descriptor import make_tensor_descriptor
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
from kernbench.language.ops_peer import (
    cube_id,
    num_cubes,
    num_pes,
    num_sips,
    pe_id,
    recv,
    remote,
    send,
    sip_id,
)
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
from kernbench.language.standard import barrier, softmax, swizzle2d

__all__ = [
    "CompiledKernel",
    "Param",
    "abs",
    "add",
    "arange",
    "argmax",
    "argmin",
    "assume",
    "barrier",
    "broadcast",
    "broadcast_to",
    "cast",
    "cdiv",
    "ceil",
    "clamp",
    "composite",
    "cos",
    "cube_id",
    "debug_barrier",
    "device_assert",
    "div_rn",
    "dot",
    "epilogue",
    "erf",
    "exp",
    "exp2",
    "expand_dims",
    "fdiv",
    "floor",
    "fma",
    "full",
    "inline_asm_elementwise",
    "isnan",
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
    "pe_id",
    "permute",
    "pow",
    "program_id",
    "range",
    "ravel",
    "recv",
    "remote",
    "reshape",
    "rsqrt",
    "send",
    "sigmoid",
    "sin",
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
    "to_tensor",
    "trans",
    "view",
    "wait",
    "where",
    "xor_sum",
    "zeros",
    "zeros_like",
]
