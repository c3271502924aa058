"""Law L9 (ADR-0023): the time per slot of a ring, to the femtosecond, in each memory."""

from __future__ import annotations

import pytest

import kernbench as kb
import kernbench.language as tl

NS = 1_000_000
FREE = {
    "wake_ns": 0,
    "scalar_cycles": 0,
    "branch_cycles": 0,
    "block_cycles": 0,
    "command_cycles": 0,
    "switch_cycles": 0,
}


@kb.jit
def stream(out_ptr, src, dst, n, SIZE: tl.constexpr):
    me = tl.pe_id()
    if me == src:
        tile = tl.full((SIZE,), 1.0, tl.float32)
        for _ in range(n):
            tl.send(dst, tile)
    if me == dst:
        last = tl.recv(src, (SIZE,), tl.float32)
        for _ in range(n - 1):
            last = tl.recv(src, (SIZE,), tl.float32)
        tl.store(out_ptr + tl.arange(0, SIZE), last)


def machine(depth: int, memory: str = "tcm", sips: int = 1, setup_ns: int = 20) -> kb.Topology:
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "system": {
                "sips": sips,
                "fabric": {"kind": "ring", "GBps": 100, "latency_ns": 150},
                "sip": {"cubes": [2, 1]},
                "cube": {"pes": 2, "hbm": {"standard": "none"}},  # a commit takes a constant
                "pe": {
                    "cpu": FREE,
                    "dma": {"setup_ns": setup_ns},
                    "ipcq": {"depth": depth, "memory": memory},
                },
            },
        }
    )


class Path:
    """The links from one node to another."""

    def __init__(self, topology: kb.Topology, src: str, dst: str) -> None:
        core = topology._core
        nodes = core.nodes
        links = [core.links[i] for i in core.path(core.find(src), core.find(dst))]
        self.sum_fs = sum(s + p + nodes[a][2] for a, _, s, p in links)
        self.slowest_fs = max(s for _, _, s, _ in links)


def ends(topology: kb.Topology, src: int, dst: int, n: int, size: int) -> tuple[list[int], int]:
    """Return when the recvs of PE `dst` end, and how long the last took to empty its slot."""
    per_sip = 4
    with kb.Context(topology) as ctx:
        for sip in sorted({src // per_sip, dst // per_sip}):
            out = ctx.empty(size, sip=sip)
            stream[kb.each_pe](out, src, dst, n, SIZE=size)
        ctx.synchronize()
        assert out.tolist() == [1.0] * size
        log = ctx.oplog
        chosen = log.kind == log.kinds.index("recv")
        return log.end_fs[chosen].tolist(), int(log.setup_fs[chosen][-1])


def node(pe: int) -> str:
    return f"sip{pe // 4}.cube{pe % 4 // 2}.pe{pe % 2}.dma"


@pytest.mark.parametrize("size", [4, 16, 64, 1024])
@pytest.mark.parametrize("depth", [1, 2, 3, 8, 32])
@pytest.mark.parametrize("dst", [1, 2, 7])
def test_law_l9_of_rings_in_tcm(dst: int, depth: int, size: int) -> None:
    topology = machine(depth, sips=2)
    forth = Path(topology, node(0), node(dst))
    back = Path(topology, node(dst), node(0))
    flits = max(1, size * 4 // 64)
    setup_fs, copy_fs = 20 * NS, -(-size * 4 // 512) * NS
    times, t_recv = ends(topology, 0, dst, 9 * depth, size)
    assert t_recv == copy_fs
    rtt_fs = setup_fs + forth.sum_fs + flits * forth.slowest_fs + t_recv + back.sum_fs
    slot_fs = max(depth * (flits + 1) * forth.slowest_fs, rtt_fs)
    # At both ends the responses of PEs that have nothing more to do are on the way, too.
    assert times[6 * depth] - times[5 * depth] == slot_fs
    assert times[7 * depth] - times[5 * depth] == 2 * slot_fs


@pytest.mark.parametrize("memory", ["sram", "hbm"])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_law_l9_of_rings_in_memories(memory: str, depth: int) -> None:
    topology = machine(depth, memory)
    system = topology.system
    home = f"sip0.cube1.{memory}"
    forth = Path(topology, node(0), home)
    on = Path(topology, home, node(2))
    back = Path(topology, node(2), node(0))
    if memory == "sram":
        commit_fs = 64 * NS // 256 + system["sram.access_fs"]
        response_fs = 0
    else:
        pc_fs = 64 * NS * 10 // 256
        commit_fs = system["hbm.request_fs"] + pc_fs + system["hbm.access_fs"]
        response_fs = system["hbm.response_fs"]
    times, t_recv = ends(topology, 0, 2, 9 * depth, 16)
    # The payload's flit is committed `commit_fs` after it arrives, one service before the tail.
    payload_fs = 20 * NS + forth.sum_fs + commit_fs + response_fs
    rtt_fs = payload_fs + on.sum_fs + t_recv + back.sum_fs
    assert times[7 * depth] - times[6 * depth] == max(depth * 2 * forth.slowest_fs, rtt_fs)


def test_set_up_of_back_to_back_sends_is_pipelined() -> None:
    topology = machine(depth=32, setup_ns=500)
    times, _ = ends(topology, 0, 1, 32, 64)
    slowest_fs = Path(topology, node(0), node(1)).slowest_fs
    assert times[31] - times[0] == 31 * 5 * slowest_fs
