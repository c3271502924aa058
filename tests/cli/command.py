"""Runs the program in a child process, as people do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATH = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, PATH))}


@dataclass(frozen=True)
class Ran:
    """What a child process left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def kernbench(*words: str | Path, cwd: Path | None = None, path: Path | None = None) -> Ran:
    """`python -m kernbench words`, from any folder; modules of `path` are found first."""
    first = {"PYTHONPATH": os.pathsep.join([str(path), ENVIRONMENT["PYTHONPATH"]])} if path else {}
    done = subprocess.run(
        [sys.executable, "-m", "kernbench", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        env=ENVIRONMENT | first,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)
