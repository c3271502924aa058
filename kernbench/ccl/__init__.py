"""Collectives: algorithms written in the kernel language, over the queues between PEs.

A collective is a launch on each member's SIP, in the communication context of its PEs, where the
kernel waits for its peers.

Examples
--------
>>> from kernbench import ccl
>>> "ring" in ccl.algorithms("all_reduce")
True
"""

from __future__ import annotations

from kernbench.ccl import direct, grid, halving, in_switch, ring, tree  # noqa: F401 - register algorithms
from kernbench.ccl.call import CHANNELS, OPS, Call, Chunks, Group, Plan
from kernbench.ccl.exchange import exchange
from kernbench.ccl.kernels.combine import combine, finish
from kernbench.ccl.launch import launch
from kernbench.ccl.registry import COLLECTIVES, Algorithm, algorithm, algorithms, find, remove
from kernbench.ccl.uneven import all_to_all_uneven

__all__ = [
    "CHANNELS",
    "COLLECTIVES",
    "OPS",
    "Algorithm",
    "Call",
    "Chunks",
    "Group",
    "Plan",
    "algorithm",
    "algorithms",
    "all_to_all_uneven",
    "combine",
    "exchange",
    "find",
    "finish",
    "launch",
    "remove",
]
