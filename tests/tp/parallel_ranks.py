"""What the tests of tensor parallelism share: ranks with their groups built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kernbench as kb
from kernbench import distributed as dist
from kernbench.tp import parallel_state


def machine(sips: int, **options: Any) -> kb.Context:
    system = {
        "sips": sips,
        "sip": {"cubes": [1, 1]},
        "cube": {"pes": 2, "noc": {"dims": [2, 2]}, "hbm": {"remote_ports": 1}},
    }
    return kb.Context(kb.Topology.from_dict({"kernbench": 1, "system": system}), **options)


def ranks(body: Callable[..., Any], n: int, tp: int = 1, pp: int = 1, **sizes: Any) -> list[Any]:
    """Run ``body(rank)`` on n ranks with their groups built; return what they return."""
    found: dict[int, Any] = {}

    def work(rank: int) -> None:
        dist.init_process_group("nccl")
        parallel_state.initialize_model_parallel(tp, pp, **sizes)
        found[rank] = body(rank)
        parallel_state.destroy_model_parallel()
        dist.destroy_process_group()

    with machine(n) as ctx:
        ctx.multiprocessing.spawn(work, nprocs=n)
    return [found[rank] for rank in range(n)]
