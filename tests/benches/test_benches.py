"""The benches, from the command line: their numbers, their sizes, and what they refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BENCHES = ROOT / "benches"
PATH = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]


def bench(name: str, *words: object, options: tuple[str, ...] = ("--topology", "small")) -> Any:
    """Run a bench and return its JSON; what it printed is under "said"."""
    done = subprocess.run(
        [sys.executable, "-m", "kernbench", "run", "--json", *options, str(BENCHES / name)]
        + [str(word) for word in words],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, PATH))},
        check=False,
    )
    found = json.loads(done.stdout) if done.stdout else {}
    return {**found, "code": done.returncode, "said": done.stderr}


@pytest.mark.parametrize("n", [1, 7, 4095, 4096, 4097, 100_001])
def test_vector_add_is_exact_for_any_size(n: int) -> None:
    ran = bench("vector_add.py", "--n", n)
    assert ran["code"] == 0, ran["said"]
    assert "max error 0, tolerance 0" in ran["said"]


@pytest.mark.parametrize(
    ("rows", "cols"), [(1, 1), (1, 77), (100, 3), (64, 64), (5, 1000), (3, 4097)]
)
def test_softmax_for_any_size(rows: int, cols: int) -> None:
    ran = bench("softmax.py", "--rows", rows, "--cols", cols)
    assert ran["code"] == 0, ran["said"]
    assert "max error" in ran["said"]


@pytest.mark.parametrize("placement", ["placed", "blocked"])
@pytest.mark.parametrize("dtype", ["fp16", "fp32", "fp64"])
def test_gemm_of_odd_sizes(dtype: str, placement: str) -> None:
    words = ["--m", 100, "--n", 70, "--k", 130, "--dtype", dtype, "--placement", placement]
    ran = bench("gemm.py", *words, "--tile", "32x64x64")
    assert ran["code"] == 0, ran["said"]
    assert f"{placement}, tile 32x64x64, 8 programs" in ran["said"]


def test_gemm_notices_wrong_numbers(tmp_path: Path) -> None:
    """The check can fail: a kernel that leaves out the last block of K."""
    text = (BENCHES / "gemm.py").read_text()
    broken = tmp_path / "gemm.py"
    broken.write_text(text.replace("range(0, K, BLOCK_K)", "range(0, K - BLOCK_K, BLOCK_K)"))
    assert broken.read_text() != text
    ran = bench(str(broken), "--m", 64, "--n", 64, "--k", 128)
    assert ran["code"] == 1 and "differ from NumPy's" in ran["said"]


def test_gemm_takes_the_same_time_with_and_without_data() -> None:
    words = ["--m", 128, "--n", 128, "--k", 128]
    full = bench("gemm.py", *words)
    timing = bench("gemm.py", *words, options=("--topology", "small", "--no-data"))
    assert timing["launches"] == full["launches"]
    assert "max error" in full["said"] and "max error" not in timing["said"]


def test_placing_the_operands_pays() -> None:
    """On the default machine, at a size that a test can afford."""
    words = ["--m", 1024, "--n", 1024, "--k", 1024]
    placed, blocked = (
        bench("gemm.py", *words, "--placement", placement, options=("--no-data",))["launches"][0]
        for placement in ("placed", "blocked")
    )
    assert placed["latency_ns"] < 0.6 * blocked["latency_ns"]


@pytest.mark.slow
def test_placed_gemm_reaches_half_of_the_peak() -> None:
    """4096 x 4096 x 4096 fp16 on one SIP of 1,048.576 TFLOPS."""
    ran = bench("gemm.py", "--m", 4096, "--n", 4096, "--k", 4096, options=("--no-data",))
    assert ran["code"] == 0, ran["said"]
    (launch,) = ran["launches"]
    tflops = 2 * 4096**3 / launch["latency_ns"] / 1e3
    assert tflops >= 0.5 * 1048.576


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vector_add.py", ["--n", "0"]),
        ("vector_add.py", ["--block", "100"]),
        ("softmax.py", ["--cols", "0"]),
        ("gemm.py", ["--m", "0"]),
        ("gemm.py", ["--tile", "128x128"]),
        ("gemm.py", ["--dtype", "fp12"]),
    ],
)
def test_bad_arguments_are_the_scripts_failure(name: str, words: list[str]) -> None:
    ran = bench(name, *words)
    assert ran["code"] == 1 and "usage:" in ran["said"] and "Traceback" not in ran["said"]


@pytest.mark.parametrize(("tokens", "width"), [(1, 1), (37, 50), (128, 128)])
def test_an_mlp_over_two_ranks_by_hand(tokens: int, width: int) -> None:
    options = ("--topology", "small", "--set", "system.sips=2")
    words = ["--tokens", tokens, "--width", width]
    ran = bench("tp_mlp_by_hand.py", *words, options=options)
    assert ran["code"] == 0, ran["said"]
    assert "rank 0: compute" in ran["said"] and "rank 1: compute" in ran["said"]


def test_all_reduce_by_size() -> None:
    options = ("--topology", "small", "--set", "system.sips=3")
    ran = bench("ccl_allreduce.py", "--max", "16K", "--iters", 1, options=options)
    assert ran["code"] == 0, ran["said"]
    rows = [line.split() for line in ran["said"].splitlines() if line.lstrip()[:1].isdigit()]
    assert [row[0] for row in rows] == ["1024", "4096", "16384"]
    for nbytes, _, us, algbw, busbw, wrong in rows:
        assert abs(int(nbytes) / float(us) / 1e3 - float(algbw)) <= 0.011
        assert abs(float(algbw) * 4 / 3 - float(busbw)) <= 0.02 and wrong == "0"


def test_copies_overlap_compute() -> None:
    ran = bench("streams.py", options=("--no-data",))
    assert ran["code"] == 0, ran["said"]
    line = next(line for line in ran["said"].splitlines() if line.startswith("streams:"))
    assert float(line.split()[-4]) > 1.2
    ran = bench("streams.py", "--pieces", 3, "--rows", 33, "--width", 65)
    assert ran["code"] == 0 and ran["said"].count("of the sum of magnitudes") == 2, ran["said"]


def test_composites_have_the_bits_of_single_commands_and_are_faster() -> None:
    ran = bench("gemm_composite.py", "--m", 100, "--n", 70, "--k", 130)
    assert ran["code"] == 0, ran["said"]
    assert "equal bits" in ran["said"]
    rows = {line.split()[0]: line.split() for line in ran["said"].splitlines() if "%" in line}
    assert int(rows["composed"][2]) == 1 < int(rows["single"][2].replace(",", ""))
    times = [float(rows[name][1].replace(",", "")) for name in ("composed", "single")]
    assert times[0] < 0.8 * times[1]


def test_a_collective_runs_beside_a_product(tmp_path: Path) -> None:
    machine = tmp_path / "four.yaml"
    machine.write_text(
        "{kernbench: 1, system: {sips: 4, fabric: {kind: ring, GBps: 100, latency_ns: 150}, "
        "sip: {cubes: [1, 1]}, cube: {pes: 2}}}"
    )
    options = ("--topology", str(machine))
    words = ("--rows", 512, "--k", 256, "--count", 65536)
    ran = bench("ccl_overlap.py", *words, options=options)
    assert ran["code"] == 0, ran["said"]
    times = [line.split()[-2] for line in ran["said"].splitlines() if " alone " in line]
    alone = [float(time.replace(",", "")) for time in times]
    both = next(line for line in ran["said"].splitlines() if line.startswith("together"))
    assert max(alone) <= float(both.split()[1].replace(",", "")) < sum(alone)
    assert bench("ccl_overlap.py", "--rows", 100, options=options)["code"] == 1


TORCH_LOSSES = (0.698356, 0.657564, 0.626274, 0.592545, 0.557960, 0.526623)
"""What torch 2.13 prints on a CPU: `python benches/train_mlp.py --device cpu`."""


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_a_network_learns_as_under_torch(device: str) -> None:
    words = ("--steps", 6, "--device", device)
    ran = bench("train_mlp.py", *words, options=("--topology", "small"))
    assert ran["code"] == 0, ran["said"]
    rows = [line.split() for line in ran["said"].splitlines() if line[:6].strip().isdigit()]
    assert [float(row[1]) for row in rows] == pytest.approx(TORCH_LOSSES, abs=2e-5)
    if device == "cuda":
        assert all(float(row[2]) > 10 for row in rows)  # us a step


PARALLEL = {
    "tp_mlp.py": (("--tokens", 16, "--width", 32, "--hidden", 64), "equal bits on all ranks"),
    "tp_transformer_layer.py": (
        ("--prompt", 9, "--decode", 2, "--width", 32, "--heads", 2),
        "equal bits on all ranks",
    ),
    "ddp_step.py": (("--width", 33, "--bucket-kib", 4), "gradients are those of the whole batch"),
    "moe_all_to_all.py": (("--ranks", 3, "--tokens", 13, "--width", 16), "max error"),
    "ring_attention.py": (("--ranks", 3, "--block", 7, "--causal"), "max error"),
}


@pytest.mark.parametrize("name", PARALLEL)
def test_parallel_benches_run_as_they_are(name: str) -> None:
    """Without an argument, on the topology that is there without one."""
    ran = bench(name, options=())
    assert ran["code"] == 0 and PARALLEL[name][1] in ran["said"], ran["said"]


@pytest.mark.parametrize("name", PARALLEL)
def test_parallel_benches_check_their_numbers(name: str) -> None:
    words, said = PARALLEL[name]
    ran = bench(name, *words, options=("--topology", "small", "--set", "system.sips=3"))
    assert ran["code"] == 0 and said in ran["said"], ran["said"]


@pytest.mark.parametrize("name", PARALLEL)
def test_parallel_benches_in_timing_alone(name: str) -> None:
    ran = bench(
        name,
        *PARALLEL[name][0],
        options=("--no-data", "--topology", "small", "--set", "system.sips=3"),
    )
    assert "Traceback" not in ran["said"], ran["said"]
    if name == "moe_all_to_all.py":  # its sizes are values
        assert ran["code"] == 1 and "expected a run with data" in ran["said"]
    else:
        assert ran["code"] == 0 and PARALLEL[name][1] not in ran["said"], ran["said"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train_mlp.py", ["--steps", 0]),
        ("tp_mlp.py", ["--hidden", 5]),
        ("tp_transformer_layer.py", ["--heads", 3]),
        ("ddp_step.py", ["--batch", 3]),
        ("moe_all_to_all.py", ["--tokens", 0]),
        ("ring_attention.py", ["--block", 0]),
        ("tp_mlp.py", ["--ranks", 99]),
        ("tp_transformer_layer.py", ["--ranks", 99, "--heads", 99]),
        ("ddp_step.py", ["--ranks", 99]),
        ("moe_all_to_all.py", ["--ranks", 99]),
        ("ring_attention.py", ["--ranks", 99]),
        ("ccl_allreduce.py", ["--ranks", -1]),
        ("ccl_overlap.py", ["--algorithm", "rings"]),
    ],
)
def test_sizes_that_do_not_fit(name: str, words: list[Any]) -> None:
    ran = bench(name, *words)
    assert ran["code"] == 1 and "error: expected" in ran["said"], ran["said"]
    assert "Traceback" not in ran["said"]
