"""All-reduce over all SIPs, by size: `kernbench run --no-data benches/ccl_allreduce.py`.

Columns are those of nccl-tests: algbw is the size over the time, busbw is 2 (p - 1) / p times that,
which on a ring is what each link carries.  Times are simulated, from the host's call to completion
on the slowest rank, over a few calls in a row.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import kernbench as kb
from kernbench import distributed as dist

DTYPES = {"fp16": kb.float16, "fp32": kb.float32}
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def nbytes_of(text: str) -> int:
    """``64M``, ``1K``, ``4096``."""
    unit = UNITS.get(text[-1:].upper(), 1)
    digits = text if unit == 1 else text[:-1]
    if not digits.isdecimal() or int(digits) < 1:
        raise argparse.ArgumentTypeError(f"expected a size such as 4096, 1K or 64M, got {text!r}")
    return int(digits) * unit


def worker(rank: int, sizes: list[int], args: argparse.Namespace, results: Any) -> None:
    torch = kb.current_context()
    dist.init_process_group("nccl")
    p, dtype = dist.get_world_size(), DTYPES[args.dtype]
    for nbytes in sizes:
        count = max(1, nbytes // dtype.itemsize)
        wrong = 0
        if torch.data:
            x = torch.tensor(np.full(count, rank + 1, np.float32), dtype=dtype)
            dist.all_reduce(x)
            wrong = int((x.numpy() != p * (p + 1) // 2).sum())
        x = torch.zeros(count, dtype=dtype)
        dist.barrier()
        torch.synchronize()
        begin_fs = torch.now_fs
        for _ in range(args.iters):
            dist.all_reduce(x)
        torch.synchronize()
        results.put((nbytes, count, (torch.now_fs - begin_fs) / args.iters / 1e9, wrong))
        dist.barrier()
    dist.destroy_process_group()


def run(torch: Any) -> None:
    parser = argparse.ArgumentParser(prog="ccl_allreduce.py", description="all-reduce by size")
    parser.add_argument("--min", type=nbytes_of, default="1K", help="smallest size; default 1K")
    parser.add_argument("--max", type=nbytes_of, default="64M", help="largest size; default 64M")
    parser.add_argument("--factor", type=int, default=4, help="between sizes; default 4")
    parser.add_argument("--iters", type=int, default=2, help="calls in a row; default 2")
    parser.add_argument("--dtype", choices=DTYPES, default="fp32", help="default fp32")
    parser.add_argument("--ranks", type=int, help="default: one for each SIP")
    args = parser.parse_args()
    sips = torch.topology.system["n_sips"]
    p = sips if args.ranks is None else args.ranks
    if not 1 <= p <= sips:
        parser.error(f"expected --ranks from 1 to {sips}, the SIPs there are (--set system.sips=N)")
    if args.factor < 2 or args.iters < 1 or args.min > args.max:
        parser.error("expected --factor of at least 2, --iters of at least 1, --min up to --max")
    sizes = [args.min]
    while sizes[-1] * args.factor <= args.max:
        sizes.append(sizes[-1] * args.factor)
    results = torch.multiprocessing.Queue()
    torch.multiprocessing.spawn(worker, args=(sizes, args, results), nprocs=p)

    slowest: dict[int, tuple[int, float, int]] = {}
    while not results.empty():
        nbytes, count, us, wrong = results.get()
        before = slowest.get(nbytes, (count, 0.0, 0))
        slowest[nbytes] = count, max(us, before[1]), wrong + before[2]
    print(f"# all_reduce, sum, {args.dtype}, {p} ranks")
    print(
        f"{'size B':>12} {'count':>12} {'time us':>12} {'algbw GB/s':>12} {'busbw GB/s':>12}  wrong"
    )
    for nbytes, (count, us, wrong) in slowest.items():
        algbw = count * DTYPES[args.dtype].itemsize / us / 1e3
        shown = wrong if torch.data else "-"
        print(
            f"{nbytes:>12} {count:>12} {us:>12.2f} {algbw:>12.2f} "
            f"{algbw * 2 * (p - 1) / p:>12.2f}  {shown:>5}"
        )
    if any(wrong for _, _, wrong in slowest.values()):
        raise SystemExit("ccl_allreduce: the numbers differ from the sum")
