"""Long runs, by name, for test_interrupt.py to interrupt: `python interrupted.py NAME`.

Prints "ready", runs until Ctrl-C, and prints "interrupted" and the time; twice.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl


@kb.jit
def spin(n):  # type: ignore[no-untyped-def]
    i = 0
    while i >= 0:
        i = (i + n) % 7


@kb.jit
def dense(n, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.arange(0, BLOCK) * tl.arange(0, BLOCK) % 1021
    while n > 0:
        offs = (offs * 3 + n) % 1021


@kb.jit
def double(x_ptr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.arange(0, BLOCK)
    tl.store(x_ptr + offs, tl.load(x_ptr + offs) * 2)


@kb.jit
def work(x_ptr, n_ptr, steps, DECIDES: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    rows = tl.arange(0, BLOCK)
    tile = x_ptr + rows[:, None] * BLOCK + rows[None, :]
    x = tl.load(tile)
    for _ in range(steps):
        x = tl.exp(tl.sin(x) - 1.0)
    tl.store(tile, x)
    if DECIDES:
        tl.debug_barrier()
        if tl.load(n_ptr) > 0:
            tl.store(n_ptr, 2)


def scalar_loop(ctx: kb.Context) -> Callable[[], None]:
    spin[(2,)](1)
    return ctx.synchronize


def dense_index_blocks(ctx: kb.Context) -> Callable[[], None]:
    dense[(2,)](1, BLOCK=65536)
    return ctx.synchronize


def huge_grid(ctx: kb.Context) -> Callable[[], None]:
    double[(1 << 30,)](ctx.zeros(128), BLOCK=128)
    return ctx.synchronize


def replay(ctx: kb.Context) -> Callable[[], None]:
    x, n = ctx.zeros(256, 256), ctx.zeros(1, dtype=kb.int32)
    ctx.wait(work[(1,)](x, n, 20000, DECIDES=False, BLOCK=256))
    return ctx.replay


def replay_for_a_kernel(ctx: kb.Context) -> Callable[[], None]:
    work[(1,)](ctx.zeros(256, 256), ctx.zeros(1, dtype=kb.int32), 20000, DECIDES=True, BLOCK=256)
    return ctx.synchronize


def large_messages(ctx: kb.Context) -> Callable[[], None]:
    """Two whose flits a port takes one by one, as their paces differ: an hour of work."""
    for src in ("s0", "s1"):
        ctx.transfer(src, "dst", nbytes=2**40)
    return ctx.synchronize


def merge() -> kb.Topology:
    """Two senders of unequal pace, and a port that serves both without a queue."""
    names = ("s0", "s1", "hub", "hub2", "dst")
    ends = (("s0", "hub", 64), ("s1", "hub", 48), ("hub", "hub2", 200), ("hub2", "dst", 200))
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "components": [
                {"name": name, "impl": "transit" if "hub" in name else "endpoint"} for name in names
            ],
            "links": [{"from": a, "to": b, "GBps": gbps, "latency_ns": 1} for a, b, gbps in ends],
        }
    )


RUNS = {run.__name__: run for run in (scalar_loop, dense_index_blocks, huge_grid, replay)}
RUNS |= {run.__name__: run for run in (replay_for_a_kernel, large_messages)}


def interrupted(run: Callable[[], None]) -> bool:
    try:
        run()
    except KeyboardInterrupt:
        print("interrupted", time.monotonic(), flush=True)
        return True
    return False


def main(name: str) -> None:
    ctx = kb.Context(merge() if name == "large_messages" else "small")
    with ctx:
        run = RUNS[name](ctx)
        print("ready", flush=True)
        assert interrupted(run)
        if name == "replay_for_a_kernel":
            # In the middle of an event: the context says that it is not usable, and reset helps.
            with pytest.raises(kb.KernbenchError, match=r"reset.*interrupted"):
                ctx.synchronize()
            ctx.reset()
            run = RUNS[name](ctx)
        assert interrupted(run)  # goes on where it was
        if name == "replay":
            assert len(ctx.oplog) > 20000
        ctx.reset()
        if name == "large_messages":
            assert ctx.transfer("s0", "dst", nbytes=64).latency_fs > 0
        else:
            assert np.array_equal((ctx.tensor([3.0, 4.0])).numpy(), [3.0, 4.0])
    print("good", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
