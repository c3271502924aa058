"""The pages of docs/ hold programs and files; each of them works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import kernbench as kb

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page for page in [*ROOT.glob("docs/**/*.md"), ROOT / "README.md"] if "adr" not in page.parts[-2]
)


def fenced(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a page that are marked with a language."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for mark, block in blocks if mark == language]


def test_there_are_snippets():
    assert any(fenced(page, "python") for page in PAGES)
    assert any(fenced(page, "yaml") for page in PAGES)


@pytest.mark.parametrize("page", [p for p in PAGES if "tutorial" in p.parts], ids=lambda p: p.stem)
def test_a_tutorial_runs_from_top_to_bottom(page, tmp_path):
    program = tmp_path / "saxpy.py"
    program.write_text("".join(fenced(page, "python")), encoding="utf-8")
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("latency ")


@pytest.mark.parametrize(
    "page",
    [p for p in PAGES if "howto" in p.parts and "import kernbench" in "".join(fenced(p, "python"))],
    ids=lambda p: p.stem,
)
def test_a_guide_runs_from_top_to_bottom(page, tmp_path):
    program = tmp_path / "guide.py"
    program.write_text("".join(fenced(page, "python")), encoding="utf-8")
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("page", [p for p in PAGES if fenced(p, "yaml")], ids=lambda p: p.stem)
def test_topologies_are_accepted(page):
    for text in fenced(page, "yaml"):
        assert kb.Topology.from_yaml(text).nodes


@pytest.mark.parametrize("page", [p for p in PAGES if fenced(p, "")], ids=lambda p: p.stem)
def test_commands_exist(page):
    """`kernbench COMMAND --option` in a plain block names commands and options that there are."""
    for line in "".join(fenced(page, "")).splitlines():
        words = line.split()
        if words[:1] != ["kernbench"]:
            continue
        command = [word for word in words[1:3] if word.isalpha() and word.islower()]
        run = subprocess.run(
            [sys.executable, "-m", "kernbench", *command, "-h"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        for option in re.findall(r"--[a-z-]+", line):
            assert option in run.stdout, (line, option)
