"""The presets say what their sources say: peaks, link rates and latencies of public machines.

A public figure has the digits that its publisher gives, and the model's must round to it.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

import kernbench as kb
from kernbench.cli import main
from kernbench.results.roofline import peak_bytes_per_s, peak_flops

from .chains import FS_PER_NS

BENCHES = Path(__file__).parents[2] / "benches"
NEW = ("h100_node8", "tpu_v5e_4x4", "wormhole_loudbox8")


def system_of(preset: str) -> dict[str, object]:
    system = kb.Topology.preset(preset).system
    assert system is not None
    return dict(system)


@pytest.mark.parametrize(
    ("preset", "dtype", "tera", "digits"),
    [
        ("h100_node8", "float16", 989.4, 1),
        ("h100_node8", "bfloat16", 989.4, 1),
        ("h100_node8", "float8e4nv", 1978.9, 1),
        ("h100_node8", "int8", 1978.9, 1),
        ("h100_node8", "float32", 66.9, 1),
        ("h100_node8", "float64", 66.9, 1),
        ("tpu_v5e_4x4", "bfloat16", 197, 0),
        ("tpu_v5e_4x4", "int8", 393, 0),
        ("wormhole_loudbox8", "float8e4nv", 262, 0),  # 64 cores x 4.096: LoFi
        ("wormhole_loudbox8", "float16", 65.5, 1),  # 64 cores x 1.024: HiFi4
        ("default", "float16", 1048.6, 1),  # 128 PEs x 4096 multiply-adds x 1 GHz
        ("small", "float16", 16.4, 1),  # 2 PEs
    ],
)
def test_peak_of_a_dtype(preset: str, dtype: str, tera: float, digits: int) -> None:
    peak = peak_flops(system_of(preset), dtype) / 10**12
    assert round(float(peak), digits) == tera


@pytest.mark.parametrize(
    ("preset", "gbps", "gib"),
    [
        ("h100_node8", "3350", 80),
        ("tpu_v5e_4x4", "819.2", 16),  # published as 819
        ("wormhole_loudbox8", "288", 12),
        ("default", "13107.2", 256),  # 16 stacks of 819.2 and 16 GiB
        ("small", "204.8", 4),
    ],
)
def test_memory_of_a_chip(preset: str, gbps: str, gib: int) -> None:
    system = system_of(preset)
    assert peak_bytes_per_s(system) == Fraction(gbps) * 10**9
    n_cubes = system["cubes_x"] * system["cubes_y"]  # type: ignore[operator]
    assert n_cubes * system["hbm.capacity_nbytes"] == gib << 30


def gbps_of(topo: kb.Topology, src: str, dst: str) -> float:
    """Return the payload rate of one link, from the time of one flit (rounded up to 1 fs)."""
    (link,) = [link for link in topo.links if (link.src, link.dst) == (src, dst)]
    return topo.flit_nbytes / link.service_fs * 10**6


@pytest.mark.parametrize(
    ("preset", "ends", "gbps"),
    [
        ("h100_node8", ("sip0.io.c2c0", "fabric.switch"), 18 * 25 * 0.83),  # measured: 371 to 377
        ("h100_node8", ("host", "sip0.io.host"), 63),
        ("tpu_v5e_4x4", ("sip0.io.c2c0", "sip1.io.c2c1"), 45),
        ("tpu_v5e_4x4", ("sip0.io.c2c2", "sip4.io.c2c3"), 45),
        ("tpu_v5e_4x4", ("host", "sip0.io.host"), 15),
        ("wormhole_loudbox8", ("sip0.io.c2c0", "sip1.io.c2c1"), 12.5 * 6144 / (6144 + 48 + 5 * 50)),
        ("wormhole_loudbox8", ("sip7.io.c2c0", "sip0.io.c2c1"), 12.5 * 6144 / (6144 + 48 + 5 * 50)),
        ("wormhole_loudbox8", ("sip0.cube0.noc.r9_0", "sip0.cube0.noc.r0_0"), 32),
        ("default", ("sip0.io.c2c0", "fabric.switch"), 400),
    ],
)
def test_rate_of_a_link(preset: str, ends: tuple[str, str], gbps: float) -> None:
    assert gbps_of(kb.Topology.preset(preset), *ends) == pytest.approx(gbps, rel=1e-4)


@pytest.mark.parametrize(
    ("preset", "n_hops", "hop_ns"),
    [("h100_node8", 2, 300), ("tpu_v5e_4x4", 1, 1000), ("wormhole_loudbox8", 1, 711)],
)
def test_latency_of_a_hop(preset: str, n_hops: int, hop_ns: int) -> None:
    """From chip to neighbouring chip: overheads and propagation, without the flits' own time."""
    topo = kb.Topology.preset(preset)
    path = topo.path("sip0.io.cpu", "sip1.io.cpu")
    links = {(link.src, link.dst): link for link in topo.links}
    overheads = {node.name: node.overhead_fs for node in topo.components}
    fs = sum(overheads[a] + links[a, b].latency_fs for a, b in pairwise(path))
    assert fs == n_hops * hop_ns * FS_PER_NS


