"""`kernbench topology list|show|check`, and bad input at the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import kernbench

SMALL = "kernbench: 1\nsystem:\n  sips: 1\n  sip: {cubes: [1, 1]}\n  cube: {pes: 2}\n"


def test_list() -> None:
    ran = kernbench("topology", "list")
    assert ran.code == 0 and "default" in ran.out and "small" in ran.out
    presets = {
        preset["name"]: preset for preset in kernbench("topology", "list", "--json").json["presets"]
    }
    assert presets["default"]["pes"] == 128 and presets["small"]["pes"] == 2


def test_show_yaml_is_a_file_that_gives_the_same_machine(tmp_path: Path) -> None:
    whole = kernbench("topology", "show", "small", "--yaml")
    assert whole.code == 0
    file = tmp_path / "again.yaml"
    file.write_text(whole.out)
    again = kernbench("topology", "show", str(file), "--yaml")
    assert again.out == whole.out
    first, second = (kernbench("topology", "show", n, "--json").json for n in ("small", str(file)))
    assert {**first, "name": ""} == {**second, "name": ""}


def test_show_is_a_summary() -> None:
    ran = kernbench("topology", "show")
    assert ran.code == 0
    assert "1,049 TFLOPS" in ran.out and "13,107 GB/s" in ran.out


def test_set_goes_into_show(tmp_path: Path) -> None:
    assert (
        kernbench("topology", "show", "small", "--set", "system.sips=3", "--json").json["sips"] == 3
    )


def test_check_good(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(SMALL)
    ran = kernbench("topology", "check", file)
    assert ran.code == 0 and "good" in ran.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SMALL.replace("cubes:", "cubez:"), "cubes"),
        (SMALL.replace("[1, 1]", "[1, "), ""),
        (SMALL.replace("[1, 1]", "[1000000000, 1]"), "1000000000"),
        (SMALL + "  pe: {clock_ghz: -1}\n", "clock_ghz"),
        ("", ""),
        ("kernbench: 1\na: &a [*a]\n", ""),
        ("\x00\x01", ""),
        (
            "kernbench: 1\ncomponents:\n- {name: a, impl: endpoint}\nlinks:\n- {from: a, to: b}\n",
            "b",
        ),
    ],
)
def test_check_bad(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    ran = kernbench("topology", "check", file)
    assert ran.code == 2 and ran.out == ""
    assert f"{file}:" in ran.err and said in ran.err and "Traceback" not in ran.err


def test_check_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\xff")
    for file in (tmp_path, tmp_path / "absent.yaml", binary):
        ran = kernbench("topology", "check", f"{file}")
        assert ran.code == 2 and "Traceback" not in ran.err


RING = """\
kernbench: 1
components:
{nodes}
links:
{links}
"""


def _ring(options: str, dateline: str = "") -> str:
    nodes = "\n".join(
        f"  - {{name: r{i}, impl: transit, overhead_ns: 1{options}}}" for i in range(4)
    )
    links = "\n".join(
        f"  - {{from: r{i}, to: r{(i + 1) % 4}, GBps: 64, latency_ns: 2{end}}}"
        for i, end in enumerate(("", "", "", dateline))
    )
    return RING.format(nodes=nodes, links=links)


def test_a_short_credit_loop_is_a_warning_with_the_number(tmp_path: Path) -> None:
    """ADR-0037 D10: 2 (1 + 2) + 1 ns of 1 ns each want 7 places; exit code 0."""
    path = tmp_path / "ring.yaml"
    options = ", buffer_flits: 4, virtual_channels: 2"
    path.write_text(_ring(options, ", dateline: true"), encoding="utf-8")
    done = kernbench("topology", "check", str(path), "--json")
    assert done.code == 0
    found = done.json
    assert found["flit_ports"] == 4
    assert found["warnings"] == [
        f"{path}: buffer_flits: expected at least 7, ceil((2 (s + p) + o) / s), for full rate, "
        "got 4 (link r0 -> r1, and 3 more)"
    ]
    assert "kernbench: warning: " in done.err and "expected at least 7" in done.err
    shown = kernbench("topology", "show", str(path))
    assert "4 of 4 ports serve flit by flit" in shown.out
    path.write_text(_ring(options.replace("4", "7"), ", dateline: true"), encoding="utf-8")
    assert kernbench("topology", "check", str(path)).err == ""


def test_a_cycle_of_buffers_is_named(tmp_path: Path) -> None:
    """ADR-0037 D10: without two channels and a dateline; exit code 2."""
    path = tmp_path / "ring.yaml"
    for options, dateline in (
        (", buffer_flits: 8", ""),
        (", buffer_flits: 8", ", dateline: true"),
        (", buffer_flits: 8, virtual_channels: 2", ""),
    ):
        path.write_text(_ring(options, dateline), encoding="utf-8")
        done = kernbench("topology", "check", str(path))
        assert done.code == 2
        assert "r0 -> r1 -> r2 -> r3 -> r0" in done.err
        assert "virtual_channels: 2" in done.err and "dateline: true" in done.err
