"""out = x + y for long vectors: `kernbench run benches/vector_add.py --n 1000000`."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import kernbench as kb
import kernbench.language as tl


@kb.jit
def vector_add(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, x + y, mask=mask)


def run(torch: Any) -> None:
    parser = argparse.ArgumentParser(prog="vector_add.py", description="out = x + y in float32")
    parser.add_argument("--n", type=int, default=1 << 20, help="elements; default 1048576")
    parser.add_argument("--block", type=int, default=4096, help="of a program")
    args = parser.parse_args()
    if args.n < 1 or args.block < 1 or args.block & (args.block - 1):
        parser.error("expected --n of at least 1 and --block a power of two")

    # Blocked, the default placement: the slice of PE j holds the j-th part of each vector, and the
    # programs on PE j are the j-th part of all.  So nearly every byte comes from its own slice.
    shape = (args.n,)
    if torch.data:
        rng = np.random.default_rng(torch.seed)
        host_x, host_y = rng.standard_normal((2, *shape), dtype=np.float32)
    else:
        host_x = host_y = np.broadcast_to(np.float32(0), shape)
    x, y = torch.tensor(host_x), torch.tensor(host_y)
    out = torch.empty(shape, dtype=kb.float32)
    programs = -(-args.n // args.block)
    vector_add[(programs,)](x, y, out, args.n, BLOCK=args.block)
    print(f"vector_add: {args.n} x float32, {programs} programs of {args.block} elements")

    if torch.data:
        error = np.abs(out.numpy() - (host_x + host_y)).max()
        print(f"max error {error:g}, tolerance 0 (one addition, rounded once, as NumPy's)")
        if error != 0:
            raise SystemExit("vector_add: the numbers differ from NumPy's")
