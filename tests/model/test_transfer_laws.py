"""The laws of the fabric (ADR-0033, ADR-0037), through the public API, to the femtosecond."""

from __future__ import annotations

import random

import numpy as np
import pytest

import kernbench as kb

from .chains import FLIT_NBYTES, Chain


@pytest.mark.parametrize("seed", range(40))
def test_l1_zero_load_latency_of_random_chains(seed: int) -> None:
    rng = random.Random(seed)
    chain = Chain.random(rng, hops=rng.randint(1, 9))
    topo = kb.Topology.from_dict(chain.as_dict())
    with kb.Context(topo) as ctx:
        for nbytes in (0, 1, 64, 65, rng.randint(1, 100_000)):
            handle = ctx.transfer("n0", f"n{chain.hops}", nbytes=nbytes)
            ctx.wait(handle)
            assert handle.latency_fs == chain.latency_fs(nbytes)
            assert handle.done and handle.end_fs == ctx.now_fs


def merge(n_sources: int, overhead_ns: float = 0.0) -> kb.Topology:
    """Join sources s0 .. at one transit node, and that to `dst`; all links alike, 1 ns a flit."""
    sources = [{"name": f"s{i}", "impl": "endpoint"} for i in range(n_sources)]
    hub = {"name": "hub", "impl": "transit", "overhead_ns": overhead_ns}
    ends = [(f"s{i}", "hub") for i in range(n_sources)] + [("hub", "dst")]
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "components": [*sources, hub, {"name": "dst", "impl": "endpoint"}],
            "links": [{"from": a, "to": b, "GBps": 64, "latency_ns": 1.0} for a, b in ends],
        }
    )


def test_l2_a_busy_port_serves_a_flit_every_service_time() -> None:
    n, flits = 4, 50
    with kb.Context(merge(n)) as ctx:
        r = ctx.transfers([f"s{i}" for i in range(n)], ["dst"] * n, [flits * 64] * n, [0] * n)
        # The first flit: 1 + 1 ns to the hub; then n * flits services back to back; 1 ns on.
        assert r.end_fs.max() == 2_000_000 + n * flits * 1_000_000 + 1_000_000


def test_l3_equal_streams_share_flit_by_flit() -> None:
    flits = 100
    with kb.Context(merge(2)) as ctx:
        r = ctx.transfers(["s0", "s1"], ["dst", "dst"], [flits * 64] * 2, [0, 0])
        # Alternating, the lower link first: the tails leave in the last two slots.
        last = 2_000_000 + 2 * flits * 1_000_000 + 1_000_000
        assert r.end_fs.tolist() == [last - 1_000_000, last]


@pytest.mark.parametrize("rho", [0.5, 0.8])
def test_l4_waits_equal_lindleys_recursion(rho: float) -> None:
    service_fs, n = 1_000_000, 20_000
    topo = kb.Topology.from_dict(
        {
            "kernbench": 1,
            "components": [{"name": "a", "impl": "endpoint"}, {"name": "b", "impl": "endpoint"}],
            "links": [{"from": "a", "to": "b", "GBps": 64, "latency_ns": 0}],
        }
    )
    gaps = np.random.default_rng(5).exponential(service_fs / rho, n)
    at_fs = np.cumsum(gaps).astype(np.int64)
    with kb.Context(topo) as ctx:
        r = ctx.transfers(["a"] * n, ["b"] * n, np.full(n, 64), at_fs)
    wait = 0
    waits = [0]
    for gap in np.diff(at_fs).tolist():
        wait = max(0, wait + service_fs - gap)
        waits.append(wait)
    assert (r.latency_fs - service_fs).tolist() == waits
    assert r.start_fs.tolist() == at_fs.tolist()


def test_l5_every_byte_sent_is_received() -> None:
    rng = np.random.default_rng(11)
    topo = kb.Topology.from_dict(
        {
            "kernbench": 1,
            "meshes": [
                {
                    "name": "noc",
                    "dims": [4, 4],
                    "router": {"impl": "transit", "overhead_ns": 2.0},
                    "link": {"GBps": 64, "latency_ns": 1.0},
                }
            ],
        }
    )
    n = 500
    nodes = np.array([topo.find(f"noc.r{x}_{y}") for x in range(4) for y in range(4)])
    src, dst = nodes[rng.integers(0, 16, n)], nodes[rng.integers(0, 16, n)]
    nbytes, at_fs = rng.integers(0, 2000, n), rng.integers(0, 10**9, n)
    with kb.Context(topo) as ctx:
        r = ctx.transfers(src, dst, nbytes, at_fs)
        counters = ctx.counters
    assert (r.latency_fs > 0).all()
    assert counters["messages"] == counters["messages_delivered"] == n
    assert counters["bytes_sent"] == counters["bytes_delivered"] == nbytes.sum()
    assert counters["flits"] == np.maximum(1, -(-nbytes // FLIT_NBYTES)).sum()


def test_order_of_issue_between_senders_does_not_matter() -> None:
    """The shuffle test of ADR-0039: equal-time messages of different senders in another order."""
    n = 32
    with kb.Context(merge(n, overhead_ns=1.5)) as ctx:
        straight = ctx.transfers(
            [f"s{i}" for i in range(n)], ["dst"] * n, [640] * n, [0] * n
        ).end_fs
    order = np.random.default_rng(3).permutation(n)
    with kb.Context(merge(n, overhead_ns=1.5)) as ctx:
        shuffled = ctx.transfers([f"s{i}" for i in order], ["dst"] * n, [640] * n, [0] * n).end_fs
    assert shuffled.tolist() == straight[order].tolist()


def test_bad_transfers_are_refused() -> None:
    with kb.Context(merge(2)) as ctx:
        ctx.wait(ctx.transfer("s0", "dst", nbytes=64, at_fs=5_000_000))
        with pytest.raises(ValueError, match="not before now"):
            ctx.transfer("s0", "dst", nbytes=64, at_fs=1)
        with pytest.raises(ValueError, match="nbytes: expected at least 0"):
            ctx.transfer("s0", "dst", nbytes=-1)
        with pytest.raises(kb.TopologyError, match="s0"):
            ctx.transfer("so", "dst", nbytes=1)
        with pytest.raises(kb.TopologyError, match="expected a path from dst to s0"):
            ctx.transfer("dst", "s0", nbytes=1)
        with pytest.raises(ValueError, match="3 values of dst"):
            ctx.transfers(["s0"] * 3, ["dst"], [1] * 3, [0] * 3)
        assert ctx.transfer("s1", "dst", nbytes=0).latency_fs > 0
