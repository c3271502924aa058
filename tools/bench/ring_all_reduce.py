"""A ring all-reduce over SIPs of one cube and one PE each, timing alone: a line of JSON.

python tools/bench/ring_all_reduce.py RANKS [full|hash] [STANDARD]

1 MiB of fp32 at each rank, on a ring fabric; STANDARD is that of the HBM ("none": without banks).
What the machine did, and what that cost: seconds of CPU time from the first launch to the end, and
the most memory that the process ever had.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any, cast

import kernbench as kb
from kernbench import ccl

NBYTES = 1 << 20


def machine(ranks: int, standard: str) -> kb.Topology:
    """Return SIPs of one PE on a ring of links that carry 100 GB/s."""
    system = {
        "sips": ranks,
        "fabric": {"kind": "ring", "GBps": 100, "latency_ns": 150},
        "sip": {"cubes": [1, 1]},
        "cube": {
            "pes": 1,
            "noc": {"dims": [1, 1]},
            "hbm": {"standard": standard, "remote_ports": 1},
        },
    }
    return kb.Topology.from_dict({"kernbench": 1, "system": system})


def run(ranks: int, oplog: str, standard: str) -> dict[str, Any]:
    """Return the figures of one all-reduce."""
    with kb.Context(machine(ranks, standard), data=False, oplog=cast(Any, oplog)) as ctx:
        tensors = [ctx.empty(NBYTES // 4, sip=sip) for sip in range(ranks)]
        group = ccl.Group(range(ranks))
        begin = time.process_time()
        handles = [
            ccl.launch(
                ctx, "all_reduce", group=group, rank=rank, input=x, output=x, algorithm="ring"
            )
            for rank, x in enumerate(tensors)
        ]
        launched = time.process_time()
        ctx.synchronize()
        end = time.process_time()
        first_fs = min(handle.target_fs for handle in handles)
        return {
            "launch_cpu_s": launched - begin,
            "run_cpu_s": end - begin,
            "cpu_s": end,
            "simulated_ns": (max(handle.end_fs for handle in handles) - first_fs) / 1e6,
            "hash": f"{ctx.oplog.hash:016x}",
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            **ctx.counters,
        }


if __name__ == "__main__":
    more = sys.argv[2:]
    print(
        json.dumps(
            run(
                int(sys.argv[1]),
                more[0] if more else "hash",
                more[1] if len(more) > 1 else "none",
            )
        )
    )
