"""kernbench.torch computes what torch computes: every tensor case, under both, on host and machine.

Needs another Python, with torch (``make parity`` makes one, and sets KERNBENCH_ORACLE).  dtype,
shape, strides, class of error and its first line are compared; values to the bit, or to the bound
that a case states.
"""

from __future__ import annotations

import os
import pickle
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch_case import TensorCase
from torch_cases import all_tensor_cases

import kernbench as kb
import kernbench.torch as torch

ORACLE = os.environ.get("KERNBENCH_ORACLE")
if not ORACLE:
    pytest.skip("KERNBENCH_ORACLE is not set; `make parity` sets it", allow_module_level=True)
TIMEOUT_S = 900
CASES = all_tensor_cases()


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    path = tmp_path_factory.mktemp("torch") / "results.pickle"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    script = str(Path(__file__).with_name("run_torch_oracle.py"))
    subprocess.run([ORACLE, script, str(path)], check=True, timeout=TIMEOUT_S, env=environment)
    found: dict[str, dict[str, Any]] = pickle.loads(path.read_bytes())
    return found


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_on_the_host(case: TensorCase, oracle: dict[str, dict[str, Any]]) -> None:
    want = oracle[case.name]
    got = case.run(torch)
    compare(got, want, case.ulps, case, strides=case.strides)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.machine], ids=[c.name for c in CASES if c.machine]
)
def test_on_the_machine(case: TensorCase, oracle: dict[str, dict[str, Any]]) -> None:
    want = oracle[case.name]
    if want["kind"] == "error":
        pytest.skip("torch's words differ by device")
    ulps = case.ulps if case.machine_ulps is None else case.machine_ulps
    with kb.Context("small"), torch.device("cuda"):
        got = case.run(torch, "cuda")
    compare(got, want, ulps, case, strides=case.strides)


def compare(
    got: dict[str, Any], want: dict[str, Any], ulps: float, case: TensorCase, *, strides: bool
) -> None:
    """Fail unless both gave the same."""
    if want["kind"] == "error":
        assert got["kind"] == "error", f"expected {want['class']}: {want['text']}, got {got}"
        first = want["text"].splitlines()[0] if want["text"] else ""
        ours = got["text"].splitlines()[0] if got["text"] else ""
        assert (got["class"], ours) == (want["class"], first)
        return
    assert got["kind"] == want["kind"], f"{got} instead of {want}"
    if want["kind"] == "plain":
        assert got["text"] == want["text"]
    elif want["kind"] == "list":
        assert len(got["items"]) == len(want["items"])
        for a, b in zip(got["items"], want["items"], strict=True):
            compare(a, b, ulps, case, strides=strides)
    else:
        assert (got["dtype"], got["shape"]) == (want["dtype"], want["shape"])
        if strides:
            assert got["stride"] == want["stride"]
        _same_numbers(got, want, ulps, case)


def _numbers(side: dict[str, Any]) -> Any:
    kind = side["dtype"].removeprefix("torch.")
    if kind == "bfloat16":
        bits = np.frombuffer(side["bytes"], np.uint16).astype(np.uint32) << 16
        return bits.view(np.float32).astype(np.float64), 2.0**-7
    if "float8" in kind:
        return np.frombuffer(side["bytes"], np.uint8), 0
    array = np.frombuffer(side["bytes"], kind)
    return array, (np.finfo(kind).eps if array.dtype.kind in "fc" else 0)


def _same_numbers(got: Any, want: Any, ulps: float, case: TensorCase) -> None:
    (ours, _), (theirs, step) = _numbers(got), _numbers(want)
    if theirs.dtype.kind not in "fc":
        assert np.array_equal(ours, theirs), f"{ours} instead of {theirs}"
        return
    both_nan = np.isnan(ours) & np.isnan(theirs)
    with np.errstate(all="ignore"):
        size = np.maximum(np.abs(theirs.astype(np.complex128)), case.scale)
        allowed = ulps * step * np.where(np.isfinite(size), size, 0)
        near = np.abs(ours.astype(np.complex128) - theirs) <= allowed
    good = both_nan | (ours == theirs) | near
    if not good.all():
        bad = np.nonzero(~good)[0][:5]
        pytest.fail(f"{ours[bad]} instead of {theirs[bad]} at {bad} ({(~good).sum()} differ)")
