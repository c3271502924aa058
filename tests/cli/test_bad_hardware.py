"""Bad machines and probes at the command line: exit 2, the place, what was expected, what came."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import ENVIRONMENT, kernbench

HBM = "{kernbench: 1, components: [{name: mem, impl: hbm, %s}]}"
TIMED = HBM % "standard: HBM3, %s"
SYSTEM = "{kernbench: 1, system: {%s}}"
PAIR = (
    "{kernbench: 1, components: [{name: a, impl: %s}, {name: b, impl: endpoint}], "
    "links: [{from: a, to: b, GBps: 64}]}"
)

BAD = {
    "tRAS + tRP > tRC": (
        TIMED % "timing: {tRC: 70}",
        "timing: expected tRAS + tRP <= tRC, got 45 + 26 > 70 CK; one of them is wrong",
    ),
    "tFAW < tRRD": (TIMED % "timing: {tFAW: 1}", "timing: expected tFAW >= tRRD, got 1 < 5 CK"),
    "tRFC >= tREFI": (
        TIMED % "timing: {tREFI: 100}",
        "timing: expected tRFC < tREFI, got ",
    ),
    "no time between two refreshes": (
        TIMED % "timing: {tREFI: 561}",
        "timing: expected tRFC + tRC + tFAW < tREFI, for rows to be opened between two refreshes",
    ),
    "interleave no power of two": (
        HBM % "interleave: 384",
        "interleave: expected a power of two of at least flit_bytes (64), got 384",
    ),
    "interleave below a flit": (
        HBM % "interleave: 32",
        "interleave: expected a power of two of at least flit_bytes (64), got 32",
    ),
    "mapping leaves bits out": (
        TIMED % "mapping: [pc, bank_group, column, bank, sid]",
        "mapping: expected all of row, 16384 values, got 1; add row to the mapping",
    ),
    "mapping uses bits twice": (
        TIMED % "mapping: [pc, bank_group, column, bank, sid, row, pc]",
        "mapping: expected pc once, with ",
    ),
    "singular XOR": (
        TIMED % "mapping: [pc, bank_group, column, bank, sid, row], xor: [[10, 20], [20, 10]]",
        "xor: expected XORs that can be undone, got some by which two addresses fall together",
    ),
    "PCs that do not divide the capacity": (
        HBM % "pcs: 4, capacity: 1000000",
        "capacity: expected a multiple of pcs * interleave (4 * 256), got 1000000",
    ),
    "no depth": (SYSTEM % "pe: {ipcq: {depth: 0}}", "ipcq.depth: expected an integer from 1 to"),
    "no slot": (SYSTEM % "pe: {ipcq: {slot: 0}}", "ipcq.slot: expected a number of bytes from 1"),
    "no channels": (
        SYSTEM % "pe: {ipcq: {channels: 0}}",
        "ipcq.channels: expected an integer from 1 to",
    ),
    "no DMA channels": (
        SYSTEM % "cube: {m_cpu: {dma_channels: 0}}",
        "m_cpu.dma_channels: expected an integer from 1 to 64",
    ),
    "no TLB entries": (
        SYSTEM % "pe: {mmu: {entries: 0}}",
        "mmu.entries: expected an integer from 1 to",
    ),
    "no buffer": (
        SYSTEM % "cube: {noc: {buffer_flits: 0}}",
        "noc.buffer_flits: expected an integer from 1 to 1000000, or unbounded",
    ),
    "unknown standard": (
        SYSTEM % "cube: {hbm: {standard: HBM3_6400_16Gb_8h}}",
        "did you mean HBM3_6400_16Gb_8hi",
    ),
    "parameters of another impl": (
        PAIR % "endpoint, buffer_flits: 4",
        "components[0].buffer_flits: unknown key; expected one of: name, impl",
    ),
    "bank parameters without banks": (
        HBM % "queue: 8",
        "queue: expected a standard beside queue, for only a memory with one has banks",
    ),
    "a memory's capacity as a router's": (
        PAIR % "transit, capacity: 64",
        "components[0].capacity: unknown key",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_machines_are_2(what: str, tmp_path: Path) -> None:
    text, said = BAD[what]
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    for words in (["topology", "check", file], ["probe", "--topology", file]):
        ran = kernbench(*words)
        assert ran.code == 2 and ran.out == "" and "Traceback" not in ran.err
        assert f"{file}:1:" in ran.err and said in ran.err, ran.err


SMALL = ["probe", "--topology", "small"]
FAST = [*SMALL, "--src", "host", "--dst", "sip0.io.cpu"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["topology", "show", "defualt"], "expected a preset (default, "),
        (["probe", "--topology", "smal"], "the path of a YAML file; did you mean small"),
        ([*SMALL, "--set", "system.cube.hbm.standrad=HBM3"], "did you mean standard"),
        (
            [*SMALL, "--src", "sip0.cube0.pe0.dmaa", "--dst", "sip0.cube0.hbm"],
            'got "sip0.cube0.pe0.dmaa"; did you mean sip0.cube0.pe0.dma',
        ),
        (
            [*SMALL, "--src", "sip0.cube0.pe0.dma", "--dst", "sip0.cube0.pe0.gemm"],
            "expected a path from sip0.cube0.pe0.dma to sip0.cube0.pe0.gemm, got none",
        ),
        (
            [*SMALL, "--src", "host", "--dst", "sip0.cube0.hbm", "--bytes", "-1"],
            "--bytes: expected at least 0, got -1",
        ),
        (
            [*FAST, "--bytes", str(2**63)],
            "--bytes: expected fewer than 2**63, got 9223372036854775808",
        ),
        (
            [*FAST, "--bytes", str(2**63 - 1)],
            "expected its last flit to leave before 2^63 fs (2.5 hours), got 144115188075855872",
        ),
        (
            [*FAST, "--bytes", "1000000000000", "--count", "1000000"],
            "expected all times below 2^63 fs (2.5 hours), got a flit served at",
        ),
        (
            [*SMALL, "--bytes", "100000000000"],
            "sip0.cube0.hbm: expected at most 4294967296 bytes, got 100000000000 bytes",
        ),
        (
            [*SMALL, "--pattern", "random", "--bytes", str(2**62)],
            "--bytes: expected messages that start before 2^62 fs, got 10 of 4,611,686,018,427",
        ),
        ([*SMALL, "--pattern", "random", "--seed", "-1"], "--seed: expected at least 0, got -1"),
        (
            [*SMALL, "--pattern", "random", "--load", "nan"],
            "--load: expected a number above 0 and up to 1, got nan",
        ),
        (
            [*SMALL, "--pattern", "random", "--load", "1.0000001"],
            "--load: expected a number above 0 and up to 1, got 1.0000001",
        ),
        (
            [*SMALL, "--src", "host", "--dst", "sip0.cube0.hbm", "--count", "0"],
            "--count: expected at least 1, got 0",
        ),
        (
            [*SMALL, "--src", "host", "--dst", "sip0.cube0.hbm", "--count", "1000001"],
            "--count: expected at most 1,000,000 messages, which all wait at the sender",
        ),
        (
            [*SMALL, "--pattern", "random", "--count", "10000001"],
            "--count: expected at most 20,000,000 messages of all 2 senders, got 20,000,002; ask "
            "for 10,000,000 of each",
        ),
    ],
)
def test_bad_words_are_2(words: list[str], said: str) -> None:
    ran = kernbench(*words)
    assert ran.code == 2 and ran.out == "" and "Traceback" not in ran.err
    assert said in ran.err, ran.err


def cpu_s(pid: int) -> float:
    """Return the CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(
    "words",
    [
        ["--pattern", "random"],
        ["--src", "host", "--dst", "sip0.cube0.hbm", "--set", "fabric.mode=flit"],
    ],
)
def test_ctrl_c_in_a_probe_is_130(words: list[str]) -> None:
    """(In a launch: test_run.py, and runtime/test_interrupt.py for what the context says)."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "kernbench",
            *SMALL,
            "--bytes",
            "640000",
            "--count",
            "1000000",
            *words,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    with child:
        while cpu_s(child.pid) < 1.5:  # it has begun: to start takes a third of that
            assert child.poll() is None
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 130 and out == ""
    assert err == "kernbench probe: interrupted\n"
