"""Says at the end how many cases were compared."""

from __future__ import annotations

from collections import Counter

import pytest

WHAT = {
    "test_same_as_triton": "kernels with Triton",
    "test_on_the_host": "expressions with torch, on the host",
    "test_on_the_machine": "expressions with torch, on the simulated machine",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what passed, by what it was compared with."""
    passed = Counter(
        report.nodeid.partition("::")[2].partition("[")[0]
        for report in terminalreporter.stats.get("passed", ())
    )
    for name, what in WHAT.items():
        if passed[name]:
            terminalreporter.write_line(f"compared: {passed[name]} {what}")
