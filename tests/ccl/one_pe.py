"""Machines of which a SIP is one PE with wide ways to its memory: what is left is the fabric."""

from __future__ import annotations

from typing import Any

import kernbench as kb

RATE = 100  # GB/s, of one link between SIPs, and of a switch's adders: bytes per ns


def of_one_pe(
    sips: int,
    kind: str,
    pe: dict[str, Any],
    dims: tuple[int, int] | None = None,
    call_ns: int = 0,
) -> kb.Topology:
    """Return SIPs joined by a fabric of a kind; ``"reducing"`` is a switch that reduces.

    `call_ns` 0 lets all ranks start together.
    """
    wide = {"GBps": 512}
    fabric: dict[str, Any] = {"kind": kind, "GBps": RATE, "latency_ns": 150}
    if kind == "reducing":
        fabric["kind"] = "switch"
        fabric["reduction"] = {"unit": "switch", "GBps": RATE, "latency_ns": 7}
    if dims is not None:
        fabric["dims"] = list(dims)
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "system": {
                "sips": sips,
                "host": {"call_ns": call_ns},
                "fabric": fabric,
                "sip": {"cubes": [1, 1], "io": wide},
                "cube": {
                    "pes": 1,
                    "noc": {"dims": [1, 1], **wide},
                    "ucie": {"port_GBps": 512, **wide},
                    "hbm": {"standard": "none", "remote_ports": 1, "local_GBps": 512},
                },
                "pe": pe,
            },
        }
    )
