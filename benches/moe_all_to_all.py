"""A mixture of experts over ranks: `kernbench run benches/moe_all_to_all.py`.

Each rank holds some tokens and one expert.  A gate picks an expert for each token; all-to-all takes
the tokens there, the experts compute, and a second all-to-all brings them back.  How many tokens go
where depends on the data, so the pieces are uneven.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

import kernbench as kb


def drawn(shape: tuple[int, ...], seed: int) -> Any:
    values = np.random.default_rng(seed).standard_normal(shape) / shape[-1] ** 0.5
    return values.astype(np.float32)


def expert_of(words: argparse.Namespace, x: Any) -> Any:
    """Return what the gate picks: the place of a projection's greatest element."""
    return (x @ drawn((words.width, words.ranks), 99)).argmax(-1)


def worker(rank: int, words: argparse.Namespace, results: dict[int, Any]) -> None:
    dist.init_process_group("nccl")
    n, width = words.ranks, words.width
    host = drawn((words.tokens, width), rank)
    choice = torch.from_numpy(expert_of(words, host))
    order = torch.argsort(choice, stable=True)
    counts = torch.bincount(choice, minlength=n)
    x = torch.from_numpy(host).cuda()
    up = torch.from_numpy(drawn((width, words.hidden), 100 + rank)).cuda()
    down = torch.from_numpy(drawn((words.hidden, width), 200 + rank)).cuda()

    coming = torch.empty_like(counts).cuda()
    dist.all_to_all_single(coming, counts.cuda())
    sent, received = counts.tolist(), coming.tolist()

    marks = [torch.cuda.Event(enable_timing=True) for _ in range(4)]
    sorted_x = x[order.cuda()]
    at_expert = torch.empty(sum(received), width, device="cuda")
    torch.cuda.synchronize()
    marks[0].record()
    dist.all_to_all_single(at_expert, sorted_x, received, sent)
    marks[1].record()
    done = torch.relu(at_expert @ up) @ down
    marks[2].record()
    back = torch.empty_like(sorted_x)
    dist.all_to_all_single(back, done, sent, received)
    marks[3].record()
    torch.cuda.synchronize()
    y = torch.empty_like(back)
    y[order.cuda()] = back
    times = [a.elapsed_time(b) * 1e3 for a, b in pairwise(marks)]
    results[rank] = (times, sent, y.cpu().numpy())
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    sips = torch.cuda.device_count()
    parser.add_argument("--ranks", type=int, default=sips, help="default: one for each SIP")
    parser.add_argument("--tokens", type=int, default=64, help="of each rank")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=128)
    words = parser.parse_args()
    if not 1 <= words.ranks <= sips:
        parser.error(f"expected --ranks from 1 to {sips}, the SIPs there are (--set system.sips=N)")
    if min(words.tokens, words.width, words.hidden) < 1:
        parser.error("expected sizes of at least 1")
    if not kb.current_context().data:
        raise SystemExit("moe_all_to_all: values say what goes where: expected a run with data")
    results: dict[int, Any] = {}
    torch.multiprocessing.spawn(worker, args=(words, results), nprocs=words.ranks)
    print(
        f"moe_all_to_all: {words.ranks} experts, {words.tokens} tokens a rank, width {words.width}"
    )
    for rank in range(words.ranks):
        (there, compute, back), sent, _ = results[rank]
        print(
            f"rank {rank}: sends {sent} tokens; there {there:,.2f} us, expert {compute:,.2f} us, "
            f"back {back:,.2f} us"
        )
    worst = 0.0
    for rank in range(words.ranks):
        x = drawn((words.tokens, words.width), rank)
        for token, expert in enumerate(expert_of(words, x)):
            up = drawn((words.width, words.hidden), 100 + expert)
            down = drawn((words.hidden, words.width), 200 + expert)
            exact = np.maximum(x[token] @ up, 0) @ down
            worst = max(worst, float(np.abs(results[rank][2][token] - exact).max()))
    print(f"max error {worst:.2e} against NumPy")
    if worst > 1e-5:
        raise SystemExit("expected an error of at most 1e-5")


if __name__ == "__main__":
    main()
