"""The operations of the language under their public names: what ``tl`` is loaded with on first use.

Importing them imports the compiler, which `import kernbench` does without.
"""

from __future__ import annotations

from kernbench.language import core, extra, libdevice, math
from kernbench.language.compiler import CompiledKernel, Param
from kernbench.language.lanes import map_elementwise
from kernbench.language.ops_absent import (
    atomic_add,
    atomic_and,
    atomic_cas,
    atomic_max,
    atomic_min,
    atomic_or,
    atomic_xchg,
    atomic_xor,
)
from kernbench.language.ops_block_pointer import advance, make_block_ptr
from kernbench.language.ops_cast import cast
from kernbench.language.ops_composite import composite, epilogue, wait
from kernbench.language.ops_descriptor import (
    load_tensor_descriptor,
    make_tensor_descriptor,
    store_tensor_descriptor,
)
from kernbench.language.ops_dot import dot
from kernbench.language.ops_dot_scaled import dot_scaled
from kernbench.language.ops_fold import reduce, reduce_or
from kernbench.language.ops_gather import flip, gather, squeeze, unsqueeze
from kernbench.language.ops_hint import assume, max_constancy, max_contiguous, multiple_of
from kernbench.language.ops_index import (
    arange,
    cdiv,
    full,
    next_power_of_2,
    num_programs,
    program_id,
    to_tensor,
    zeros,
    zeros_like,
)
from kernbench.language.ops_join import cat, interleave, join, split
from kernbench.language.ops_loop import condition, static_range
from kernbench.language.ops_loop import range_ as range
from kernbench.language.ops_math import (
    PropagateNan,
    add,
    clamp,
    div_rn,
    fdiv,
    fma,
    maximum,
    minimum,
    mul,
    sub,
)
from kernbench.language.ops_math import abs_ as abs
from kernbench.language.ops_math import pow_ as pow
from kernbench.language.ops_memory import debug_barrier, load, store
from kernbench.language.ops_peer import recv, remote, send
from kernbench.language.ops_place import cube_id, num_cubes, num_pes, num_sips, pe_id, sip_id
from kernbench.language.ops_print import device_print
from kernbench.language.ops_reduce import argmax, argmin, xor_sum
from kernbench.language.ops_reduce import max_ as max
from kernbench.language.ops_reduce import min_ as min
from kernbench.language.ops_reduce import sum_ as sum
from kernbench.language.ops_scan import associative_scan, cumprod, cumsum
from kernbench.language.ops_shape import (
    broadcast,
    broadcast_to,
    expand_dims,
    permute,
    ravel,
    reshape,
    trans,
    view,
)
from kernbench.language.ops_sort import bitonic_merge, histogram, sort, topk
from kernbench.language.ops_special import (
    ceil,
    cos,
    erf,
    exp,
    exp2,
    floor,
    log,
    log2,
    rsqrt,
    sigmoid,
    sin,
    sqrt,
    sqrt_rn,
    tanh,
)
from kernbench.language.ops_static import (
    device_assert,
    inline_asm_elementwise,
    static_assert,
    static_print,
)
from kernbench.language.ops_static import tuple_ as tuple
from kernbench.language.ops_switch import reduce_recv, reduce_send, sip_group
from kernbench.language.ops_truth import isnan, logical_and, logical_or, where
from kernbench.language.philox import philox, philox_impl, umulhi
from kernbench.language.random import (
    pair_uniform_to_normal,
    rand,
    rand4x,
    randint,
    randint4x,
    randn,
    randn4x,
    uint_to_uniform_float,
)
from kernbench.language.standard import barrier, softmax, swizzle2d

__all__ = [
    "CompiledKernel",
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
    "bitonic_merge",
    "broadcast",
    "broadcast_to",
    "cast",
    "cat",
    "cdiv",
    "ceil",
    "clamp",
    "composite",
    "condition",
    "core",
    "cos",
    "cube_id",
    "cumprod",
    "cumsum",
    "debug_barrier",
    "device_assert",
    "device_print",
    "div_rn",
    "dot",
    "dot_scaled",
    "epilogue",
    "erf",
    "exp",
    "exp2",
    "expand_dims",
    "extra",
    "fdiv",
    "flip",
    "floor",
    "fma",
    "full",
    "gather",
    "histogram",
    "inline_asm_elementwise",
    "interleave",
    "isnan",
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
    "reshape",
    "rsqrt",
    "send",
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
    "to_tensor",
    "topk",
    "trans",
    "tuple",
    "uint_to_uniform_float",
    "umulhi",
    "unsqueeze",
    "view",
    "wait",
    "where",
    "xor_sum",
    "zeros",
    "zeros_like",
]
