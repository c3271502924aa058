"""The kernel language computes what Triton's does: every case of `cases`, under both.

Needs another Python, with torch and triton (``make parity`` makes one, and sets KERNBENCH_ORACLE).
Integers, truths and single float operations agree to the bit; NaNs agree as NaNs, whatever their
bits; what rounds more than once agrees to the bound that its case states.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from case import FP8, NUMBERS, Case, Tensor, define, is_output
from cases import all_cases
from prints import printed_by_triton, printed_here

import kernbench as kb
import kernbench.language as tl

ORACLE = os.environ.get("KERNBENCH_ORACLE")
if not ORACLE:
    pytest.skip(
        "KERNBENCH_ORACLE is not set: the path of a Python that has torch and triton; "
        "`make parity` makes one",
        allow_module_level=True,
    )
CASES = all_cases()
TIMEOUT_S = 900
OF_STORAGE = {
    "bfloat16": ml_dtypes.bfloat16,
    "float8e4nv": ml_dtypes.float8_e4m3fn,
    "float8e5": ml_dtypes.float8_e5m2,
}


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, np.ndarray]]:
    """Return what Triton's interpreter left in every case's outputs, by case and argument."""
    path = tmp_path_factory.mktemp("oracle") / "results.npz"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    subprocess.run(
        [ORACLE, str(Path(__file__).with_name("run_oracle.py")), str(path)],
        check=True,
        timeout=TIMEOUT_S,
        env=environment,
    )
    found: dict[str, dict[str, np.ndarray]] = {}
    with np.load(path) as file:
        for key in file.files:
            name, argument = key.replace("\\", "/").rsplit(":", 1)
            found.setdefault(name, {})[argument] = file[key]
    return found


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_same_as_triton(case: Case, oracle: dict[str, dict[str, np.ndarray]]) -> None:
    theirs = oracle[case.name]
    if "error" in theirs:
        with pytest.raises(kb.CompilationError):
            run(case)
        return
    compare(case, run(case), theirs)


def run(case: Case) -> dict[str, np.ndarray]:
    """Return what the case leaves in its outputs on our machine."""
    kernel = define(case, tl, kb.jit)
    with kb.Context("small") as ctx:
        args: dict[str, Any] = {}
        for name, value in case.make().items():
            if not isinstance(value, Tensor):
                args[name] = value
            else:
                data = value.data.view(OF_STORAGE.get(value.dtype, value.data.dtype))
                args[name] = ctx.tensor(data)
        kernel[case.grid](**args)
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            ctx.synchronize()
        outputs = {name: given.numpy() for name, given in args.items() if is_output(name)}
        return outputs | ({"printed": np.array(text.getvalue())} if case.prints else {})


def compare(case: Case, ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    """Fail unless both left the same, in the same dtype."""
    kind = None
    if "kind_ptr" in theirs:
        names = dict(enumerate(NUMBERS + FP8, 1))
        kind, our_kind = (names[int(side["kind_ptr"][0])] for side in (theirs, ours))
        assert our_kind == kind, f"expected a {kind}, got a {our_kind}"
    for name in theirs if case.values else ():
        if name == "kind_ptr":
            continue
        if name == "printed":
            assert printed_here(str(ours[name])) == printed_by_triton(str(theirs[name]))
            continue
        want, got = theirs[name], ours[name]
        if name == "out_ptr" and kind is not None:
            want, got = (decode(array, kind) for array in (want, got))
        same(got, want, case)


def decode(raw: np.ndarray, kind: str) -> np.ndarray:
    """Read the bytes of ``out_ptr`` as values of the dtype that was recorded."""
    dtype = OF_STORAGE.get(kind) or np.dtype("int8" if kind == "int1" else kind)
    return raw.view(np.uint8).view(dtype)[: len(raw)]


def same(got: np.ndarray, want: np.ndarray, case: Case) -> None:
    """Fail where two arrays differ by more than the case allows."""
    bits = np.dtype(f"u{want.dtype.itemsize}")
    wrong = np.ascontiguousarray(got).view(bits) != np.ascontiguousarray(want).view(bits)
    if want.dtype.kind not in "iub":
        wide_got, wide_want = got.astype(np.float64), want.astype(np.float64)
        wrong &= ~(np.isnan(wide_got) & np.isnan(wide_want))
        if case.ulps and want.dtype.kind == "f":
            with np.errstate(invalid="ignore"):
                last = np.spacing(np.maximum(np.abs(want), want.dtype.type(case.scale)))
                wrong &= ~(np.abs(wide_got - wide_want) <= case.ulps * last.astype(np.float64))
    if wrong.any():
        places = np.argwhere(wrong)
        lines = [
            f"{tuple(map(int, p))}: {got[tuple(p)]!r}, Triton {want[tuple(p)]!r}"
            for p in places[:8]
        ]
        inputs = {k: v.data for k, v in case.make().items() if isinstance(v, Tensor)}
        for name, data in inputs.items():
            if data.shape == got.shape and not is_output(name):
                lines.append(f"{name}: {[data[tuple(p)].item() for p in places[:8]]}")
        pytest.fail(f"{len(places)} of {got.size} differ\n" + "\n".join(lines), pytrace=False)
