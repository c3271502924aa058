"""One data-parallel step, its buckets sent during backward: `kernbench run benches/ddp_step.py`.

Each rank has a part of the batch and the whole model.  Gradients are put into buckets as they
become final, last layer first, and a full bucket's all-reduce starts at once, beside the rest of
backward.  The same step without overlap reduces everything at the end; both give the gradients of
the whole batch, and what overlap saves is printed.  It shows where links are slow and PEs many:
`--no-data --set system.fabric.GBps=50`, `--width 1024 --batch 256 --bucket-kib 4096 --no-check`.
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

import kernbench as kb


class Buckets:
    """The gradients of a model, reduced in pieces of about `nbytes`."""

    def __init__(self, model: nn.Module, nbytes: int, early: bool) -> None:
        self.early = early
        self.sent: list[tuple[Any, Any, list[Any]]] = []
        self.full: list[list[Any]] = [[]]
        room = nbytes
        for parameter in reversed(list(model.parameters())):
            if self.full[-1] and parameter.nbytes > room:
                self.full.append([])
                room = nbytes
            self.full[-1].append(parameter)
            room -= parameter.nbytes
        self.missing = {id(p): (place, p) for place, bucket in enumerate(self.full) for p in bucket}
        self.left = [len(bucket) for bucket in self.full]
        for parameter in model.parameters():
            parameter.register_post_accumulate_grad_hook(self.ready)

    def ready(self, parameter: Any) -> None:
        place, _ = self.missing[id(parameter)]
        self.left[place] -= 1
        if self.early and self.left[place] == 0:
            self.send(self.full[place])

    def send(self, bucket: list[Any]) -> None:
        flat = torch.cat([parameter.grad.reshape(-1) for parameter in bucket])
        self.sent.append((dist.all_reduce(flat, async_op=True), flat, bucket))

    def finish(self) -> None:
        if not self.early:
            for bucket in self.full:
                self.send(bucket)
        for work, flat, bucket in self.sent:
            work.wait()
            pieces = flat.div_(dist.get_world_size()).split([p.numel() for p in bucket])
            for parameter, piece in zip(bucket, pieces, strict=True):
                parameter.grad.copy_(piece.view(parameter.shape))


def model_of(words: argparse.Namespace) -> nn.Module:
    torch.manual_seed(1)
    layers: list[nn.Module] = []
    for _ in range(words.layers):
        layers += [nn.Linear(words.width, words.width), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def batch_of(words: argparse.Namespace) -> torch.Tensor:
    torch.manual_seed(2)
    return torch.randn(words.batch, words.width)


def worker(rank: int, words: argparse.Namespace, results: dict[int, Any]) -> None:
    dist.init_process_group("nccl")
    part = words.batch // words.ranks
    times, gradients = [], []
    for early in (True, False):
        model = model_of(words).cuda()
        x = batch_of(words)[rank * part : (rank + 1) * part].cuda()
        buckets = Buckets(model, words.bucket_kib * 1024, early)
        dist.barrier()
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        model(x).square().mean().backward()
        buckets.finish()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e3)
        if words.check:
            gradients.append([p.grad.cpu() for p in model.parameters()])
    results[rank] = (times, gradients, len(buckets.full))
    dist.destroy_process_group()


def check(words: argparse.Namespace, results: dict[int, Any]) -> None:
    """Compare with the gradients of the whole batch on the host."""
    model = model_of(words)
    model(batch_of(words)).square().mean().backward()
    for rank in range(words.ranks):
        for gradients in results[rank][1]:
            for found, parameter in zip(gradients, model.parameters(), strict=True):
                torch.testing.assert_close(found, parameter.grad, rtol=1e-4, atol=1e-6)
    print("gradients are those of the whole batch, on all ranks")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--bucket-kib", type=int, default=64)
    parser.add_argument("--no-check", dest="check", action="store_false")
    words = parser.parse_args()
    sips = torch.cuda.device_count()
    if words.ranks > sips:
        parser.error(f"expected --ranks from 1 to {sips}, the SIPs there are (--set system.sips=N)")
    words.check &= kb.current_context().data
    sizes = (words.ranks, words.batch, words.width, words.layers, words.bucket_kib)
    if min(sizes) < 1 or words.batch % words.ranks:
        parser.error("expected sizes of at least 1, and --batch that --ranks divides")
    results: dict[int, Any] = {}
    torch.multiprocessing.spawn(worker, args=(words, results), nprocs=words.ranks)
    (overlapped, at_end), _, n_buckets = results[0]
    print(
        f"ddp_step: {words.layers} layers of {words.width}, batch {words.batch} over {words.ranks} "
        f"ranks, {n_buckets} buckets"
    )
    print(f"reduced during backward: {overlapped:,.2f} us a step")
    print(f"reduced after backward:  {at_end:,.2f} us a step, {at_end / overlapped:.2f} x")
    if words.check:
        check(words, results)


if __name__ == "__main__":
    main()
