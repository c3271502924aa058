"""A transformer layer over tensor-parallel ranks: `kernbench run benches/tp_transformer_layer.py`.

Attention and MLP, each a column layer and a row layer with an all-reduce: first a prompt (prefill),
then tokens one by one over the keys and values kept so far (decode).  Heads are split over the
ranks.  Numbers are equal on all ranks, and those of the layer in one piece within the tolerance of
float32.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

import kernbench as kb
from kernbench import tp


def drawn(rows: int, cols: int, seed: int) -> Any:
    values = np.random.default_rng(seed).standard_normal((rows, cols)) / cols**0.5
    return values.astype(np.float32)


class Layer(torch.nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)); x has shape (tokens, width)."""

    def __init__(self, words: argparse.Namespace) -> None:
        super().__init__()
        self.dim = words.width // words.heads
        self.heads = words.heads // words.ranks
        options = tp.ModelParallelConfig(
            tensor_model_parallel_size=words.ranks, use_cpu_initialization=True
        )

        def fill(seed: int) -> Any:
            return lambda w: w.copy_(torch.from_numpy(drawn(*w.shape, seed)))

        def column(outputs: int, seed: int) -> Any:
            return tp.ColumnParallelLinear(
                words.width, outputs, config=options, init_method=fill(seed), bias=False
            )

        def row(inputs: int, seed: int) -> Any:
            return tp.RowParallelLinear(
                inputs,
                words.width,
                config=options,
                init_method=fill(seed),
                bias=False,
                input_is_parallel=True,
                skip_bias_add=False,
            )

        self.q, self.k, self.v = (column(words.width, seed) for seed in (1, 2, 3))
        self.project, self.up, self.down = (
            row(words.width, 4),
            column(4 * words.width, 5),
            row(4 * words.width, 6),
        )
        self.norm1, self.norm2 = (torch.nn.LayerNorm(words.width) for _ in range(2))
        self.kept: list[Any] = []

    def split(self, x: Any) -> Any:
        return x.view(-1, self.heads, self.dim).transpose(0, 1)

    def attention(self, x: Any) -> Any:
        q, k, v = (self.split(layer(x)[0]) for layer in (self.q, self.k, self.v))
        if self.kept:
            k, v = (torch.cat([old, new], 1) for old, new in zip(self.kept, (k, v), strict=True))
        self.kept = [k, v]
        score = q @ k.transpose(-1, -2) * self.dim**-0.5
        if len(x) > 1:
            hidden = torch.ones(len(x), len(x), dtype=torch.bool).triu(1).to(x.device)
            score = score.masked_fill(hidden, float("-inf"))
        mixed = torch.softmax(score, -1) @ v
        return self.project(mixed.transpose(0, 1).reshape(len(x), -1))[0]

    def forward(self, x: Any) -> Any:
        x = x + self.attention(self.norm1(x))
        return x + self.down(torch.nn.functional.gelu(self.up(self.norm2(x))[0]))[0]


def worker(rank: int, words: argparse.Namespace, results: dict[int, Any]) -> None:
    dist.init_process_group("nccl")
    tp.parallel_state.initialize_model_parallel(words.ranks)
    layer = Layer(words).cuda()
    x = torch.from_numpy(drawn(words.prompt + words.decode, words.width, 7)).cuda()
    times, outputs = [], []
    with torch.no_grad():
        pieces = [x[: words.prompt], *(x[i : i + 1] for i in range(words.prompt, len(x)))]
        for piece in pieces:
            torch.cuda.synchronize()
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            outputs.append(layer(piece))
            end.record()
            torch.cuda.synchronize()
            times.append(begin.elapsed_time(end) * 1e3)
    values = torch.cat(outputs).cpu().numpy() if kb.current_context().data else None
    results[rank] = (times, values)
    dist.destroy_process_group()


def exact(words: argparse.Namespace) -> Any:
    """Return the whole sequence at once, in one piece, in float64."""
    n, dim = words.width, words.width // words.heads
    w = {
        seed: drawn(rows, cols, seed).astype(np.float64)
        for seed, rows, cols in (
            (1, n, n), (2, n, n), (3, n, n), (4, n, n), (5, 4 * n, n), (6, n, 4 * n)
        )
    }  # fmt: skip
    x = drawn(words.prompt + words.decode, n, 7).astype(np.float64)

    def norm(x: Any) -> Any:
        return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)

    q, k, v = (
        (norm(x) @ w[seed].T).reshape(len(x), words.heads, dim).swapaxes(0, 1) for seed in (1, 2, 3)
    )
    score = q @ k.swapaxes(1, 2) * dim**-0.5
    score[:, np.triu(np.ones((len(x), len(x)), bool), 1)] = -np.inf
    share = np.exp(score - score.max(-1, keepdims=True))
    mixed = (share / share.sum(-1, keepdims=True)) @ v
    x = x + mixed.swapaxes(0, 1).reshape(len(x), n) @ w[4].T
    hidden = norm(x) @ w[5].T
    wide = torch.nn.functional.gelu(torch.from_numpy(hidden)).numpy()
    return x + wide @ w[6].T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=64)
    parser.add_argument("--decode", type=int, default=3, help="tokens after the prompt")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--heads", type=int, default=4)
    words = parser.parse_args()
    sips = torch.cuda.device_count()
    if words.ranks > sips:
        parser.error(f"expected --ranks from 1 to {sips}, the SIPs there are (--set system.sips=N)")
    if min(words.ranks, words.prompt, words.width, words.heads) < 1 or words.decode < 0:
        parser.error("expected sizes of at least 1")
    if words.heads % words.ranks or words.width % words.heads:
        parser.error("expected --heads that --ranks divides, and --width that --heads divides")
    results: dict[int, Any] = {}
    torch.multiprocessing.spawn(worker, args=(words, results), nprocs=words.ranks)
    times, found = results[0]
    print(
        f"tp_transformer_layer: width {words.width}, {words.heads} heads over {words.ranks} ranks, "
        "float32"
    )
    print(f"prefill of {words.prompt} tokens: {times[0]:,.2f} us")
    if words.decode:
        print(f"decode: {sum(times[1:]) / words.decode:,.2f} us a token")
    if found is None:
        return
    if not all((results[rank][1] == found).all() for rank in results):
        raise SystemExit("expected equal bits on all ranks")
    error = float(np.abs(found - exact(words)).max())
    print(f"equal bits on all ranks; max error {error:.2e} against the layer in one piece")
    if error > 1e-4:
        raise SystemExit("expected an error of at most 1e-4")


if __name__ == "__main__":
    main()
