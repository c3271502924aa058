"""The deliberate faults in trains fit the sources of today, so that the tool can put them in."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools/mutate_trains.py"
FAULTS = runpy.run_path(str(TOOL))["FAULTS"]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_has_one_place(fault: tuple[str, str, str, str]) -> None:
    _, file, text, replacement = fault
    source = (TOOL.parents[1] / "csrc/hw" / file).read_text()
    assert source.count(text) == 1
    assert replacement != text
