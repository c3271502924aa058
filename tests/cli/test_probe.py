"""`kernbench probe` (ADR-0010 D6): shares in integers that add up to the latency."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import kernbench

PARTS = ("waiting_ns", "service_ns", "overhead_ns", "propagation_ns")


def fs(value_ns: float) -> int:
    return round(value_ns * 10**6)


@pytest.mark.parametrize("nbytes", [0, 1, 64, 4096, 100_000])
@pytest.mark.parametrize(
    "dst", ["sip0.cube0.hbm", "sip0.cube0.sram", "sip0.cube15.hbm", "sip1.cube5.pe3.dma"]
)
def test_the_parts_add_up(dst: str, nbytes: int) -> None:
    ran = kernbench(
        "probe", "--json", "--src", "sip0.cube0.pe0.dma", "--dst", dst, "--bytes", str(nbytes)
    )
    assert ran.code == 0, ran.err
    path = ran.json
    total = sum(fs(hop[part]) for hop in path["hops"] for part in PARTS)
    assert total == path["latency_fs"] == fs(path["latency_ns"]) > 0
    assert path["hops"][0]["src"] == "sip0.cube0.pe0.dma" and path["hops"][-1]["dst"] == dst
    for before, after in zip(path["hops"], path["hops"][1:], strict=False):
        assert before["dst"] == after["src"]
    assert all(hop["waiting_ns"] == 0 for hop in path["hops"])  # nothing else is on the way


def test_law_l1_on_a_chain(tmp_path) -> None:
    """T = sum(s + p) + max over m of (sum of o up to m, + (F - 1) s_m), by hand."""
    file = tmp_path / "chain.yaml"
    file.write_text(
        "kernbench: 1\n"
        "flit_bytes: 64\n"
        "components:\n"
        "  - {name: src, impl: endpoint}\n"
        "  - {name: r0, impl: transit, overhead_ns: 5.0}\n"
        "  - {name: dst, impl: endpoint}\n"
        "links:\n"
        "  - {from: src, to: r0, GBps: 64, latency_ns: 1.0}\n"
        "  - {from: r0, to: dst, GBps: 32, latency_ns: 2.5}\n"
    )
    words = ["--topology", file, "--src", "src", "--dst", "dst", "--bytes", "256"]
    ran = kernbench("probe", "--json", *words)
    assert ran.code == 0, ran.err
    assert ran.json["latency_fs"] == (1 + 1 + 2 + 2.5) * 10**6 + max(3 * 1, 5 + 3 * 2) * 10**6
    table = kernbench("probe", *words)
    assert "17.500000 ns" in table.out and "r0 -> dst" in table.out
    alone = kernbench("probe", "--topology", file)
    assert alone.code == 2 and "--src and --dst" in alone.err


@pytest.mark.parametrize("name", ["default", "small"])
def test_the_table_of_usual_paths(name: str) -> None:
    ran = kernbench("probe", "--json", "--topology", name)
    assert ran.code == 0, ran.err
    latency = {path["name"]: path["latency_fs"] for path in ran.json["paths"]}
    assert 0 < latency["PE: own HBM slice"] < latency["PE: the next PE's slice"]
    assert ("PE: HBM of another SIP" in latency) == (name == "default")
    if name == "default":
        assert latency["PE: HBM of the next cube"] < latency["PE: HBM of the farthest cube"]
        assert latency["PE: HBM of the farthest cube"] < latency["PE: HBM of another SIP"]
    table = kernbench("probe", "--topology", name)
    assert table.code == 0 and all(path in table.out for path in latency)


@pytest.mark.parametrize(
    "words",
    [
        ["--src", "sip0.cube0.pe0.dma"],
        ["--src", "nowhere", "--dst", "sip0.cube0.hbm"],
        ["--src", "sip0.cube0.pe0.dma", "--dst", "sip0.cube0.hbm", "--bytes", "-1"],
        ["--src", "sip0.cube0.pe0.dma", "--dst", "sip0.cube0.hbm", "--bytes", "x"],
    ],
)
def test_bad_words_are_2(words: list[str]) -> None:
    ran = kernbench("probe", *words)
    assert ran.code == 2 and ran.out == "" and "Traceback" not in ran.err


MESH = (
    "kernbench: 1\n"
    "meshes: [{name: m, dims: [8, 8], router: {overhead_ns: 1}, "
    "link: {GBps: 64, latency_ns: 1}}]\n"
)


@pytest.fixture
def mesh(tmp_path: Path) -> Path:
    file = tmp_path / "mesh.yaml"
    file.write_text(MESH)
    return file


@pytest.mark.parametrize("mode", ["train", "flit"])
def test_the_last_of_many_waits_for_those_before(mesh: Path, mode: str) -> None:
    """Four messages of two flits are 8 ns ahead at the first link, and none at the second."""
    words = ["--src", "m.r0_0", "--dst", "m.r2_0", "--count", "5", "--bytes", "128", "--json"]
    ran = kernbench("probe", "--topology", mesh, "--set", f"fabric.mode={mode}", *words)
    assert ran.code == 0, ran.err
    assert ran.json["count"] == 5 and ran.json["latency_fs"] == 15 * 10**6
    total = sum(fs(hop[part]) for hop in ran.json["hops"] for part in PARTS)
    assert total == ran.json["latency_fs"]
    assert sum(hop["service_ns"] for hop in ran.json["hops"]) == 4


@pytest.mark.parametrize(
    ("pattern", "capacity"), [("uniform", 1 / 2), ("transpose", 1 / 7), ("hotspot", 1 / 56)]
)
def test_a_sweep_finds_saturation(mesh: Path, pattern: str, capacity: float) -> None:
    """By the busiest link: 2 and 7 of the load, and all rows but one of 8 come to a corner by y."""
    ran = kernbench("probe", "--topology", mesh, "--pattern", pattern, "--json")
    assert ran.code == 0, ran.err
    found = ran.json
    assert found["saturation"] == pytest.approx(capacity, rel=0.04)
    loads = [point["load"] for point in found["points"]]
    assert loads == sorted(loads)
    for point in found["points"]:
        assert point["saturated"] == (point["load"] > found["saturation"])
        if not point["saturated"]:
            assert point["accepted"] == pytest.approx(point["load"], rel=0.06)


def test_a_load_beyond_capacity_ends_and_says_so(mesh: Path) -> None:
    words = ["--pattern", "uniform", "--count", "300"]
    ran = kernbench("probe", "--topology", mesh, *words, "--load", "1")
    assert ran.code == 0 and "saturated" in ran.out
    again = kernbench("probe", "--topology", mesh, *words, "--load", "1")
    assert again.out == ran.out
    low = kernbench("probe", "--topology", mesh, *words, "--load", "0.1")
    assert low.code == 0 and "saturated" not in low.out


def test_a_machine_takes_patterns_too() -> None:
    ran = kernbench(
        "probe", "--topology", "small", "--pattern", "random", "--count", "20", "--json"
    )
    assert ran.code == 0, ran.err
    assert ran.json["senders"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--count", "0", "--src", "m.r0_0", "--dst", "m.r1_0"], "--count: expected at least 1"),
        (["--count", "3"], "--count: expected --src and --dst"),
        (["--pattern", "uniform", "--count", "-1"], "--count: expected at least 1, got -1"),
        (["--pattern", "uniform", "--bytes", "-1"], "--bytes: expected at least 0, got -1"),
        (["--pattern", "uniform", "--load", "0"], "--load: expected a number above 0"),
        (["--pattern", "uniform", "--load", "1.01"], "up to 1, got 1.01"),
        (["--pattern", "uniform", "--load", "nan"], "--load: expected a number above 0"),
        (["--pattern", "uniform", "--src", "m.r0_0"], "expected no --src or --dst"),
        (["--pattern", "stream", "--src", "m.r0_0"], "expected --src and --dst"),
        (["--pattern", "hotspot", "--dst", "m.r0_9"], "did you mean m.r0_"),
        (["--load", "0.5"], "--load: expected --pattern"),
        (["--plot", "out.png"], "--plot: expected --pattern"),
        (["--pattern", "unifrom"], "invalid choice"),
    ],
)
def test_bad_patterns_are_usage_errors(mesh: Path, words: list[str], message: str) -> None:
    ran = kernbench("probe", "--topology", mesh, *words)
    assert ran.code == 2 and message in ran.err, ran.err
    assert ran.out == ""


def test_transpose_needs_a_square(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    file.write_text(MESH.replace("[8, 8]", "[8, 4]"))
    ran = kernbench("probe", "--topology", file, "--pattern", "transpose")
    assert ran.code == 2 and "expected a square number of nodes, got 32" in ran.err


SHORT = ["--pattern", "uniform", "--count", "20"]


@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_plot_draws_the_sweep(mesh: Path, tmp_path: Path, ending: str, begins: bytes) -> None:
    pytest.importorskip("matplotlib")
    figure = tmp_path / f"out.{ending}"
    ran = kernbench("probe", "--topology", mesh, *SHORT[:-1], "300", "--json", "--plot", figure)
    assert ran.code == 0, ran.err
    assert ran.json["saturation"] is not None and len(ran.json["points"]) > 3
    drawn = figure.read_bytes()
    assert drawn.startswith(begins) and len(drawn) > 5000
    if ending == "svg":
        for words in (b"saturation 0.", b"latency, ns", b"offered load", b"99 of 100 below"):
            assert words in drawn


def test_plot_says_before_it_measures_what_it_cannot_write(mesh: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("out.xyz", "out"):
        bad = kernbench("probe", "--topology", mesh, *SHORT, "--plot", tmp_path / name)
        assert bad.code == 2 and bad.out == "" and "Traceback" not in bad.err
        assert "--plot: expected a file that ends in one of " in bad.err and "png" in bad.err
    nowhere = tmp_path / "none" / "out.png"
    bad = kernbench("probe", "--topology", mesh, *SHORT, "--plot", nowhere)
    assert bad.code == 2 and str(nowhere) in bad.err and "Traceback" not in bad.err


def test_plot_without_matplotlib_says_what_to_install(mesh: Path, tmp_path: Path) -> None:
    hidden = "raise ModuleNotFoundError(\"No module named 'matplotlib'\", name='matplotlib')\n"
    (tmp_path / "matplotlib.py").write_text(hidden)
    figure = tmp_path / "out.png"
    words = ["probe", "--topology", mesh, *SHORT, "--plot", figure]
    ran = kernbench(*words, path=tmp_path)
    assert ran.code == 2 and ran.out == "" and not figure.exists()
    assert ran.err == (
        "kernbench probe: --plot: expected matplotlib, which is not installed; "
        "pip install 'kernbench[plot]'\n"
    )


def test_a_message_to_oneself_has_no_hops() -> None:
    ran = kernbench("probe", "--topology", "small", "--src", "host", "--dst", "host")
    assert (ran.code, ran.out) == (0, "64 bytes, host to host: 0.000000 ns\n"), ran.err
