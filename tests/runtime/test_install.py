"""Maps whose installation takes time: `mmu: {install: timed}` (ADR-0035 D6)."""

from __future__ import annotations

import numpy as np

import kernbench as kb
import kernbench.language as tl


@kb.jit
def double(x_ptr, n, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offs, mask=offs < n)
    tl.store(x_ptr + offs, 2 * x, mask=offs < n)


def machine(install: str, page: int = 4096) -> kb.Topology:
    overrides = {"system.pe.mmu.install": install, "system.pe.mmu.page": page}
    return kb.Topology.preset("small", overrides)


def written(ctx: kb.Context) -> int:
    return int(ctx.memory_statistics("sip0.cube0.hbm").writes.sum())


def test_a_map_costs_the_entries_of_its_pages_in_every_slice() -> None:
    for pages in (1, 8, 100):
        with kb.Context(machine("timed"), data=False) as ctx:
            ctx.empty(pages * 4096, dtype=kb.int8)
            ctx.synchronize()
            assert ctx.now_fs > 0
            per_slice = -(-8 * pages // 32)
            assert 2 * per_slice <= written(ctx) <= 2 * (per_slice + 1)
            assert ctx.oplog.nbytes.tolist() == [2 * 8 * pages]


def test_free_maps_cost_nothing() -> None:
    with kb.Context(machine("free"), data=False) as ctx:
        ctx.empty(100 * 4096, dtype=kb.int8)
        ctx.synchronize()
        assert ctx.now_fs == 0
        assert written(ctx) == 0


def test_launches_come_after_the_maps_of_their_stream() -> None:
    x = np.arange(5000, dtype=np.float32)
    ends = {}
    for install in ("free", "timed"):
        with kb.Context(machine(install)) as ctx:
            given = ctx.tensor(x)
            h = double[(8,)](given, 5000, BLOCK=1024)
            ctx.wait(h)
            ends[install] = h.end_fs
            assert np.array_equal(given.numpy(), 2 * x)
            kinds = [ctx.oplog.kinds[k] for k in ctx.oplog.kind]
            assert kinds.count("copy_in") == (2 if install == "timed" else 1)
    assert ends["timed"] > ends["free"]


def test_more_pages_than_a_table_has_entries_share_them() -> None:
    with kb.Context(machine("timed"), data=False) as ctx:
        ctx.empty(1 << 28, dtype=kb.int8)  # 65,536 pages; a table of 256 KiB has half as many
        ctx.synchronize()
        assert ctx.oplog.nbytes.tolist() == [2 * (1 << 18)]


def test_both_modes_of_the_fabric_agree() -> None:
    hashes = set()
    for mode in ("train", "flit"):
        topology = kb.Topology.preset(
            "small",
            {
                "fabric.mode": mode,
                "system.pe.mmu.install": "timed",
                "system.pe.mmu.page": 4096,
                "system.pe.mmu.entries": 2,
            },
        )
        with kb.Context(topology) as ctx:
            given = ctx.tensor(np.arange(9000, dtype=np.float32))
            double[(16,)](given, 9000, BLOCK=1024)
            ctx.synchronize()
            hashes.add(ctx.oplog.hash)
    assert len(hashes) == 1
