"""`import kernbench`: quick, and nothing it need not load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATH = [str(ROOT), os.environ.get("PYTHONPATH", "")]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, PATH))}

TIMED = """
import time
import numpy
begin = time.process_time()
import kernbench
print(time.process_time() - begin)
"""

HEAVY = """
import sys
import numpy
before = set(sys.modules)
import kernbench
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def run(script: str, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**ENVIRONMENT, **environment},
        cwd=os.sep,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_the_import_takes_a_tenth_of_a_second_beyond_numpys(tmp_path: Path) -> None:
    """Processor time, and the least of some runs: the first compiles, and the host may be busy.

    The bytecode is kept even where the environment says to keep none: users have it.
    """
    bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    least_s = 1.0
    for _ in range(10):
        least_s = min(least_s, float(run(TIMED, **bytecode)))
        if least_s <= 0.1:
            break
    assert least_s <= 0.1


def test_the_import_loads_no_other_package() -> None:
    loaded = set(run(HEAVY).split())
    assert "kernbench" in loaded
    assert not loaded - sys.stdlib_module_names - {"kernbench", "numpy", "greenlet"}
