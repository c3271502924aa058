"""Ctrl-C: a run answers within 0.1 s, whatever it is at; it goes on, or says it cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from interrupted import RUNS

ANSWER_S = 0.1
PATH = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, PATH))}


@pytest.mark.parametrize("name", RUNS)
def test_ctrl_c_is_answered_at_once(name: str) -> None:
    script = Path(__file__).with_name("interrupted.py")
    took = []
    with subprocess.Popen(
        [sys.executable, str(script), name], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            for _ in range(2):
                # A kernel's value is computed only after some timing, which a busy host stretches.
                time.sleep(0.15 if name != "replay_for_a_kernel" else 0.6)
                sent_s = time.monotonic()
                process.send_signal(signal.SIGINT)
                word, answered_s = process.stdout.readline().split()
                assert word == "interrupted"
                took.append(float(answered_s) - sent_s)
            assert process.stdout.readline() == "good\n"
        finally:
            process.kill()
    assert min(took) < ANSWER_S, took  # the host may be busy with something else once, not twice
