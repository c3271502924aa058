"""Tiny messages: each takes its way, to the femtosecond, and so does a total of the switch.

What whole collectives take is in `test_latency_laws.py`.
"""

from __future__ import annotations

import pytest
from tiny import ADDER_FS, ADDER_LATENCY_FS, COPY_FS, dma, of_kind, path_fs, run


@pytest.mark.parametrize(
    ("kind", "collective", "algorithm"),
    [
        ("ring", "all_reduce", "ring"),
        ("ring", "all_reduce", "bidirectional_ring"),
        ("ring", "broadcast", "ring"),
        ("torus", "all_reduce", "hierarchical"),
        ("switch", "all_reduce", "one_shot"),
        ("switch", "all_reduce", "two_shot"),
        ("switch", "all_reduce", "halving_doubling"),
        ("switch", "all_reduce", "double_tree"),
        ("switch", "broadcast", "tree"),
        ("switch", "all_to_all", "direct"),
        ("mesh", "all_gather", "direct"),
    ],
)
def test_a_message_takes_its_way(kind: str, collective: str, algorithm: str) -> None:
    """None is faster than its α; those that meet no other flit take just that."""
    _, _, log, topology = run(kind, collective, algorithm, 8, 8)
    left: dict[tuple[int, int], list[int]] = {}
    for record in of_kind(log, "send"):
        left.setdefault((int(record["pe"]), int(record["work"])), []).append(int(record["end_fs"]))
    beyond, n_waited = [], 0
    for record in of_kind(log, "recv"):
        src, dst = int(record["work"]), int(record["pe"])
        sent_fs = left[src, dst].pop(0)
        there_fs = int(record["end_fs"] - record["setup_fs"])
        if there_fs == record["ready_fs"]:
            n_waited += 1  # it was there before it was asked for
            continue
        beyond.append(there_fs - sent_fs - path_fs(topology, dma(src), dma(dst), 2))
    assert not any(left.values())
    assert min(beyond) == 0 and n_waited < len(of_kind(log, "recv"))


def test_a_total_takes_both_ways_and_the_adders() -> None:
    """Up, n / rate and the latency, and down; as long for any number of ranks (ADR-0072 D5)."""
    times = set()
    for size in (2, 3, 5, 8):
        start_fs, end_fs, log, topology = run("reducing", "all_reduce", "in_switch", size, 8)
        times.add(end_fs - start_fs)
        (sent_fs,) = set(of_kind(log, "send")["end_fs"].tolist())
        up_fs = path_fs(topology, dma(0), "fabric.switch", 1)
        down_fs = path_fs(topology, "fabric.switch", dma(0), 1)
        adding_fs = 8 * 4 * ADDER_FS + ADDER_LATENCY_FS
        for step in of_kind(log, "combine"):
            assert step["ready_fs"] == step["start_fs"] == sent_fs + up_fs
            assert step["end_fs"] == step["start_fs"] + adding_fs
        for taken in of_kind(log, "recv"):
            assert taken["end_fs"] == sent_fs + up_fs + adding_fs + down_fs + COPY_FS
    assert len(times) == 1
