"""A machine of SIPs, a collective on all members, and what it must give (by NumPy)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import kernbench as kb
from kernbench import ccl


def machine(sips: int, kind: str = "ring", pes: int = 1, **more: Any) -> kb.Topology:
    """Return SIPs of one cube, joined by a fabric; ``"reducing"`` is a switch that reduces."""
    fabric: dict[str, Any] = {"kind": kind, "GBps": 100, "latency_ns": 150}
    if kind == "reducing":
        fabric |= {"kind": "switch", "reduction": {"unit": "switch"}}
    system = {
        "sips": sips,
        "fabric": fabric,
        "sip": {"cubes": [1, 1]},
        "cube": {"pes": pes, "noc": {"dims": [1, 1]}, "hbm": {"remote_ports": 1}},
    }
    return kb.Topology.from_dict({"kernbench": 1, "system": system | more})


REDUCTIONS = {
    "sum": lambda a, b: a + b,
    "avg": lambda a, b: a + b,
    "product": lambda a, b: a * b,
    "min": np.minimum,
    "max": np.maximum,
    "band": lambda a, b: a & b,
    "bor": lambda a, b: a | b,
    "bxor": lambda a, b: a ^ b,
}


def inputs(size: int, count: int, dtype: kb.dtype, seed: int = 0) -> list[np.ndarray]:
    """Whole numbers that every dtype holds exactly, and whose sums it does."""
    rng = np.random.default_rng(seed)
    most = 2 if dtype.itemsize == 1 else 4
    return [rng.integers(0, most, count) for _ in range(size)]


def reduced(values: Sequence[np.ndarray], op: str) -> np.ndarray:
    total = values[0]
    for value in values[1:]:
        total = REDUCTIONS[op](total, value)
    return total


def expected(
    collective: str, values: list[np.ndarray], op: str, root: int
) -> list[np.ndarray | None]:
    """Return what each rank's output must hold; None where it has none."""
    size = len(values)
    parts = [np.array_split(value, size) for value in values]
    only_root = [rank == root for rank in range(size)]
    if collective in ("all_reduce", "reduce"):
        total = reduced(values, op)
        return [total if mine or collective == "all_reduce" else None for mine in only_root]
    if collective == "reduce_scatter":
        return [reduced([part[rank] for part in parts], op) for rank in range(size)]
    if collective in ("all_gather", "gather"):
        whole = np.concatenate(values)
        return [whole if mine or collective == "all_gather" else None for mine in only_root]
    if collective == "all_to_all":
        return [np.concatenate([part[rank] for part in parts]) for rank in range(size)]
    if collective == "scatter":
        return [parts[root][rank] for rank in range(size)]
    return [values[root]] * size


def run(
    ctx: kb.Context,
    collective: str,
    values: list[np.ndarray],
    *,
    group: ccl.Group,
    dtype: kb.dtype = kb.float32,
    op: str = "sum",
    root: int = 0,
    algorithm: str | None = None,
    in_place: bool = False,
) -> tuple[list[kb.Tensor | None], list[kb.Launch]]:
    """Run it on all members of a group; `values` are the inputs by rank."""
    wanted = expected(collective, values, op, root)
    outputs: list[kb.Tensor | None] = []
    handles = []
    for rank, sip in enumerate(group.sips):
        x = y = None
        if not (collective in ("broadcast", "scatter") and rank != root):
            x = ctx.tensor(values[rank], dtype=dtype, sip=sip)
        target = wanted[rank]
        if in_place and x is not None and target is not None and x.numel() == target.size:
            y = x
        elif target is not None:
            y = ctx.empty(target.size, dtype=dtype, sip=sip)
        outputs.append(y)
        handles.append(
            ccl.launch(
                ctx,
                collective,
                group=group,
                rank=rank,
                input=x,
                output=y,
                op=op,
                root=root,
                algorithm=algorithm,
            )
        )
    return outputs, handles


def check(
    collective: str,
    size: int,
    count: int,
    *,
    algorithm: str | None = None,
    dtype: kb.dtype = kb.float32,
    op: str = "sum",
    root: int = 0,
    in_place: bool = False,
    pes: int = 1,
    kind: str | None = None,
    sips: Sequence[int] | None = None,
    number: int = 0,
) -> None:
    """Run it on a machine of its own, and compare each rank's output with what it must be."""
    parts = collective in ("reduce_scatter", "all_to_all", "scatter")
    values = inputs(size, count * size if parts else count, dtype)
    sips = range(size) if sips is None else sips
    kind = kind or ("reducing" if algorithm == "in_switch" else "ring")
    with kb.Context(machine(max(sips) + 1, kind, pes)) as ctx:
        outputs, _ = run(
            ctx,
            collective,
            values,
            group=ccl.Group(sips, number),
            dtype=dtype,
            op=op,
            root=root,
            algorithm=algorithm,
            in_place=in_place,
        )
        for rank, wanted in enumerate(expected(collective, values, op, root)):
            got = outputs[rank]
            if got is None or wanted is None:
                continue
            np.testing.assert_array_equal(
                got.numpy().astype(np.int64), wanted, err_msg=f"rank {rank} of {size}"
            )
