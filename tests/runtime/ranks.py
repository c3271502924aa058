"""What the tests of ranks share: a machine with a few SIPs, and a kernel with work to do."""

from __future__ import annotations

from typing import Any

import kernbench as kb
import kernbench.language as tl


@kb.jit
def add_some(x_ptr, n_rounds, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offs)
    for _ in range(n_rounds):
        x = x + 1.0
    tl.store(x_ptr + offs, x)


def machine(sips: int = 2, **options: Any) -> kb.Context:
    return kb.Context(kb.Topology.preset("small", {"system.sips": sips}), **options)


def times(handle: kb.Launch) -> tuple[int, int, int]:
    return handle.start_fs, handle.target_fs, handle.end_fs
