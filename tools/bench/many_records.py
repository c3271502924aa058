"""A run of many records: N stores of a number by each of 8 programs, timing alone.

python tools/bench/many_records.py N full|hash

Prints a line of JSON: the records, and the bytes of the op log and of the process.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any, cast

import kernbench as kb
import kernbench.language as tl


@kb.jit
def store_often(x_ptr, n):  # type: ignore[no-untyped-def]  # noqa: D103
    place = x_ptr + tl.program_id(0)
    for i in range(0, n):
        tl.store(place, i)


def run(n: int, oplog: str) -> dict[str, Any]:
    """Return the figures."""
    with kb.Context("small", data=False, oplog=cast(Any, oplog)) as ctx:
        x = ctx.empty((8,), dtype=kb.int32)
        store_often[(8,)](x, n)
        ctx.synchronize()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return {"peak_mb": peak, **ctx.counters}


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), sys.argv[2])))
