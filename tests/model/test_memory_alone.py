"""A memory with banks alone, as a user sees it: address map, idle latencies, bounds, statistics."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import kernbench as kb

NS = 1_000_000
CK = 625_000


def alone(mode: str = "train", **keys: Any) -> kb.Topology:
    memory = {
        "name": "mem",
        "impl": "hbm",
        "standard": "HBM3_6400_16Gb_8hi",
        "channels": 1,
        "refresh": "none",
        "mapping": ["pc", "bank_group", "column", "bank", "sid", "row"],
        "request_ns": 0,
        "response_ns": 0,
    }
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "flit_bytes": 32,
            "fabric": {"mode": mode},
            "components": [{"name": "a", "impl": "endpoint"}, memory | keys],
            "links": [{"from": "a", "to": "mem", "GBps": 1000, "both": True}],
        }
    )


def read(topology: kb.Topology, addr: Any, at_fs: Any = 0, op: str = "read") -> tuple[Any, Any]:
    """Read 32 bytes at each address; the latencies less the way, and the statistics."""
    addr = np.atleast_1d(addr)
    n = len(addr)
    with kb.Context(topology, data=False) as ctx:
        times = np.broadcast_to(at_fs, n)
        way_fs = 2 * topology.links[0].service_fs
        r = ctx.transfers(["a"] * n, ["mem"] * n, np.full(n, 32), times, op=op, addr=addr)
        return r.end_fs - way_fs, ctx.memory_statistics("mem")


def test_the_address_map_is_a_permutation() -> None:
    m = alone().address_map("mem")
    assert dict(m.sizes) == {
        "pc": 2, "bank_group": 4, "column": 32, "bank": 4, "sid": 2, "row": 16384,
    }  # fmt: skip
    assert np.prod(list(m.sizes.values())) * m.burst_nbytes == m.capacity_nbytes == 2**30
    rng = np.random.default_rng(0)
    addr = rng.integers(0, m.capacity_nbytes // 32, 1000) * 32
    fields = m.decode(addr)
    assert np.array_equal(m.encode(**fields), addr)
    assert m.decode(32) == {
        "pc": 1, "bank_group": 0, "column": 0, "bank": 0, "sid": 0, "row": 0,
    }  # fmt: skip
    assert m.encode(pc=np.arange(2)).tolist() == [0, 32]
    assert m.encode(pc=[[0], [1]], bank_group=[0, 1, 2]).tolist() == [[0, 64, 128], [32, 96, 160]]
    assert m.decode(np.zeros((2, 0), int))["row"].shape == (2, 0)


def test_a_machine_has_slices() -> None:
    m = kb.Topology.preset("small").address_map("sip0.cube0.hbm")
    assert m.sizes["slice"] == 2
    for slice_, pc, row in product((0, 1), (0, 3), (0, 16383)):
        place = m.decode(m.encode(slice=slice_, pc=pc, row=row))
        assert (place["slice"], place["pc"], place["row"]) == (slice_, pc, row)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.encode(pc=2), "pc: expected 0 to 1, got 2"),
        (lambda m: m.encode(row=-1), "row: expected 0 to 16383, got -1"),
        (lambda m: m.encode(channel=1), "channel: expected one of pc, bank_group, column"),
        (lambda m: m.encode(pc=0.5), "pc: expected integers, got float64"),
        (lambda m: m.encode(pc=np.array([2**63 + 1], np.uint64)), "pc: expected at most"),
        (lambda m: m.decode(2**30), "addr: expected 0 to 1073741823, got 1073741824"),
        (lambda m: m.decode(-1), "addr: expected 0 to 1073741823, got -1"),
    ],
)
def test_bad_places_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(alone().address_map("mem"))


def test_only_memories_with_banks_have_a_map_and_statistics() -> None:
    topology = kb.Topology.preset("small")
    with pytest.raises(kb.TopologyError, match=r"cube0\.sram: expected an hbm with a standard"):
        topology.address_map("sip0.cube0.sram")
    with kb.Context(topology) as ctx:
        with pytest.raises(ValueError, match=r"memory: expected an hbm with a standard, got sip0"):
            ctx.memory_statistics("sip0.cube0.sram")
        with pytest.raises(kb.TopologyError, match="did you mean"):
            ctx.memory_statistics("sip0.cube0.hbn")


def test_idle_latencies_are_exact() -> None:
    topology = alone()
    m = topology.address_map("mem")
    addr = [m.encode(row=5), m.encode(row=5, column=7), m.encode(row=6)]
    at_fs = np.array([0, 1000 * NS, 2000 * NS])
    end_fs, seen = read(topology, addr, at_fs)
    assert (end_fs - at_fs).tolist() == [33_125_000, 13_750_000, 49_375_000]
    assert (seen.misses.sum(), seen.hits.sum(), seen.conflicts.sum()) == (1, 1, 1)


@pytest.mark.parametrize(
    ("groups", "banks", "per_row", "gb_s"),
    [
        (4, 4, 4, 25.6),
        (1, 4, 32, 12.8),
        (1, 1, 1, 0.032 / 45 * 1000),
        (4, 4, 1, 4 * 32 / 15),
        (4, 4, 2, 8 * 32 / 15),
        (4, 4, 3, 25.6),
    ],
)
def test_isolated_patterns_reach_their_bounds(
    groups: int, banks: int, per_row: int, gb_s: float
) -> None:
    topology = alone()
    m = topology.address_map("mem")
    n = 6000 if gb_s < 1 else 30000
    i = np.arange(n)
    visit = i // per_row
    addr = m.encode(
        bank_group=visit % groups,
        bank=visit // groups % banks,
        row=visit // (groups * banks),
        column=i % per_row,
    )
    end_fs, seen = read(topology, addr)
    rate = n * 32 / (int(end_fs.max()) / NS)
    assert 0.99 * gb_s <= rate <= 1.0001 * gb_s
    assert int(seen.reads.sum()) == n
    assert np.array_equal(seen.hits + seen.misses + seen.conflicts, seen.reads)
    assert seen.bus_use[0] == pytest.approx(rate / 25.6, rel=0.01)
    assert seen.mean_queue[0] > 1


@pytest.mark.parametrize("refresh", ["all_bank", "per_bank"])
def test_refresh_costs_its_share(refresh: str) -> None:
    topology = alone(refresh=refresh)
    n = 150_000
    end_fs, seen = read(topology, np.arange(n) * 32)
    rate = n * 32 / (int(end_fs.max()) / NS)
    if refresh == "all_bank":
        assert rate == pytest.approx(2 * 25.6 * (1 - 350 / 3900), rel=0.03)
        assert seen.refreshes.min() == int(end_fs.max()) // (3900 * NS)
    else:
        assert 0.8 * 51.2 < rate < 51.2
        assert seen.refreshes.min() == pytest.approx(int(end_fs.max()) / (3900 * NS) * 32, rel=0.01)


def test_both_modes_of_the_fabric_agree() -> None:
    rng = np.random.default_rng(7)
    n = 3000
    addr = rng.integers(0, 2**16, n) * 16
    at_fs = np.sort(rng.integers(0, 200_000 * NS, n))
    ops = [("read", "write")[k] for k in rng.integers(0, 2, n)]
    ends = []
    for mode in ("train", "flit"):
        topology = alone(mode, refresh="all_bank", queue=16)
        with kb.Context(topology, data=False) as ctx:
            sizes = rng.integers(0, 1, n) + 1 + np.arange(n) * 37 % 700
            r = ctx.transfers(["a"] * n, ["mem"] * n, sizes, at_fs, op=ops, addr=addr)
            ends.append(r.end_fs)
    assert np.array_equal(*ends)


@pytest.mark.parametrize(
    "standard", ["HBM2", "HBM2E", "HBM3", "HBM3E", "HBM4", "HBM2_2000_16Gb_8hi"]
)
def test_a_topology_of_each_standard_survives_its_text(standard: str) -> None:
    topology = alone(standard=standard, timing={"tRTP": 20}, xor=[[10, 20]])
    again = kb.Topology.from_yaml(topology.to_yaml())
    assert again.to_yaml() == topology.to_yaml()
    assert "tRTP: 20" in topology.to_yaml()
