"""A two-layer MLP over tensor-parallel ranks: `kernbench run benches/tp_mlp.py`.

    y = relu(x @ w1.T) @ w2.T

The first layer is split by its outputs, the second by its inputs (Megatron's pair), so one
all-reduce is all that the ranks exchange.  Weights are deterministic; the numbers must be equal on
all ranks, to the bit, and NumPy's within the tolerance of fp16.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

import kernbench as kb
from kernbench import tp


def whole(rows: int, cols: int, seed: int) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, (rows, cols)).astype(np.float32) / cols**0.5


def worker(rank: int, words: argparse.Namespace, results: dict[int, Any]) -> None:
    dist.init_process_group("nccl")
    tp.parallel_state.initialize_model_parallel(words.ranks)
    options = tp.ModelParallelConfig(
        tensor_model_parallel_size=words.ranks,
        use_cpu_initialization=True,
        params_dtype=torch.float16,
    )

    def drawn(seed: int) -> Any:
        def fill(weight: torch.Tensor) -> None:
            weight.copy_(torch.from_numpy(whole(*weight.shape, seed)))

        return fill

    shared = {"config": options, "bias": False, "skip_bias_add": False}
    up = tp.ColumnParallelLinear(words.width, words.hidden, init_method=drawn(1), **shared).cuda()
    down = tp.RowParallelLinear(
        words.hidden, words.width, init_method=drawn(2), input_is_parallel=True, **shared
    ).cuda()
    x = torch.from_numpy(whole(words.tokens, words.width, 3)).half().cuda().view(-1, 1, words.width)
    torch.cuda.synchronize()

    marks = [torch.cuda.Event(enable_timing=True) for _ in range(3)]
    with torch.no_grad():
        marks[0].record()
        hidden, _ = up(x)
        hidden = torch.relu(hidden)
        marks[1].record()
        y, _ = down(hidden)
        marks[2].record()
    torch.cuda.synchronize()
    times = [a.elapsed_time(b) * 1e3 for a, b in pairwise(marks)]
    values = y.cpu().numpy() if kb.current_context().data else None
    results[rank] = (times, values)
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--hidden", type=int, default=1024)
    words = parser.parse_args()
    sips = torch.cuda.device_count()
    if words.ranks > sips:
        parser.error(f"expected --ranks from 1 to {sips}, the SIPs there are (--set system.sips=N)")
    if min(words.ranks, words.tokens, words.width, words.hidden) < 1 or words.hidden % words.ranks:
        parser.error("expected sizes of at least 1, and --hidden that --ranks divides")

    results: dict[int, Any] = {}
    torch.multiprocessing.spawn(worker, args=(words, results), nprocs=words.ranks)
    print(
        f"tp_mlp: {words.tokens} tokens, {words.width} -> {words.hidden} -> {words.width} fp16, "
        f"{words.ranks} ranks"
    )
    for rank in range(words.ranks):
        first, second = results[rank][0]
        print(
            f"rank {rank}: column layer {first:,.2f} us, row layer with all-reduce {second:,.2f} us"
        )
    values = [results[rank][1] for rank in range(words.ranks)]
    if values[0] is None:
        return
    if not all((each == values[0]).all() for each in values):
        raise SystemExit("expected equal bits on all ranks")
    x, w1 = whole(words.tokens, words.width, 3), whole(words.hidden, words.width, 1)
    exact = np.maximum(x @ w1.T, 0) @ whole(words.width, words.hidden, 2).T
    error = np.abs(values[0].astype(np.float32).reshape(exact.shape) - exact).max()
    print(f"equal bits on all ranks; max error {error:.2e} against NumPy's float32")
    if error > 5e-4:
        raise SystemExit("expected an error of at most 5e-4")


if __name__ == "__main__":
    main()
