"""Seeded random chains as topologies, and law L1 of ADR-0033 for them, in integers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

FLIT_NBYTES = 64
FS_PER_NS = 1_000_000


@dataclass(frozen=True)
class Chain:
    """Nodes n0 (endpoint), n1 .. (transit), the last an endpoint; link i joins n_i and n_i+1."""

    overheads_ns: list[str]  # of n0's followers that send: n1 .. n_k-1
    gbps: list[str]
    latencies_ns: list[str]

    @classmethod
    def random(cls, rng: random.Random, hops: int) -> Chain:
        def decimal(low: int, high: int) -> str:
            return f"{rng.randint(low, high)}.{rng.randint(0, 999):03d}"

        return cls(
            [decimal(0, 9) for _ in range(hops - 1)],
            [decimal(1, 200) for _ in range(hops)],
            [decimal(0, 20) for _ in range(hops)],
        )

    @property
    def hops(self) -> int:
        return len(self.gbps)

    def as_dict(self) -> dict[str, Any]:
        """Return the topology, numbers as floats whose repr is the decimal meant."""
        last = self.hops
        transits = [
            {"name": f"n{i + 1}", "impl": "transit", "overhead_ns": float(o)}
            for i, o in enumerate(self.overheads_ns)
        ]
        return {
            "kernbench": 1,
            "flit_bytes": FLIT_NBYTES,
            "components": [
                {"name": "n0", "impl": "endpoint"},
                *transits,
                {"name": f"n{last}", "impl": "endpoint"},
            ],
            "links": [
                {
                    "from": f"n{i}",
                    "to": f"n{i + 1}",
                    "GBps": float(self.gbps[i]),
                    "latency_ns": float(self.latencies_ns[i]),
                }
                for i in range(last)
            ],
        }

    def latency_fs(self, nbytes: int) -> int:
        """Law L1: sum(s_i + p_i) + max over m of (sum of o_1 .. o_m + (F - 1) s_m)."""
        flits = max(1, -(-nbytes // FLIT_NBYTES))
        services = [ceil(Fraction(FLIT_NBYTES * FS_PER_NS) / Fraction(g)) for g in self.gbps]
        latencies = [ceil(Fraction(p) * FS_PER_NS) for p in self.latencies_ns]
        overheads = [0, *(ceil(Fraction(o) * FS_PER_NS) for o in self.overheads_ns)]
        head, worst = 0, 0
        for overhead, service in zip(overheads, services, strict=True):
            head += overhead
            worst = max(worst, head + (flits - 1) * service)
        return sum(services) + sum(latencies) + worst
