"""A small network learns on the simulated machine: `kernbench run benches/train_mlp.py`.

A plain torch script: with `--device cpu` it gives the same losses under torch itself.  On the
machine each step's time is that of its kernels: forward, backward and AdamW, as events measure it.
"""

from __future__ import annotations

import argparse
import math

import torch
from torch import nn


def spirals(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Two arms of n points, with labels 0 and 1."""
    t = torch.linspace(0.25, 1.0, n)
    points = []
    for turn in (0.0, math.pi):
        angle = t * 2 * math.pi + turn
        points.append(torch.stack([t * torch.cos(angle), t * torch.sin(angle)], dim=1))
    x = torch.cat(points) + 0.02 * torch.randn(2 * n, 2)
    return x, torch.arange(2).repeat_interleave(n)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--points", type=int, default=64, help="points of an arm")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    words = parser.parse_args()
    if min(words.steps, words.width, words.points) < 1:
        parser.error("expected --steps, --width and --points of at least 1")

    torch.manual_seed(0)
    x, label = spirals(words.points)
    model = nn.Sequential(
        nn.Linear(2, words.width),
        nn.ReLU(),
        nn.Linear(words.width, words.width),
        nn.ReLU(),
        nn.Linear(words.width, 2),
    )
    x, label, model = x.to(words.device), label.to(words.device), model.to(words.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    on_machine = words.device == "cuda"

    print(f"train_mlp: {2 * words.points} points, width {words.width}, on {words.device}")
    print("\n  step      loss  step us" if on_machine else "\n  step      loss")
    losses = []
    for step in range(words.steps):
        if on_machine:
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
        loss = nn.functional.cross_entropy(model(x), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if on_machine:
            end.record()
            torch.cuda.synchronize()
        losses.append(loss.item())
        took = f"  {begin.elapsed_time(end) * 1e3:7.1f}" if on_machine else ""
        print(f"  {step:4d}  {losses[-1]:8.6f}{took}")
    if words.steps > 1 and losses[-1] >= losses[0]:
        raise SystemExit(
            f"the loss did not fall: {losses[0]:.6f} at first, {losses[-1]:.6f} at last"
        )


if __name__ == "__main__":
    main()
