"""Where the time went (ADR-0010 D5): against a reference that walks instant by instant."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_logs import oplog, record

from kernbench.runtime.profile import CATEGORIES, KIND, attribute, profile_launch

END = 48
ENGINES = ("gemm", "math", "reduce", "trans", "dma_read", "dma_write")


def category_at(t: int, records: list[dict[str, int]]) -> str:
    """Apply the definition, word by word, to one instant [t, t + 1)."""

    def active(r: dict[str, int], start: int, end: int) -> bool:
        return r["start_fs"] + start <= t < end

    def of(kind: str) -> list[dict[str, int]]:
        return [r for r in records if r["kind"] == KIND[kind]]

    covering = [r for r in of("launch") if active(r, 0, r["end_fs"])]
    if not covering:
        copies = of("copy_in") + of("copy_out")
        return "copy" if any(active(r, 0, r["end_fs"]) for r in copies) else "host"
    launch = min(covering, key=lambda r: (-r["end_fs"], r["launch"]))["launch"]
    programs = [r for r in of("program") if r["launch"] == launch]
    if not programs:
        return "launch"
    pe = min(programs, key=lambda r: (-r["end_fs"], r["pe"]))["pe"]
    mine = [r for r in records if r["launch"] == launch and r["pe"] == pe]
    dma = [r for r in mine if r["kind"] in (KIND["dma_read"], KIND["dma_write"])]
    math = [r for r in mine if r["kind"] in (KIND["math"], KIND["reduce"], KIND["trans"])]
    if any(r["kind"] == KIND["gemm"] and active(r, 0, r["end_fs"]) for r in mine):
        return "gemm"
    if any(active(r, 0, r["end_fs"]) for r in math):
        return "math"
    if any(r["memory_start_fs"] <= t < r["memory_end_fs"] for r in dma):
        return "hbm"
    if any(active(r, r["setup_fs"], r["end_fs"]) for r in dma):
        return "noc"
    if any(active(r, 0, r["start_fs"] + r["setup_fs"]) for r in dma):
        return "dma_setup"
    mine = [r for r in programs if r["pe"] == pe]
    first, last = min(r["start_fs"] for r in mine), max(r["end_fs"] for r in mine)
    return "waiting" if first <= t < last else "launch"


@st.composite
def records(draw: st.DrawFn) -> list[dict[str, int]]:
    def interval(low: int = 0, high: int = END) -> tuple[int, int]:
        start = draw(st.integers(low, high))
        return start, draw(st.integers(start, high))

    made: list[dict[str, int]] = []
    for launch in range(draw(st.integers(0, 3))):
        start, end = interval()
        made.append(record("launch", start, end, launch=launch))
        for pe in draw(st.lists(st.integers(0, 3), max_size=4)):
            made.append(record("program", *interval(start, end), launch=launch, pe=pe))
        for _ in range(draw(st.integers(0, 6))):
            kind, pe = draw(st.sampled_from(ENGINES)), draw(st.integers(0, 3))
            begun, done = interval(start, end)
            more: dict[str, int] = {}
            if kind.startswith("dma"):
                more["setup_fs"] = draw(st.integers(0, done - begun))
                if draw(st.booleans()):
                    more["memory_start_fs"], more["memory_end_fs"] = interval(
                        max(begun, 1), max(done, 1)
                    )
            made.append(record(kind, begun, done, launch=launch, pe=pe, **more))
    for _ in range(draw(st.integers(0, 3))):
        made.append(record(draw(st.sampled_from(["copy_in", "copy_out"])), *interval()))
    made.append(record("message", *interval()))
    return made


@settings(max_examples=400, deadline=None)
@given(records(), st.integers(0, END), st.integers(0, END))
def test_each_instant_goes_where_the_definition_says(
    made: list[dict[str, int]], first: int, second: int
) -> None:
    start, end = sorted((first, second))
    expected = dict.fromkeys(CATEGORIES, 0)
    for t in range(start, end):
        expected[category_at(t, made)] += 1
    assert attribute(oplog(made), start, end) == expected


def test_an_empty_log_is_all_host() -> None:
    shares = attribute(oplog([]), 0, 77)
    assert shares.pop("host") == 77 and set(shares.values()) == {0}


def test_shares_add_up_to_the_last_femtosecond_at_great_times() -> None:
    """Sums in doubles would lose femtoseconds from 2**53 on."""
    base = 2**62
    made = [
        record("launch", base + 1, base + 1001, launch=0),
        record("program", base + 2, base + 1000, launch=0, pe=0),
        record("gemm", base + 3, base + 7, launch=0, pe=0),
    ]
    shares = attribute(oplog(made), 0, base + 2000)
    assert shares["gemm"] == 4 and shares["launch"] == 2 and shares["waiting"] == 994
    assert sum(shares.values()) == base + 2000


def million() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    n, pes, launches, length = 2_000_000, 256, 100, 10**12
    start = rng.integers(0, launches * length - 10**8, n)
    setup = rng.integers(0, 10**6, n)
    end = start + setup + rng.integers(0, 10**8, n)
    columns = oplog(
        [
            made
            for i in range(launches)
            for made in (
                record("launch", i * length, (i + 1) * length, launch=i),
                record("program", i * length + 9, (i + 1) * length - 9, launch=i, pe=i % pes),
            )
        ]
    )
    bulk = {name: np.zeros(n, values.dtype) for name, values in columns.items()}
    bulk.update(start_fs=start, end_fs=end, setup_fs=setup, memory_start_fs=start + setup)
    bulk["memory_end_fs"] = end
    bulk["launch"] = (start // length).astype(np.int32)
    bulk["pe"] = rng.integers(0, pes, n, dtype=np.int32)
    bulk["kind"] = rng.integers(0, 6, n, dtype=np.uint8)
    return {name: np.concatenate([columns[name], bulk[name]]) for name in columns}


def test_two_million_records_take_less_than_a_second() -> None:
    columns = million()
    begin = time.process_time()
    shares = attribute(columns, 0, 10**14)
    took_s = time.process_time() - begin
    assert sum(shares.values()) == 10**14 and shares["gemm"] > 0
    assert took_s < 1.0


def test_a_profile_counts_its_own_launch_alone() -> None:
    gemm = {"work": 64**3, "nbytes": 2 * 64 * 64 * 2}
    made = [
        record("launch", 0, 100, launch=0),
        record("program", 10, 90, launch=0, pe=4),
        record("program", 10, 50, launch=0, pe=5),
        record("dma_read", 12, 30, launch=0, pe=4, setup_fs=3, nbytes=4096, work=2),
        record("dma_read", 20, 40, launch=0, pe=4, setup_fs=3, nbytes=4096, work=1),
        record("gemm", 40, 70, launch=0, pe=4, **gemm),
        record("gemm", 20, 45, launch=0, pe=5, **gemm),
        record("dma_write", 70, 90, launch=0, pe=4, setup_fs=2, nbytes=1024, work=1),
        record("launch", 100, 150, launch=1),
        record("gemm", 110, 120, launch=1, pe=4, **gemm),
    ]
    profile = profile_launch(oplog(made), 0, 0, 100)
    assert (profile.latency_fs, profile.n_pes, profile.n_programs) == (100, 2, 2)
    assert dict(profile.busy_fs) == {"dma_read": 28, "dma_write": 20, "gemm": 55, "math": 0}
    assert profile.busy_share("gemm") == 55 / 200
    assert (profile.nbytes_read, profile.nbytes_written, profile.requests) == (8192, 1024, 4)
    assert profile.macs == 2 * 64**3
    assert profile.tflops == 2 * profile.macs / 100e-15 / 1e12
    assert profile.gbytes_per_s == (8192 + 1024) / 100e-15 / 1e9
    assert dict(profile.breakdown_fs) == {
        "gemm": 30,
        "math": 0,
        "hbm": 0,
        "noc": 25 + 18,
        "dma_setup": 3 + 2,
        "launch": 20,
        "waiting": 2,
    }
    assert "gemm 28%" in str(profile)
