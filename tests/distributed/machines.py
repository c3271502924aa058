"""What the tests of torch.distributed share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kernbench as kb
from kernbench import distributed as dist


def machine(
    sips: int = 3, comm_contexts: int = 2, fabric: dict[str, Any] | None = None, **options: Any
) -> kb.Context:
    system = {
        "sips": sips,
        "fabric": fabric or {},
        "pe": {"comm_contexts": comm_contexts},
        "sip": {"cubes": [1, 1]},
        "cube": {"pes": 2, "noc": {"dims": [2, 2]}, "hbm": {"remote_ports": 1}},
    }
    return kb.Context(kb.Topology.from_dict({"kernbench": 1, "system": system}), **options)


def ranks(
    body: Callable[..., Any], n: int = 3, backend: str | None = "nccl", **options: Any
) -> dict[int, Any]:
    """Run ``body(rank, ctx)`` on n ranks of an initialised group; what they return, by rank."""
    found: dict[int, Any] = {}

    def work(rank: int) -> None:
        dist.init_process_group(backend)
        found[rank] = body(rank, kb.current_context())
        dist.destroy_process_group()

    with machine(n, **options) as ctx:
        ctx.multiprocessing.spawn(work, nprocs=n)
    return found
