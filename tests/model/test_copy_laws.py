"""Host copies into every memory of a cube, to the femtosecond (ADR-0035 D5, ADR-0071)."""

from __future__ import annotations

from itertools import pairwise, product
from math import ceil
from typing import Any

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl

DMA = "sip0.cube0.m_cpu.dma"
MEMORIES: dict[int | str, str] = {  # of a tensor -> of a request
    0: "sip0.cube0.hbm",
    "cube0.sram": "sip0.cube0.sram",
    "cube0.pe0.tcm": "sip0.cube0.pe0.dma",
    "sip0.cube0.pe1.tcm": "sip0.cube0.pe1.dma",
}


def machine(**overrides: Any) -> kb.Topology:
    return kb.Topology.preset("small", {"system.cube.hbm.refresh": "none"} | overrides)


@kb.jit
def copy(x_ptr, out_ptr, n, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.arange(0, BLOCK)
    tl.store(out_ptr + offs, tl.load(x_ptr + offs, mask=offs < n), mask=offs < n)


@kb.jit
def add(x_ptr, y_ptr, out_ptr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + offs, tl.load(x_ptr + offs) + tl.load(y_ptr + offs))


def law_l1(topo: kb.Topology, src: str, dst: str, nbytes: int) -> int:
    """Law L1 over the components and links of a path."""
    overheads = {node.name: node.overhead_fs for node in topo.components}
    links = {(link.src, link.dst): link for link in topo.links}
    flits, head, worst, fixed = max(1, ceil(nbytes / topo.flit_nbytes)), 0, 0, 0
    for a, b in pairwise(topo.path(src, dst)):
        link = links[a, b]
        head += overheads[a]
        worst = max(worst, head + (flits - 1) * link.service_fs)
        fixed += link.service_fs + link.latency_fs
    return worst + fixed


def request_fs(topo: kb.Topology, op: str, memory: str, nbytes: int) -> int:
    with kb.Context(topo, data=False) as ctx:
        return int(ctx.transfers([DMA], [memory], [nbytes], [0], op=op, addr=[0]).latency_fs[0])


@pytest.mark.parametrize("nbytes", [1, 64, 65, 511, 512, 513, 30_000, 65_536])
def test_a_request_to_tcm_takes_its_way_and_the_cycles_of_its_bytes(nbytes: int) -> None:
    topo = machine()
    for tcm in ("sip0.cube0.pe0.dma", "sip0.cube0.pe1.dma"):
        copied_fs = ceil(nbytes / 512) * 1_000_000  # 512 bytes in each cycle of 1 ns
        write_fs = law_l1(topo, DMA, tcm, nbytes) + copied_fs + law_l1(topo, tcm, DMA, 0)
        read_fs = law_l1(topo, DMA, tcm, 0) + copied_fs + law_l1(topo, tcm, DMA, nbytes)
        assert request_fs(topo, "write", tcm, nbytes) == write_fs
        assert request_fs(topo, "read", tcm, nbytes) == read_fs


def test_the_port_of_a_tcm_serves_one_request_at_a_time() -> None:
    topo = machine(**{"system.pe.tcm.bytes_per_cycle": 1})
    nbytes, tcm = [100, 200, 300], "sip0.cube0.pe0.dma"
    with kb.Context(topo, data=False) as ctx:
        done = ctx.transfers([DMA] * 3, [tcm] * 3, nbytes, [0] * 3, op="write", addr=[0] * 3)
    first_fs = law_l1(topo, DMA, tcm, 100)
    served_fs = [first_fs + sum(nbytes[: i + 1]) * 1_000_000 for i in range(3)]
    assert done.end_fs.tolist() == [fs + law_l1(topo, tcm, DMA, 0) for fs in served_fs]


@pytest.mark.parametrize("nbytes", [1, 64, 1000, 65_536])
def test_host_copies_differ_by_what_the_memories_differ(nbytes: int) -> None:
    """All else of a copy, from the host's call to the response, is the same for each memory.

    (But not to read HBM back: its rows are open then.)
    """
    topo = machine(**{"system.cube.m_cpu.dma_GBps": 64})
    values = np.arange(nbytes, dtype=np.uint8)
    rest_in, rest_out = set(), set()
    for where, memory in MEMORIES.items():
        with kb.Context(topo) as ctx:
            x = ctx.tensor(values, placement=kb.Local(where))
            in_fs = ctx.now_fs
            assert np.array_equal(x.numpy(), values)
            out_fs = ctx.now_fs - in_fs
        rest_in.add(in_fs - request_fs(topo, "write", memory, nbytes))
        if where != 0:
            channel_fs = nbytes * 1_000_000 // 64  # which the piece occupies at 64 GB/s
            rest_out.add(out_fs - max(channel_fs, request_fs(topo, "read", memory, nbytes)))
    assert len(rest_in) == len(rest_out) == 1


@pytest.mark.parametrize("mode", ["train", "flit"])
def test_kernels_reach_tensors_in_every_memory(mode: str) -> None:
    topo = machine(**{"fabric.mode": mode})
    n = 500
    values = np.arange(n, dtype=np.float32)
    for source, target in product(MEMORIES, MEMORIES):
        with kb.Context(topo) as ctx:
            x = ctx.tensor(values, placement=kb.Local(source))
            out = ctx.zeros(n, placement=kb.Local(target))
            copy[(1,)](x, out, n, BLOCK=512)
            assert np.array_equal(out.numpy(), values)


def test_both_modes_of_the_fabric_agree_on_tensors_in_sram_and_tcm() -> None:
    hashes = set()
    for mode in ("train", "flit"):
        with kb.Context(machine(**{"fabric.mode": mode})) as ctx:
            where = [kb.Local(name) for name in ("cube0.sram", "cube0.pe0.tcm", "cube0.pe1.tcm")]
            x, y, out = (ctx.tensor(np.arange(8192, dtype=np.float32), placement=p) for p in where)
            for a, b, c in ((x, y, out), (y, out, x), (out, x, y)):
                add[(8,)](a, b, c, BLOCK=1024)
            ctx.synchronize()
            hashes.add(ctx.oplog.hash)
    assert len(hashes) == 1


def test_tensors_in_tcm_leave_less_for_the_tiles_of_kernels() -> None:
    with kb.Context(machine(), data=False) as ctx:
        x, out = ctx.empty(1 << 17), ctx.empty(1 << 17)
        copy[(1,)](x, out, 1 << 17, BLOCK=1 << 17)  # a tile of 512 KiB: half of the TCM
        ctx.synchronize()
        held = ctx.empty(700_000, dtype=kb.int8, placement=kb.Local("cube0.pe0.tcm"))
        with pytest.raises(kb.OutOfResources, match=r"348160 bytes .tensors take 700416 bytes"):
            ctx.wait(copy[(1,)](x, out, 1 << 17, BLOCK=1 << 17))
        ctx.reset()
        del held
        x, out = ctx.empty(1 << 17), ctx.empty(1 << 17)
        held = ctx.empty(700_000, dtype=kb.int8, placement=kb.Local("cube0.pe0.tcm"))
        del held
        ctx.wait(copy[(1,)](x, out, 1 << 17, BLOCK=1 << 17))


@pytest.mark.parametrize(
    ("where", "capacity", "text"),
    [
        ("cube0.sram", 8 << 20, r"cube 0, SRAM \(local tensor"),
        ("cube0.pe1.tcm", 1 << 20, r"cube 0, TCM of PE 1 \(local tensor"),
    ],
)
def test_what_does_not_fit_is_out_of_memory(where: str, capacity: int, text: str) -> None:
    with kb.Context(machine(), data=False) as ctx:
        place = kb.Local(where)
        full = ctx.empty(capacity, dtype=kb.int8, placement=place)
        with pytest.raises(kb.OutOfMemoryError, match=text):
            ctx.empty(1, dtype=kb.int8, placement=place)
        del full
        assert ctx.empty(capacity, dtype=kb.int8, placement=place).nbytes == capacity


def test_a_kernel_keeps_the_tcm_that_it_holds() -> None:
    with kb.Context(machine(), data=False) as ctx:
        x, out = ctx.empty(1 << 17), ctx.empty(1 << 17)
        h = copy[(1,)](x, out, 1 << 17, BLOCK=1 << 17)
        refusals = []
        while not h.done and not refusals:  # each poll lets the host's call_ns pass
            try:
                held = ctx.empty(700_000, dtype=kb.int8, placement=kb.Local("cube0.pe0.tcm"))
            except kb.OutOfMemoryError as error:
                refusals.append(str(error))
            else:
                del held
        assert "a kernel that holds 524288 bytes in tiles; wait for it" in refusals[0]
        ctx.wait(h)
        ctx.empty(700_000, dtype=kb.int8, placement=kb.Local("cube0.pe0.tcm"))


@pytest.mark.parametrize(
    ("node", "error", "text"),
    [
        (
            "cube0.srm",
            kb.TopologyError,
            r'placement: .*"sip0.cube0.srm"; did you mean sip0.cube0.sram',
        ),
        ("cube0.pe7.tcm", kb.TopologyError, "did you mean sip0.cube0.pe0.tcm"),
        ("sip1.cube0.sram", kb.TopologyError, "did you mean sip0.cube0.sram"),
        ("cube0.hbm", ValueError, "expected an SRAM or a TCM of SIP 0, .* got cube0.hbm"),
        ("cube0.pe0.cpu", ValueError, "expected an SRAM or a TCM of SIP 0"),
        ("", kb.TopologyError, "expected the name of a component"),
        (2, ValueError, "expected a slice from 0 to 1, got 2"),
        (-1, ValueError, "expected a slice from 0 to 1, got -1"),
    ],
)
def test_a_place_that_is_none_is_an_error(
    node: int | str, error: type[Exception], text: str
) -> None:
    with kb.Context(machine()) as ctx:
        with pytest.raises(error, match=text):
            ctx.zeros(4, placement=kb.Local(node))
        assert ctx.zeros(4, placement=kb.Local("cube0.sram")).tolist() == [0.0] * 4


def test_the_memories_of_another_sip_are_not_ours() -> None:
    with kb.Context(kb.Topology.preset("default"), data=False) as ctx:
        with pytest.raises(ValueError, match=r"of SIP 0, .* got sip1.cube3.sram"):
            ctx.empty(4, placement=kb.Local("sip1.cube3.sram"))
        assert ctx.empty(4, placement=kb.Local("sip1.cube3.sram"), sip=1).nbytes == 16
