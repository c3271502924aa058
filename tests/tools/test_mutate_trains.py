"""The deliberate faults in trains fit the sources of today, so that the tool can put them in."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAULTS = runpy.run_path(str(ROOT / "tools/train_faults.py"))["FAULTS"]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.what for fault in FAULTS])
def test_a_fault_has_one_place(fault: Any) -> None:
    source = (ROOT / "csrc/hw/fabric" / fault.file).read_text()
    assert source.count(fault.text) == 1
    assert fault.instead != fault.text


def test_the_table_names_every_fault() -> None:
    """`tools/mutate_trains.py --out` was run after the last change of the list."""
    table = (ROOT / "docs/reference/train-faults.md").read_text()
    rows = [line.split("|")[2].strip() for line in table.splitlines() if line.startswith("| `")]
    assert [row.removesuffix(" (sweeping)") for row in rows] == [fault.what for fault in FAULTS]
