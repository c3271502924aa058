"""Traffic of odd sizes: an answer, or one clear error, in both modes; never a hang or a wrap."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kernbench as kb

MODES = ("train", "flit")


def star(n_senders: int, *, mode: str, gbps: float, flit_bytes: int = 64) -> kb.Topology:
    """Build ``n_senders`` endpoints s0 .. that send through one hub to dst."""
    names = [f"s{i}" for i in range(n_senders)]
    components: list[dict[str, Any]] = [{"name": name, "impl": "endpoint"} for name in names]
    components += [{"name": "hub", "impl": "transit"}, {"name": "dst", "impl": "endpoint"}]
    ends = [*((name, "hub") for name in names), ("hub", "dst")]
    links = [{"from": a, "to": b, "GBps": gbps, "latency_ns": 1} for a, b in ends]
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "flit_bytes": flit_bytes,
            "fabric": {"mode": mode},
            "components": components,
            "links": links,
        }
    )


@pytest.mark.parametrize("mode", MODES)
def test_a_port_that_serves_a_flit_in_one_femtosecond(mode: str) -> None:
    """The flit of s1 is at the hub with the 501st of s0, and goes after it."""
    with kb.Context(star(2, mode=mode, gbps=1_000_000, flit_bytes=1)) as ctx:
        done = ctx.transfers(["s0", "s1"], ["dst"] * 2, [1000, 1], [0, 500])
    assert done.latency_fs.tolist() == [2_001_002, 2_000_003]


def test_messages_of_2_to_the_40_bytes() -> None:
    """2^34 flits of 1 ns; flit by flit this would take an hour here."""
    with kb.Context(star(2, mode="train", gbps=64)) as ctx:
        done = ctx.transfers(["s0", "s1"], ["dst"] * 2, [2**40] * 2, [0, 0])
        counters = ctx.counters
    last_fs = (2 * 2**34 + 1) * 1_000_000 + 2_000_000
    assert done.end_fs.tolist() == [last_fs - 1_000_000, last_fs]
    assert counters["train_pieces"] < 100


def test_large_messages_of_unequal_pace_take_little_memory() -> None:
    """2^22 flits each, one by one over the hub; test_interrupt.py interrupts 2^34."""
    ends = (("s0", "hub", 64), ("s1", "hub", 48), ("hub", "hub2", 200), ("hub2", "dst", 200))
    impls = {
        name: "transit" if name.startswith("hub") else "endpoint" for e in ends for name in e[:2]
    }
    topo = kb.Topology.from_dict(
        {
            "kernbench": 1,
            "components": [{"name": name, "impl": impl} for name, impl in impls.items()],
            "links": [{"from": a, "to": b, "GBps": gbps, "latency_ns": 1} for a, b, gbps in ends],
        }
    )
    with kb.Context(topo) as ctx:
        done = ctx.transfers(["s0", "s1"], ["dst"] * 2, [2**28] * 2, [0, 0])
        counters = ctx.counters
    assert counters["train_pieces"] > 3_000_000 and counters["peak_nbytes"] < 8_000_000
    # The hub is never full: each goes at its own pace, held up by one flit of the other at most.
    paces_fs = np.array([1_000_000, 4_000_000 / 3])
    late_fs = done.end_fs - (2**22 + 1) * paces_fs
    assert (late_fs > 0).all() and (late_fs < 10_000_000).all()


@pytest.mark.parametrize("mode", MODES)
def test_messages_without_bytes_are_one_flit(mode: str) -> None:
    with kb.Context(star(1, mode=mode, gbps=64)) as ctx:
        done = ctx.transfers(["s0"] * 3, ["dst"] * 3, [0, 1, 64], [0, 0, 0])
        assert ctx.counters["flits"] == 3
    assert done.end_fs.tolist() == [4_000_000, 5_000_000, 6_000_000]


@pytest.mark.parametrize("mode", MODES)
def test_times_beyond_2_to_the_63_are_one_error(mode: str) -> None:
    """One message that could never end is refused; many that together could not fail the run."""
    with kb.Context(star(1, mode=mode, gbps=64)) as ctx:
        with pytest.raises(OverflowError, match=r"2\.5 hours"):
            ctx.transfer("s0", "dst", nbytes=2**62)
        late = 2**63 - 10_000_000
        with pytest.raises(OverflowError, match=r"2\.5 hours"):
            ctx.transfers(["s0"] * 9, ["dst"] * 9, [64] * 9, [late] * 9)


def test_a_million_messages_at_one_instant() -> None:
    n = 1_000_000
    with kb.Context(star(4, mode="train", gbps=64)) as ctx:
        src = np.resize([ctx.topology.find(f"s{i}") for i in range(4)], n)
        dst = np.full(n, ctx.topology.find("dst"))
        done = ctx.transfers(src, dst, np.full(n, 64), np.full(n, 1000))
    ends = np.sort(done.end_fs)
    assert ends[0] == 4_001_000 and (np.diff(ends) == 1_000_000).all()


@pytest.mark.parametrize("mode", MODES)
def test_a_hot_spot_of_ten_thousand_senders(mode: str) -> None:
    n = 10_000
    with kb.Context(star(n, mode=mode, gbps=64)) as ctx:
        src = [ctx.topology.find(f"s{i}") for i in range(n)]
        done = ctx.transfers(src, [ctx.topology.find("dst")] * n, [640] * n, [0] * n)
    assert done.end_fs.max() == (10 * n + 1) * 1_000_000 + 2_000_000


def test_an_idle_engine_does_not_run_for_ever() -> None:
    with kb.Context(star(1, mode="train", gbps=64)) as ctx:
        ctx.synchronize()
        assert ctx.counters["events"] == 0
        ctx.wait(ctx.transfer("s0", "dst", nbytes=64))
        events, now_fs = ctx.counters["events"], ctx.now_fs
        for _ in range(3):
            ctx.synchronize()
        assert (ctx.counters["events"], ctx.now_fs) == (events, now_fs)