def test_wormhole_torus_takes_ten_cycles_and_nine_a_hop() -> None:
    """tt-isa-documentation: 5 in, 9 a hop, 5 out, and a cycle for each further flit of 32 bytes."""
    topo = kb.Topology.preset("wormhole_loudbox8")
    with kb.Context(topo, data=False) as ctx:
        for pe, flits in ((1, 1), (7, 5), (33, 64), (63, 1)):
            ends = ("sip0.cube0.pe0.dma", f"sip0.cube0.pe{pe}.dma")
            hops = len(topo.path(*ends)) - 3
            taken = ctx.transfer(*ends, nbytes=32 * flits).latency_fs
            assert taken == (10 + 9 * hops + flits - 1) * FS_PER_NS
            assert hops <= 5 + 6  # half of 10 columns and of 12 rows: it goes round


def test_h100_load_to_use_is_about_600_cycles() -> None:
    topo = kb.Topology.preset("h100_node8")
    with kb.Context(topo, data=False) as ctx:
        read = ctx.transfer("sip0.cube0.pe77.dma", "sip0.cube0.hbm", nbytes=64, op="read")
        assert read.latency_fs == pytest.approx(600 / 1.83 * FS_PER_NS, rel=0.02)


def test_tpu_corner_to_corner_is_what_the_scaling_book_computes() -> None:
    """Six hops of 1 us for the first byte; by one of the two ports, 16.8 MB more at 45 GB/s."""
    ends = ("sip0.cube0.pe0.dma", "sip15.cube0.pe0.dma")
    with kb.Context("tpu_v5e_4x4", data=False) as ctx:
        first = ctx.transfer(*ends, nbytes=1)
        assert first.latency_fs == pytest.approx(6000 * FS_PER_NS, rel=0.01)
        whole = ctx.transfer(*ends, nbytes=16_800_000)
        assert whole.latency_fs == pytest.approx((6000 + 16.8e6 / 45) * FS_PER_NS, rel=0.01)


@pytest.mark.parametrize("preset", NEW)
@pytest.mark.parametrize("bench", ["vector_add", "softmax", "gemm"])
def test_benches_run_on_it(preset: str, bench: str) -> None:
    """Each bench compares its numbers with NumPy's and fails when they differ."""
    words = {
        "vector_add": ["--n", "20000"],
        "softmax": ["--rows", "200", "--cols", "300"],
        "gemm": ["--m", "200", "--n", "136", "--k", "96", "--tile", "64x64x32"],
    }[bench]
    assert main(["run", "--topology", preset, str(BENCHES / f"{bench}.py"), *words]) == 0


@pytest.mark.parametrize("preset", ["default", "small", *NEW])
def test_probe_and_yaml_of_it(preset: str) -> None:
    assert main(["probe", "--topology", preset]) == 0
    topo = kb.Topology.preset(preset)
    again = kb.Topology.from_yaml(topo.to_yaml())
    assert again.links == topo.links and again.system == topo.system
