"""The laws of the fabric (ADR-0033, ADR-0037), through the public API, to the femtosecond."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest

import kernbench as kb

from .chains import FLIT_NBYTES, FS_PER_NS, Chain


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


def law_l1(topo: kb.Topology, src: str, dst: str, nbytes: int) -> int:
    """Law L1 over the components and links of any path."""
    path = topo.path(src, dst)
    overheads = {node.name: node.overhead_fs for node in topo.components}
    links = {(link.src, link.dst): link for link in topo.links}
    hops = [
        (overheads[a], links[a, b].service_fs, links[a, b].latency_fs) for a, b in pairwise(path)
    ]
    flits = max(1, -(-nbytes // topo.flit_nbytes))
    head = worst = 0
    for overhead, service, _ in hops:
        head += overhead
        worst = max(worst, head + (flits - 1) * service)
    return worst + sum(service + latency for _, service, latency in hops)


@pytest.mark.parametrize("name", ["small", "default"])
def test_l1_zero_load_latency_in_machines(name: str) -> None:
    topo = kb.Topology.preset(name)
    rng = random.Random(3)
    impls = ("pe_dma", "m_cpu", "io_cpu", "hbm")
    places = [node.name for node in topo.components if node.impl in impls]
    with kb.Context(topo, data=False) as ctx:
        for _ in range(60):
            src, dst = rng.sample(places, 2)
            nbytes = rng.choice([0, 1, 64, 65, rng.randint(1, 50_000)])
            assert ctx.transfer(src, dst, nbytes=nbytes).latency_fs == law_l1(
                topo, src, dst, nbytes
            )


def mesh(x: int, y: int, mode: str = "train", wrap: bool = False) -> kb.Topology:
    router = {"impl": "transit", "overhead_ns": 2.0}
    link = {"GBps": 64, "latency_ns": 1.0}
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "fabric": {"mode": mode},
            "meshes": [
                {"name": "noc", "dims": [x, y], "wrap": wrap, "router": router, "link": link}
            ],
        }
    )


@pytest.mark.parametrize("seed", range(8))
def test_trains_and_flits_give_the_same_times(seed: int) -> None:
    """Law L10: random traffic on random meshes, in both modes of the fabric."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(2, 6, 2).tolist()
    n, most = 400, int(rng.choice([64, 640, 6400]))
    src, dst = rng.integers(0, x * y, n), rng.integers(0, x * y, n)
    traffic = src, dst, rng.integers(0, most, n), rng.integers(0, 10**9, n)
    ends = []
    for mode in ("train", "flit"):
        with kb.Context(mesh(x, y, mode, wrap=bool(seed % 2))) as ctx:
            ends.append(ctx.transfers(*traffic).end_fs)
    assert np.array_equal(*ends)


@pytest.mark.parametrize("seed", range(20))
def test_l2_a_port_is_never_idle_while_flits_wait(seed: int) -> None:
    """Random merges into a slower port: it is busy from the first flit to the last."""
    rng = random.Random(seed)
    n, overhead_ns = rng.randint(2, 9), rng.randint(0, 12)
    topo = merge(n, overhead_ns, out_gbps=rng.choice([64, 32, 16]))
    service_fs = topo.links[-1].service_fs
    nbytes = [rng.randint(1, 5000) for _ in range(n)]
    with kb.Context(topo) as ctx:
        r = ctx.transfers([f"s{i}" for i in range(n)], ["dst"] * n, nbytes, [0] * n)
    flits = sum(-(-size // FLIT_NBYTES) for size in nbytes)
    assert r.end_fs.max() == (2 + overhead_ns) * FS_PER_NS + flits * service_fs + FS_PER_NS


def merge(n_sources: int, overhead_ns: float = 0.0, out_gbps: int = 64) -> kb.Topology:
    """Join sources s0 .. at one transit node, and that to `dst`; links take 1 ns a flit."""
    sources = [{"name": f"s{i}", "impl": "endpoint"} for i in range(n_sources)]
    hub = {"name": "hub", "impl": "transit", "overhead_ns": overhead_ns}
    ends = [(f"s{i}", "hub") for i in range(n_sources)] + [("hub", "dst")]
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "components": [*sources, hub, {"name": "dst", "impl": "endpoint"}],
            "links": [
                {"from": a, "to": b, "GBps": out_gbps if b == "dst" else 64, "latency_ns": 1.0}
                for a, b in ends
            ],
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
def test_l4_waits_equal_lindleys_recursion_and_mean_that_of_md1(rho: float) -> None:
    service_fs, n = 1_000_000, 1_000_000
    topo = kb.Topology.from_dict(
        {
            "kernbench": 1,
            "components": [{"name": "a", "impl": "endpoint"}, {"name": "b", "impl": "endpoint"}],
            "links": [{"from": "a", "to": "b", "GBps": 64, "latency_ns": 0}],
        }
    )
    gaps = np.random.default_rng(5).exponential(service_fs / rho, n)
    at_fs = np.cumsum(gaps).astype(np.int64)
    ends = np.full(n, topo.find("a")), np.full(n, topo.find("b"))
    with kb.Context(topo) as ctx:
        r = ctx.transfers(*ends, np.full(n, 64), at_fs)
    # wait[i + 1] = max(0, wait[i] + service - gap[i]): what is above the least so far.
    walk = np.concatenate([[0], np.cumsum(service_fs - np.diff(at_fs))])
    waits = walk - np.minimum.accumulate(walk)
    assert np.array_equal(r.latency_fs - service_fs, waits)
    assert np.array_equal(r.start_fs, at_fs)
    assert waits.mean() == pytest.approx(rho * service_fs / (2 * (1 - rho)), rel=0.02)


def test_l5_every_byte_sent_is_received() -> None:
    rng = np.random.default_rng(11)
    topo = mesh(4, 4)
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
