"""Deliberate faults in flit trains (ADR-0043): each must make csrc/test/test_trains fail.

A fault is found by the first case in which trains and flits differ, or in which the program dies
or goes on for more than CPU_LIMIT_S.  Where the random cases do not find it they run again with a
sweep at every step back, which is otherwise rare.  Works on a copy of the sources, in a temporary
folder.  Needs meson and ninja on the path::

    python tools/mutate_trains.py [--cases N] [--only WORD] [--out docs/reference/train-faults.md]
"""

from __future__ import annotations

import argparse
import resource
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from train_faults import FAULTS, Fault

ROOT = Path(__file__).resolve().parent.parent
FIRST_SEED = 7

# Without a fault 10,000 cases take some 10 s.
CPU_LIMIT_S = 30

# In train_pull.c.
OFTEN = ("STEPS_BACK = 4", "STEPS_BACK = 0")

HEAD = """# Faults in flit trains

<!-- Made by `python tools/mutate_trains.py --out docs/reference/train-faults.md`. -->

A comparison of trains with flits ([ADR-0043](../adr/ADR-0043-algo-flit-trains.md)) is worth what it
finds. So each rule of trains is broken once, deliberately, in a copy of the sources, and
`csrc/test/test_trains` runs its random cases. What is broken is written in `tools/train_faults.py`.

*Found in* is the number of the first case that noticed, of at most {cases:,}, 0 is the one that is
written down and not random, and *CPU s* the time until then. *How*: the modes **differ** in a time,
an order or a count; the program **dies**; or it is still **busy** after {limit} s of CPU time,
where a sound one has finished all. A fault that **survives** is noticed by none. Some faults are in
what a sweep does, and random cases seldom sweep: these run with a sweep at every step back.

| file | fault | found in | CPU s | how |
| --- | --- | ---: | ---: | --- |
"""


@dataclass(frozen=True)
class Finding:
    """How a fault was found: in which case, after how much CPU time."""

    how: str
    case: int
    cpu_s: float
    sweeping: bool = False

    def __str__(self) -> str:
        """Say it in a line."""
        sweeping = ", sweeping" if self.sweeping else ""
        return f"{self.how} in case {self.case}, {self.cpu_s:.1f} s{sweeping}"


def limit_cpu_time() -> None:
    """Have a program that hangs killed; by CPU time, so that a busy computer finds no fault."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S + 1))


def run(program: Path, cases: int) -> Finding | None:
    """Run the cases up to the first that notices; None when none does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    case, differs = 0, False
    with subprocess.Popen(
        [program, str(cases), str(FIRST_SEED), "aloud"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=limit_cpu_time,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("# case "):
                case = int(line.split()[2]) - FIRST_SEED + 1
            elif "the modes differ" in line or line.startswith("not ok"):
                differs = True
                process.kill()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode == 0:
        return None
    busy = -process.returncode in (signal.SIGXCPU, signal.SIGKILL)
    how = "differs" if differs else "busy" if busy else "dies"
    return Finding(how, case, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


class Copy:
    """The sources, and a build of the one program."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.build = folder / "tree", folder / "build"
        self.tree.mkdir()
        self.right: dict[str, str] = {}
        for entry in ("csrc", "meson.build", "meson.options", "LICENSE"):
            copy = shutil.copytree if (ROOT / entry).is_dir() else shutil.copy
            copy(ROOT / entry, self.tree / entry)
        options = ("-Dpython=false", "-Dwerror=false", "-Doptimization=1")
        command = ["meson", "setup", str(self.build), str(self.tree), *options]
        subprocess.run(command, capture_output=True, check=True)

    def path(self, file: str) -> Path:
        """Where a file is that gets faults."""
        return self.tree / "csrc/hw/fabric" / file

    def replace(self, file: str, text: str, instead: str) -> None:
        """Write one text for another, which must be there."""
        now = self.path(file).read_text(encoding="utf-8")
        self.right.setdefault(file, now)
        if text not in now:
            raise SystemExit(f"{file} has no {text!r}")
        self.path(file).write_text(now.replace(text, instead), encoding="utf-8")

    def restore(self) -> None:
        """Write all as it was."""
        for file, text in self.right.items():
            self.path(file).write_text(text, encoding="utf-8")
        self.right.clear()

    def find(self, cases: int) -> Finding | None:
        """Build the program and run it."""
        program = "csrc/test/test_trains"
        built = subprocess.run(
            ["ninja", "-C", self.build, program], capture_output=True, text=True, check=False
        )
        if built.returncode:
            raise SystemExit(f"a fault that does not build:\n{built.stdout[-2000:]}")
        return run(self.build / program, cases)


def look_for(fault: Fault, copy: Copy, cases: int) -> Finding | None:
    """Put a fault in, and look for it."""
    copy.replace(fault.file, fault.text, fault.instead)
    finding = copy.find(cases)
    if finding is None:
        copy.replace("train_pull.c", *OFTEN)
        if finding := copy.find(cases):
            finding = replace(finding, sweeping=True)
    copy.restore()
    return finding


def row(fault: Fault, finding: Finding | None) -> str:
    """Write a line of the table."""
    if finding is None:
        return f"| `{fault.file}` | {fault.what} | | | **survives** |\n"
    what = fault.what + (" (sweeping)" if finding.sweeping else "")
    return f"| `{fault.file}` | {what} | {finding.case:,} | {finding.cpu_s:.1f} | {finding.how} |\n"


def main() -> int:
    """Exit code 1 when a fault survives."""
    parser = argparse.ArgumentParser(description="Put faults into flit trains and find them.")
    parser.add_argument("--cases", type=int, default=10000, help="random cases (10000)")
    parser.add_argument("--only", default="", help="those with this word in their description")
    parser.add_argument("--out", type=Path, help="the table, in Markdown")
    args = parser.parse_args()
    rows, n_survivors = [], 0
    with tempfile.TemporaryDirectory() as name:
        copy = Copy(Path(name))
        if without := copy.find(args.cases):
            raise SystemExit(f"fails without a fault: {without}")
        for fault in FAULTS:
            if args.only not in fault.what:
                continue
            finding = look_for(fault, copy, args.cases)
            n_survivors += finding is None
            print(f"{fault.what}: {finding or 'SURVIVED'}", flush=True)
            rows.append(row(fault, finding))
    if args.out:
        head = HEAD.format(cases=args.cases, limit=CPU_LIMIT_S)
        args.out.write_text(head + "".join(rows), encoding="utf-8")
    return 1 if n_survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
