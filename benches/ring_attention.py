"""Attention over a sequence that is split over ranks: `kernbench run benches/ring_attention.py`.

Each rank holds a block of queries, keys and values.  Keys and values travel around the ring while
the rank works on the block that it has; partial results are merged by their largest score and sum,
so no rank ever holds the whole sequence (Liu, Zaharia, Abbeel 2023).
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

import kernbench as kb


def drawn(words: argparse.Namespace, seed: int) -> Any:
    shape = (words.heads, words.ranks * words.block, words.dim)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def worker(rank: int, words: argparse.Namespace, results: dict[int, Any]) -> None:
    dist.init_process_group("nccl")
    n, part = words.ranks, slice(rank * words.block, (rank + 1) * words.block)
    q, k, v = (torch.from_numpy(drawn(words, seed)[:, part].copy()).cuda() for seed in range(3))
    held = torch.stack([k, v])
    scale = words.dim**-0.5
    top = torch.full((words.heads, words.block, 1), float("-inf"), device="cuda")
    total = torch.zeros(words.heads, words.block, 1, device="cuda")
    out = torch.zeros_like(q)
    torch.cuda.synchronize()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for step in range(n):
        work, coming = [], torch.empty_like(held)
        if step < n - 1 and n > 1:
            work = dist.batch_isend_irecv(
                [
                    dist.P2POp(dist.isend, held, (rank + 1) % n),
                    dist.P2POp(dist.irecv, coming, (rank - 1) % n),
                ]
            )
        owner = (rank - step) % n
        if not words.causal or owner <= rank:
            score = q @ held[0].transpose(-1, -2) * scale
            if words.causal and owner == rank:
                hidden = torch.ones(words.block, words.block, dtype=torch.bool).triu(1).cuda()
                score = score.masked_fill(hidden, float("-inf"))
            now = torch.maximum(top, score.amax(-1, keepdim=True))
            share, kept = torch.exp(score - now), torch.exp(top - now)
            total = total * kept + share.sum(-1, keepdim=True)
            out = out * kept + share @ held[1]
            top = now
        for each in work:
            each.wait()
        if work:
            held = coming
    out = out / total
    end.record()
    torch.cuda.synchronize()
    values = out.cpu().numpy() if kb.current_context().data else None
    results[rank] = (begin.elapsed_time(end) * 1e3, values)
    dist.destroy_process_group()


def exact(words: argparse.Namespace) -> Any:
    q, k, v = (drawn(words, seed).astype(np.float64) for seed in range(3))
    score = q @ k.transpose(0, 2, 1) * words.dim**-0.5
    if words.causal:
        score[:, np.triu(np.ones(score.shape[1:], bool), 1)] = -np.inf
    share = np.exp(score - score.max(-1, keepdims=True))
    return share @ v / share.sum(-1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    sips = torch.cuda.device_count()
    parser.add_argument("--ranks", type=int, default=sips, help="default: one for each SIP")
    parser.add_argument("--block", type=int, default=64, help="positions of each rank")
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--dim", type=int, default=32, help="of a head")
    parser.add_argument("--causal", action="store_true")
    words = parser.parse_args()
    if not 1 <= words.ranks <= sips:
        parser.error(f"expected --ranks from 1 to {sips}, the SIPs there are (--set system.sips=N)")
    if min(words.block, words.heads, words.dim) < 1:
        parser.error("expected sizes of at least 1")
    results: dict[int, Any] = {}
    torch.multiprocessing.spawn(worker, args=(words, results), nprocs=words.ranks)
    kind = "causal " if words.causal else ""
    print(
        f"ring_attention: {kind}{words.heads} heads of {words.dim}, {words.ranks} ranks of "
        f"{words.block} positions"
    )
    for rank in range(words.ranks):
        print(f"rank {rank}: {results[rank][0]:,.2f} us")
    if results[0][1] is None:
        return
    found = np.concatenate([results[rank][1] for rank in range(words.ranks)], axis=1)
    error = float(np.abs(found - exact(words)).max())
    print(f"max error {error:.2e} against attention in one piece")
    if error > 1e-5:
        raise SystemExit("expected an error of at most 1e-5")


if __name__ == "__main__":
    main()
