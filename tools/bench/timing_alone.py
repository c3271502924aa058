"""A GEMM of fp16 in tiles of 128x128x64 on the default topology, timing alone: a line of JSON.

python tools/bench/timing_alone.py N [full|hash]

What the machine did, and what that cost: seconds of CPU time and of the clock, with start-up and
without, and the most memory that the process ever had.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import Any, cast

BEGIN = time.perf_counter()


def run(n: int, oplog: str) -> dict[str, Any]:
    """Return the figures of C = A @ B with matrices of n x n."""
    import runpy
    from pathlib import Path

    import numpy as np

    import kernbench as kb

    gemm = runpy.run_path(str(Path(__file__).parents[2] / "benches" / "gemm.py"))["gemm"]
    zeros = np.broadcast_to(np.float16(0), (n, n))
    with kb.Context(data=False, oplog=cast(Any, oplog)) as ctx:
        begin = time.process_time()
        a = ctx.tensor(zeros, placement=kb.Blocked())
        b = ctx.tensor(zeros, placement=kb.Replicated())
        c = ctx.empty((n, n), dtype=kb.float16, placement=kb.Blocked())
        tile = {"BLOCK_M": 128, "BLOCK_N": 128, "BLOCK_K": 64, "ACC": kb.language.float32}
        gemm[(((n + 127) // 128) ** 2,)](a, b, c, n, n, n, **tile)
        ctx.synchronize()
        end = time.perf_counter()
        return {
            "wall_s": end - BEGIN,
            "cpu_s": time.process_time(),
            "run_cpu_s": time.process_time() - begin,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            **ctx.counters,
        }


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "full")))
