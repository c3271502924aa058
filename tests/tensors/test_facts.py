"""What torch said, recorded: factories, random numbers, printing, indexing, errors, as text.

Printing shows shapes, dtypes and values to four digits.  ``tests/parity`` compares many more cases
with torch itself, to the bit.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import kernbench.torch as torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "parity"))
from torch_case import evaluate  # noqa: E402

LINES = (HERE / "facts.txt").read_text(encoding="utf-8").splitlines()[1:]
FACTS = [(LINES[i], LINES[i + 1].strip()) for i in range(0, len(LINES), 2)]


def test_there_are_facts() -> None:
    assert len(FACTS) > 400


@pytest.mark.parametrize(("expression", "fact"), FACTS, ids=[each for each, _ in FACTS])
def test_as_torch_said(expression: str, fact: str) -> None:
    assert evaluate(expression, torch) == fact
