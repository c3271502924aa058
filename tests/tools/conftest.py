"""The checkers of tools/, run as people run them: a program over a tree."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """Return a function that writes a small tree of files and returns its root."""

    def write(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def run_tool() -> Callable[..., tuple[int, list[str]]]:
    """Return a function that runs tools/NAME and returns its exit code and its lines."""

    def run(name: str, *arguments: object) -> tuple[int, list[str]]:
        command = [sys.executable, str(TOOLS / name), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()

    return run
