"""`kernbench run` (ADR-0010): exit codes, JSON, the breakdown, what the script sees."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from command import ENVIRONMENT, ROOT, kernbench

GOOD = """
import sys
import kernbench as kb
import kernbench.language as tl

@kb.jit
def double(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    tl.store(y_ptr + offs, tl.load(x_ptr + offs, mask=mask) * 2, mask=mask)

def run(torch):
    x = torch.tensor([1.0, 2.0, 3.0])
    y = torch.empty((3,))
    double[(1,)](x, y, 3, BLOCK=4)
    print("values", y.tolist() if torch.data else "none")
"""


@pytest.fixture
def script(tmp_path: Path):
    def write(text: str, name: str = "script.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


# --- good runs ------------------------------------------------------------------------------------


def test_a_run_prints_what_the_script_prints_and_a_summary(script) -> None:
    ran = kernbench("run", "--topology", "small", script(GOOD))
    assert ran.code == 0, ran.err
    assert "values [2.0, 4.0, 6.0]" in ran.out
    for words in ("simulated", "double", "where it went", "sum", "roofline", "op log", "wall"):
        assert words in ran.out
    assert ran.err == ""


def test_json_is_one_object_with_the_keys_of_the_reference(script) -> None:
    ran = kernbench("run", "--json", "--topology", "small", script(GOOD))
    assert ran.code == 0, ran.err
    assert "values [2.0, 4.0, 6.0]" in ran.err
    assert set(ran.json) == {
        "simulated_ns", "launches", "breakdown_ns", "counters", "wall_s", "peak_rss_mb",
        "oplog_hash", "topology", "version",
    }  # fmt: skip
    assert set(ran.json["counters"]) == {
        "requests", "messages", "messages_by_flit", "train_pieces", "flit_ports", "events",
    }  # fmt: skip
    assert all(isinstance(count, int) for count in ran.json["counters"].values())
    (launch,) = ran.json["launches"]
    assert launch["kernel"] == "double" and launch["latency_ns"] > 0
    assert ran.json["topology"] == "small"
    assert int(ran.json["oplog_hash"], 16) >= 0 and len(ran.json["oplog_hash"]) == 16


def test_the_breakdown_adds_up_exactly(script) -> None:
    """ADR-0010 D5."""
    ran = kernbench("run", "--json", "--topology", "small", script(GOOD))
    exact = json.loads(ran.out, parse_float=Decimal)
    assert sum(exact["breakdown_ns"].values()) == exact["simulated_ns"] > 0
    assert min(exact["breakdown_ns"].values()) >= 0
    in_launches = sum(
        share for name, share in exact["breakdown_ns"].items() if name not in ("copy", "host")
    )
    assert in_launches == exact["launches"][0]["latency_ns"]


def test_two_runs_are_one_run(script) -> None:
    """Law L10."""
    first, second = (kernbench("run", "--json", "--topology", "small", script(GOOD)) for _ in "ab")
    for key in ("simulated_ns", "launches", "breakdown_ns", "counters", "oplog_hash"):
        assert first.json[key] == second.json[key]


def test_timing_alone_has_the_same_launch(script) -> None:
    """ADR-0010 D7."""
    full = kernbench("run", "--json", "--topology", "small", script(GOOD))
    timing = kernbench("run", "--json", "--no-data", "--topology", "small", script(GOOD))
    assert "values none" in timing.err
    assert timing.json["launches"] == full.json["launches"]


def test_a_script_is_run_as_python_would(script) -> None:
    script("VALUE = 42\n", "beside.py")
    path = script(
        "import sys, os, beside\n"
        "assert __name__ == '__main__' and sys.modules['__main__'].__file__ == __file__\n"
        "print(sys.argv, beside.VALUE, os.path.isabs(__file__))\n"
    )
    ran = kernbench("run", path, "--", "--json", "-h", "x")
    assert ran.code == 0, ran.err
    assert f"{[str(path), '--', '--json', '-h', 'x']} 42 True" in ran.out


def test_it_works_from_any_folder(script, tmp_path: Path) -> None:
    path = script(GOOD)
    for folder in (tmp_path, ROOT, Path("/")):
        ran = kernbench("run", "--topology", "small", os.path.relpath(path, folder), cwd=folder)
        assert ran.code == 0, ran.err


def test_set_changes_the_machine(script) -> None:
    path = script("print(__import__('kernbench').current_context().topology.system['n_sips'])")
    assert "3\n" in kernbench("run", "--set", "system.sips=3", path).out


def test_seed_reaches_the_script(script) -> None:
    path = script("def run(torch): print('seed', torch.seed)")
    assert "seed 7" in kernbench("run", "--seed", "7", path).out


def test_exit_0_is_success_and_says_nothing_more(script) -> None:
    ran = kernbench("run", script("import sys; print('bye'); sys.exit(0)"))
    assert (ran.code, ran.out) == (0, "bye\n")


# --- failures -------------------------------------------------------------------------------------


def test_a_script_that_raises_shows_its_own_frames_alone(script) -> None:
    path = script("def inner():\n    raise ValueError('no good')\n\ndef run(torch):\n    inner()\n")
    ran = kernbench("run", path)
    assert ran.code == 1 and ran.out == ""
    assert ran.err.startswith("Traceback") and ran.err.endswith("ValueError: no good\n")
    assert ran.err.count(str(path)) == 2 and "kernbench" not in ran.err.replace(str(path), "")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import sys; sys.exit(3)", ""),
        ("import sys; sys.exit('gave up')", "gave up"),
        ("x = = 1", "SyntaxError"),
        ("\0", "null bytes"),
        ("import no_such_module_here", "ModuleNotFoundError"),
        ("raise AssertionError('mine')", "AssertionError: mine"),
        ("{}['mine']", "KeyError: 'mine'"),
    ],
)
def test_other_failures_of_scripts(script, body: str, said: str) -> None:
    ran = kernbench("run", script(body + "\n"))
    assert ran.code == 1 and said in ran.err and "bug" not in ran.err


def test_json_prints_nothing_on_failure(script) -> None:
    ran = kernbench("run", "--json", script("print('hello')\nraise ValueError('no good')"))
    assert (ran.code, ran.out) == (1, "")
    assert "hello" in ran.err and "no good" in ran.err


def test_an_unsupported_construct_has_file_line_and_caret_and_no_traceback(script) -> None:
    path = script(GOOD.replace("mask = offs < n", "mask = [i for i in offs]"))
    ran = kernbench("run", "--topology", "small", path)
    assert ran.code == 1 and "Traceback" not in ran.err
    assert ran.err.startswith("CompilationError: ")
    head, line, caret = ran.err.splitlines()[:3]
    assert f"{path}:9:" in head
    assert line == "    mask = [i for i in offs]"
    assert caret.strip() == "^" and caret.index("^") == line.index("[")


def test_an_error_of_the_kernel_names_its_line(script) -> None:
    path = script(GOOD.replace(", mask=mask) * 2", ") * 2").replace("BLOCK=4", "BLOCK=4096"))
    ran = kernbench("run", "--topology", "small", path)
    assert ran.code == 1
    assert "OutOfBoundsError" in ran.err and "double" in ran.err


def test_ctrl_c_is_130(script) -> None:
    path = script(
        "import kernbench as kb\n"
        "import kernbench.language as tl\n\n"
        "@kb.jit\n"
        "def forever(x_ptr):\n"
        "    i = 0\n"
        "    while i >= 0:\n"
        "        i = (i + 1) % 7\n"
        "    tl.store(x_ptr, 1.0)\n\n"
        "def run(torch):\n"
        "    x = torch.zeros((1,))\n"
        "    print('ready', flush=True)\n"
        "    torch.wait(forever[(1,)](x))\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "kernbench", "run", "--topology", "small", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    earlier = _cpu_of_children_s()
    with child:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        time.sleep(0.3)
        before = _cpu_s(child.pid)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=120)  # the host may be busy: the child's own time counts
    took_s = _cpu_of_children_s() - earlier - before
    assert child.returncode == 130 and "interrupted" in err and "Traceback" not in err
    assert took_s < 1.0, took_s  # of which the machine's part is at most 0.1 s


def _cpu_s(pid: int) -> float:
    """Return what a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cpu_of_children_s() -> float:
    """Return what the children that have ended had used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("words", [[], ["--set", "system.sips=2", "--nproc", "2"]])
def test_ctrl_c_during_an_import_is_130(script, tmp_path: Path, words: list[str]) -> None:
    """The script, or a module that it imports, is in the middle of its own body."""
    script("import torch\nprint('ready', flush=True)\nwhile True:\n    pass\n", "slow.py")
    path = script("import torch\nimport slow\n")
    command = [sys.executable, "-m", "kernbench", "run", "--topology", "small", *words, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=ENVIRONMENT) as child:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        try:
            _, err = child.communicate(timeout=60)
        finally:
            child.kill()
    assert child.returncode == 130 and err == "kernbench run: interrupted\n", err


# --- usage and bad input --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["walk"],
        ["run"],
        ["run", "--nproc", "2", "x.py"],
        ["run", "no_such_file.py"],
        ["run", "."],
        ["run", "--seed", "x", "x.py"],
        ["run", "--set", "system.sips", __file__],
        ["run", "--topology", "no_such_preset", __file__],
        ["run", "--topology", "no_such_file.yaml", __file__],
        ["run", "--set", "system.sipz=2", __file__],
        ["run", "--set", "system.sips=1000000000", __file__],
        ["run", "--set", "system.cube.noc.GBps=-1", __file__],
    ],
)
def test_usage_and_bad_files_are_2(words: list[str]) -> None:
    ran = kernbench(*words)
    assert ran.code == 2 and ran.out == "" and ran.err
    assert "Traceback" not in ran.err


def test_an_unknown_key_names_the_nearest() -> None:
    ran = kernbench("run", "--set", "system.sipz=2", __file__)
    assert "sips" in ran.err


def test_a_bug_of_ours_is_70(script) -> None:
    """A NameError from within kernbench, provoked by breaking it."""
    path = script(
        "import kernbench.runtime.tensor_memory as c\n"
        "del c.Blocked\n"
        "def run(torch):\n"
        "    torch.zeros((1,))\n"
    )
    ran = kernbench("run", path)
    assert ran.code == 70 and "NameError" in ran.err and "please report it" in ran.err


def test_an_error_that_no_line_of_the_script_caused_is_a_bug_too(script) -> None:
    path = script(
        "import kernbench as kb\n"
        "def broken(self): raise TypeError('broken')\n"
        "code = broken.__code__.replace(co_filename=kb.runtime.context.__file__)\n"
        "kb.Context.synchronize = type(broken)(code, {})\n"
    )
    ran = kernbench("run", path)
    assert ran.code == 70 and "TypeError: broken" in ran.err and "please report it" in ran.err


def test_version_and_help() -> None:
    assert kernbench("--version").out.startswith("kernbench ")
    for words in (
        ["-h"],
        ["run", "-h"],
        ["probe", "-h"],
        ["topology", "-h"],
        ["topology", "show", "-h"],
    ):
        ran = kernbench(*words)
        assert ran.code == 0 and "usage: kernbench" in ran.out
