"""Flit trains against flits (ADR-0043) on whole machines: the same op log, the same times."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kernbench as kb
from kernbench.results import probe

BENCHES = Path(__file__).parents[2] / "benches"


def machine(preset: str, mode: str, more: Mapping[str, Any] | None = None) -> kb.Topology:
    return kb.Topology.preset(preset, overrides={"fabric.mode": mode, **(more or {})})


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"trains_{name}", BENCHES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(
    module: Any, words: str, preset: str, mode: str, more: Mapping[str, Any] | None = None
) -> tuple[int, int, dict[str, int]]:
    """Run a bench; return its op log's hash, the time at its end, and its counters."""
    argv, sys.argv = sys.argv, [module.__name__, *words.split()]
    try:
        with kb.Context(machine(preset, mode, more)) as ctx:
            module.run(ctx)
            ctx.synchronize()
            return ctx.oplog.hash, ctx.now_fs, dict(ctx.counters)
    finally:
        sys.argv = argv


@pytest.mark.filterwarnings("ignore:.*for full rate")
@pytest.mark.parametrize(
    "more",
    [
        {"system.cube.noc.buffer_flits": 4},
        {"system.cube.ucie.buffer_flits": 32},
        {
            "system.cube.noc.buffer_flits": 4,
            "system.cube.noc.virtual_channels": 2,
            "system.cube.ucie.buffer_flits": 8,
            "system.sip.io.buffer_flits": 8,
        },
        {"system.cube.noc.serialize": "router", "system.cube.ucie.serialize": "router"},
        {"system.sip.io.buffer_flits": 600, "system.fabric.buffer_flits": 1000},
        {"system.cube.noc.buffer_flits": 16, "system.sip.io.buffer_flits": 300},
    ],
)
@pytest.mark.parametrize("preset", ["small", "default"])
def test_launches_over_finite_buffers_have_the_same_op_log(
    preset: str, more: dict[str, Any]
) -> None:
    """ADR-0037 D11: servers work by events in both modes, beside trains."""
    module, words = load("gemm"), "--m 256 --n 256 --k 64 --placement blocked"
    by_train = run(module, words, preset, "train", more)
    by_flit = run(module, words, preset, "flit", more)
    assert by_train[:2] == by_flit[:2]
    assert by_train[2]["flit_ports"] < by_flit[2]["flit_ports"]
    assert by_train[2]["flit_hops"] == by_flit[2]["flit_hops"]


@pytest.mark.parametrize(
    ("name", "words", "preset"),
    [
        ("vector_add", "--n 100001", "small"),
        ("vector_add", "--n 300000 --block 1024", "default"),
        ("gemm", "--m 200 --n 130 --k 270 --tile 32x64x64", "small"),
        ("gemm", "--m 100 --n 70 --k 130 --dtype fp32 --placement blocked", "small"),
        ("gemm", "--m 512 --n 512 --k 256 --tile 128x128x64", "default"),
        ("gemm", "--m 512 --n 512 --k 128 --placement blocked", "default"),
        ("softmax", "--rows 100 --cols 300", "small"),
    ],
)
def test_launches_have_the_same_op_log(name: str, words: str, preset: str) -> None:
    module = load(name)
    by_train = run(module, words, preset, "train")
    by_flit = run(module, words, preset, "flit")
    assert by_train[:2] == by_flit[:2]
    for counter in ("messages", "flits", "flit_hops", "records", "requests", "instructions"):
        if counter in by_flit[2]:
            assert by_train[2][counter] == by_flit[2][counter]
    assert by_train[2]["events"] < by_flit[2]["events"]


MEMORIES = ["sip0.cube0.hbm", "sip0.cube0.sram"]
PES = [f"sip0.cube0.pe{i}.dma" for i in range(2)]


@pytest.mark.parametrize("seed", range(30))
def test_reads_and_writes_end_alike(seed: int) -> None:
    """Memories see the flits of all their links in the same order."""
    rng = np.random.default_rng(seed)
    n = 300
    src = rng.choice(PES, n).tolist()
    op = rng.choice(["read", "write", "message"], n, p=[0.4, 0.5, 0.1]).tolist()
    dst = rng.choice(MEMORIES, n, p=[0.7, 0.3]).tolist()
    nbytes = rng.choice([0, 1, 64, 100, 256, 1000, 4096, 20000], n).tolist()
    addr = (rng.integers(0, 64, n) * 64).tolist()
    at_fs = (rng.integers(0, 40, n) * int(rng.choice([0, 1_000, 100_000, 3_000_001]))).tolist()
    ends = []
    for mode in ("train", "flit"):
        with kb.Context(machine("small", mode)) as ctx:
            done = ctx.transfers(src, dst, nbytes, at_fs, op=op, addr=addr)
            ends.append((done.start_fs.tolist(), done.end_fs.tolist()))
    assert ends[0] == ends[1]


def test_a_probe_says_the_same() -> None:
    told = [
        probe(machine("default", mode), PES[0], "sip0.cube3.hbm", 10_000)
        for mode in ("train", "flit")
    ]
    assert told[0] == told[1]


def test_single_flits_go_flit_by_flit_and_are_counted() -> None:
    """Runs of mostly single flits leave trains by themselves; times stay (ADR-0043 D8)."""
    rng = np.random.default_rng(3)
    n = 8000
    nbytes = np.where(np.arange(n) < 6000, 64, 64 * 40)
    at_fs = np.sort(rng.integers(0, 2_000 * n, n))
    ends, counters = [], []
    for mode in ("train", "flit"):
        with kb.Context(machine("small", mode)) as ctx:
            done = ctx.transfers([PES[0]] * n, [PES[1]] * n, nbytes, at_fs)
            ends.append(done.end_fs.tolist())
            counters.append(dict(ctx.counters))
    assert ends[0] == ends[1]
    assert 3000 < counters[0]["messages_by_flit"] < 6200
    assert counters[1]["messages_by_flit"] == 0
