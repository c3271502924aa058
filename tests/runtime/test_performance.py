"""perf_report: a function timed over arguments, with and without pandas and matplotlib."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from kernbench.triton.testing import Benchmark, perf_report

CALLS: list[tuple[int, int, str]] = []


def bench(**changes: Any) -> Benchmark:
    given: dict[str, Any] = {
        "x_names": ["m", "n"],
        "x_vals": [2, (4, 8)],
        "line_arg": "provider",
        "line_vals": ["ours", "theirs"],
        "line_names": ["Ours", "Theirs"],
        "plot_name": "products",
        "args": {"scale": 10},
    }
    return Benchmark(**(given | changes))


def product(m: int, n: int, provider: str, scale: int, more: int = 0) -> Any:
    CALLS.append((m, n, provider))
    ms = float(m * n * scale + more)
    return (ms, ms - 1, ms + 1) if provider == "ours" else ms


def test_each_place_is_called_for_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    CALLS.clear()
    assert perf_report(bench())(product).run(print_data=True, more=1) is None
    assert CALLS == [(2, 2, "ours"), (2, 2, "theirs"), (4, 8, "ours"), (4, 8, "theirs")]
    assert capsys.readouterr().out == (
        "products:\nm  n   Ours  Theirs\n2  2  41.00   41.00\n4  8  321.0   321.0\n"
    )


def test_a_folder_gets_the_numbers_and_the_figure(tmp_path: Path) -> None:
    perf_report([bench(), bench(plot_name="again")])(product).run(save_path=tmp_path / "made")
    text = (tmp_path / "made" / "products.csv").read_text()
    assert text == "m,n,Ours,Theirs\n2,2,40.0,40.0\n4,8,320.0,320.0\n"
    drawn = importlib.util.find_spec("matplotlib") is not None
    assert (tmp_path / "made" / "again.png").exists() == drawn


def test_values_that_do_not_fit_their_names() -> None:
    with pytest.raises(ValueError, match=r"products: expected 2 values for \['m', 'n'\], got \(1,"):
        perf_report(bench(x_vals=[(1, 2, 3)]))(product).run()


def test_a_figure_of_two_numbers() -> None:
    with pytest.raises(
        ValueError, match=r"products: expected a figure, or one with .* got \(1, 2\)"
    ):
        perf_report(bench())(lambda **_: (1, 2)).run()


def test_names_with_commas_stay_one_cell(tmp_path: Path) -> None:
    perf_report(bench(line_names=["a, b", "c"]))(product).run(save_path=tmp_path)
    assert (tmp_path / "products.csv").read_text().startswith('m,n,"a, b",c\n')


def test_a_data_frame_needs_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'kernbench\[report\]'"):
        perf_report(bench())(product).run(return_df=True)


def test_a_data_frame_has_the_rows() -> None:
    pytest.importorskip("pandas")
    frame = perf_report(bench())(product).run(return_df=True)
    assert list(frame.columns) == ["m", "n", "Ours", "Theirs"]
    assert frame.to_numpy().tolist() == [[2, 2, 40, 40], [4, 8, 320, 320]]
    frames = perf_report([bench(), bench()])(product).run(return_df=True)
    assert [len(f) for f in frames] == [2, 2]
