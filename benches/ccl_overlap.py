"""All-reduce beside a product: `kernbench run --topology FILE benches/ccl_overlap.py`.

Each SIP multiplies matrices while it takes part in an all-reduce of another tensor, in the
communication context of its PEs (ADR-0023 D27).  Printed is what either takes alone, what both take
one after the other, and what they take together; they share PE_CPU, the engines and the memory.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import kernbench as kb
import kernbench.language as tl
from kernbench import ccl


@kb.jit
def product(a_ptr, b_ptr, c_ptr, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    """Each program one tile of rows; N is one tile wide."""
    row, col, k = tl.program_id(0) * BM + tl.arange(0, BM), tl.arange(0, BN), tl.arange(0, BK)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, K, BK):
        a = tl.load(a_ptr + row[:, None] * K + (start + k)[None, :])
        b = tl.load(b_ptr + (start + k)[:, None] * BN + col[None, :])
        acc = tl.dot(a, b, acc)
    tl.store(c_ptr + row[:, None] * BN + col[None, :], acc)


def measure(ctx: kb.Context, args: argparse.Namespace, products: bool, reduces: bool) -> float:
    """Run what is asked for on all SIPs, and return how long it took, in nanoseconds."""
    n_sips = ctx.topology.system["n_sips"]
    group = ccl.Group(range(n_sips))
    rows, k, wide = args.rows, args.k, 128
    ones = np.ones
    operands = []
    for sip in range(n_sips):
        a = ctx.tensor(ones((rows, k), np.float16), sip=sip)
        b = ctx.tensor(ones((k, wide), np.float16), sip=sip)
        c = ctx.empty(rows, wide, sip=sip)
        x = ctx.tensor(np.full(args.count, sip, np.float32), sip=sip)
        operands.append((a, b, c, x))
    ctx.synchronize()
    begin_fs = ctx.now_fs
    for rank, (a, b, c, x) in enumerate(operands):
        if reduces:
            ccl.launch(
                ctx, "all_reduce", group=group, rank=rank, input=x, output=x, stream=1,
                algorithm=args.algorithm,
            )  # fmt: skip
        if products:
            product[(rows // 128,)](a, b, c, k, BM=128, BN=wide, BK=64)
    ctx.synchronize()
    taken_ns = (ctx.now_fs - begin_fs) / 1e6
    if ctx.data:
        for _, _, c, x in operands:
            if products and not np.array_equal(c.numpy(), np.full((rows, wide), k)):
                raise SystemExit("the product is wrong")
            total = n_sips * (n_sips - 1) // 2
            if reduces and not np.array_equal(x.numpy(), np.full(args.count, total)):
                raise SystemExit("the all-reduce is wrong")
    return taken_ns


def run(torch: Any) -> None:
    """Entry of `kernbench run`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2048, help="rows of A, a multiple of 128")
    parser.add_argument("--k", type=int, default=1024, help="columns of A, a multiple of 64")
    parser.add_argument("--count", type=int, default=1 << 20, help="elements to reduce, fp32")
    parser.add_argument("--algorithm", help="a name of ccl.algorithms('all_reduce')")
    args = parser.parse_args()
    if args.rows < 128 or args.rows % 128 or args.k < 64 or args.k % 64 or args.count < 1:
        parser.error("expected rows in multiples of 128, k in multiples of 64, and a count")
    ctx = kb.current_context()
    names = ccl.algorithms("all_reduce")
    if args.algorithm not in (None, "ring_default_ws", *names):
        parser.error(f"expected --algorithm to be one of {', '.join(names)}, got {args.algorithm}")
    alone = measure(ctx, args, True, False)
    try:
        reduce = measure(ctx, args, False, True)
    except ValueError as error:  # an algorithm that is not made for these SIPs
        parser.error(str(error))
    both = measure(ctx, args, True, True)
    hidden = (alone + reduce - both) / min(alone, reduce)
    print(f"product alone      {alone:14,.0f} ns")
    print(f"all-reduce alone   {reduce:14,.0f} ns")
    print(f"together           {both:14,.0f} ns, {hidden:.0%} of the shorter one hidden")
