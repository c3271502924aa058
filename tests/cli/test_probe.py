"""`kernbench probe` (ADR-0010 D6): shares in integers that add up to the latency."""

from __future__ import annotations

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
