"""Measure everything that docs/reference/benchmarks.md says, and write that page.

python tools/bench/run.py [--build build] [--only "Engine,Virtual machine,..."] [--out FILE]

`make bench` calls it.  Programs that are compared run one after the other, several times over; the
figure is the best, which other work on the computer disturbs least.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ROUNDS = 5
Json = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One line: what was asked and measured, and whether that is enough (None: nothing asked)."""

    figure: str
    asked: str
    measured: str
    met: bool | None = None


def at_least(figure: str, asked: float, value: float, unit: str) -> Row:
    """Return a line whose value should be large."""
    return Row(figure, f"at least {asked:g} {unit}", f"{value:.3g} {unit}", value >= asked)


def at_most(figure: str, asked: float, value: float, unit: str) -> Row:
    """Return a line whose value should be small."""
    return Row(figure, f"at most {asked:g} {unit}", f"{value:.3g} {unit}", value <= asked)


def told(figure: str, measured: str) -> Row:
    """Return a line for information."""
    return Row(figure, "", measured)


class Programs:
    """The programs of a build."""

    def __init__(self, build: Path) -> None:
        self.folder = build / "csrc" / "bench"

    def has_isa(self, isa: str) -> bool:
        """Return whether this computer has an instruction set."""
        command = [str(self.folder / "bench_replay"), f"isa={isa}", "only=none"]
        return subprocess.run(command, capture_output=True).returncode == 0

    def lines(self, program: str, *args: str, **environment: str | None) -> list[Json]:
        """Run a program, and return what it printed."""
        return lines([str(self.folder / program), *args], **environment)

    def best(self, *commands: Sequence[str]) -> list[Json]:
        """Run `peers` with each list of arguments in turn; return the fastest line of each."""
        rounds = [[self.lines("peers", *c)[0] for c in commands] for _ in range(ROUNDS)]
        checks = {run["check"] for runs in rounds for run in runs}
        if len({tuple(c[-1:]) for c in commands}) == 1 and len(checks) > 1:
            raise SystemExit(f"bench: the results differ: {commands}")
        return [min(runs, key=lambda run: run["cpu_s"]) for runs in zip(*rounds, strict=True)]


def lines(command: Sequence[str], **environment: str | None) -> list[Json]:
    """Run a command, with changes to its environment, and return the JSON that it printed."""
    env = {k: v for k, v in {**os.environ, **environment}.items() if v is not None}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(command)}: {done.stdout}{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def python(script: str, *args: str, **environment: str | None) -> list[Json]:
    """Run a script of this folder."""
    return lines([sys.executable, str(HERE / script), *args], **environment)


# --- the engine -----------------------------------------------------------------------------------


def per_op(run: Json) -> float:
    """Return the seconds of one operation."""
    return float(run["cpu_s"] / run["ops"])


def engine(programs: Programs) -> Iterable[Row]:
    """Put trains and flits beside a plain loop, and beside each other."""
    loads = {
        "alone": ("case=single M=1 X=5000", 30.0),
        "4 sources at full rate": ("case=merge M=4 X=2000", 10.0),
        "4 sources, random load 0.7": ("case=random load=0.7 M=4 X=2000", 10.0),
        "4 sources, slow pace": ("case=random load=0.5 g=5008 M=4 X=2000", 4.0),
        "4 sources, odd pace": ("case=random load=0.5 g=1777 M=4 X=2000", 4.0),
    }
    for name, (text, asked) in loads.items():
        args = [*text.split(), "F=64"]
        plain, flit, train = programs.best(
            ["plain_pipeline", *args],
            ["mode=flit", "pipeline", *args],
            ["mode=train", "pipeline", *args],
        )
        yield at_most(f"flits, {name}", 1.5, per_op(flit) / per_op(plain), "× plain loop's time")
        yield at_least(f"trains, {name}", asked, per_op(plain) / per_op(train), "× plain loop")
    pairs = {
        "8×8 mesh, load 0.1": (["mesh", "load=0.1", "n=20000"], 20.0),
        "8×8 mesh, load 0.3": (["mesh", "load=0.3", "n=20000"], 8.0),
        "closed loop, 16 memories, 256 flits": (["memory", "F=256"], 15.0),
        "single flits, chain of 5": (["fabric", "F=1", "hops=5", "n=200000"], 0.8),
        "single flits, 8×8 mesh, load 0.3": (["mesh", "F=1", "load=0.3", "n=200000"], 0.8),
        "4 flits, 8×8 mesh, load 0.6": (["mesh", "F=4", "load=0.6", "n=100000"], 0.8),
        "4 flits, 50,000 messages at one port": (["crowd", "senders=100", "n=500", "F=4"], 0.8),
        "4 flits, 500,000 messages at one port": (["crowd", "senders=1000", "n=500", "F=4"], 0.8),
    }
    for name, (args, asked) in pairs.items():
        flit, train = programs.best(["mode=flit", *args], ["mode=train", *args])
        yield at_least(f"trains, {name}", asked, per_op(flit) / per_op(train), "× flit mode")
    for n in (100, 1000, 10000, 100000):
        args = [f"n={n}", "ops=1000000"]
        plain, ours = programs.best(["plain_hold", *args], ["hold", *args])
        ratio = per_op(ours) / per_op(plain)
        yield at_most(f"hold, {n} events", 1.0, ratio, "× plain heap's time")
    for hops, millions in ((1, 5.0), (5, 3.0)):
        (run,) = programs.best(["fabric", "F=1", f"hops={hops}", "n=1000000"])
        value = 1e-6 / per_op(run)
        yield at_least(f"single flits over {hops} hops", millions, value, "M messages/s")
    for n_messages in (10**5, 10**6):
        for n_flits in (1, 64, 4096):
            args = ["fabric", f"F={n_flits}", "hops=5", f"n={n_messages}"]
            (run,) = programs.best(args)
            size = f"{n_flits * 64:,} B"
            yield told(f"{n_messages:,} messages of {size}", f"{per_op(run) * 1e9:.0f} ns each")


# --- the machine ----------------------------------------------------------------------------------


def hardware(programs: Programs) -> Iterable[Row]:
    """Measure a mesh flit by flit, and random reads of a banked memory, alone and by a fabric."""
    for n_flits in (1, 64):
        args = ["mode=flit", "mesh", f"F={n_flits}", "load=0.3", f"n={320000 // n_flits + 20000}"]
        (run,) = programs.best(args)
        value = 1e-6 * run["flit_hops"] / run["cpu_s"]
        name = f"8×8 mesh, load 0.3, flits by {n_flits}, flit by flit"
        yield at_least(name, 8.0, value, "M flit-hops/s")
    parts = {
        "controller": ("random 32 B at the HBM controllers", 2.0),
        "transfers": ("random reads of 32 B through `transfers`", 1.0),
    }
    for part, (name, asked) in parts.items():
        args = [f"part={part}", "kind=random"]
        runs = [programs.lines("bench_dram", *args)[0] for _ in range(ROUNDS)]
        yield at_least(name, asked, 1e-6 / min(map(per_op, runs)), "M requests/s")


# --- whole runs, and memory -----------------------------------------------------------------------


def gemms(programs: Programs) -> Iterable[Row]:
    """Run a GEMM with timing alone: its cost, and that it grows with messages and nothing else."""
    for n in (512, 1024, 2048, 4096):
        runs = [python("timing_alone.py", str(n))[0] for _ in range(3)]
        best = min(runs, key=lambda run: run["run_cpu_s"])
        name = f"GEMM {n}³ fp16"
        if n == 1024:
            yield at_most(f"{name}, without start-up", 0.3, best["run_cpu_s"], "s")
        if n == 4096:
            yield at_most(f"{name}, start-up included", 5.0, best["cpu_s"], "s")
            yield at_most(f"{name}, most memory", 400.0, best["peak_mb"], "MB")
        counts = ["requests", "messages", "train_pieces", "events", "records"]
        yield told(
            f"{name}, what happened",
            f"{min(run['wall_s'] for run in runs):.2f} s by the clock; "
            + ", ".join(f"{best[key]:,} {key.replace('_', ' ')}" for key in counts)
            + f"; {best['run_cpu_s'] / best['messages'] * 1e6:.2f} µs a message",
        )
        yield told(f"{name}, op log", f"{best['log_nbytes'] / best['records']:.0f} B a record")


def rings(programs: Programs) -> Iterable[Row]:
    """Run a ring all-reduce over many SIPs with timing alone."""
    asked = {256: (1.0, 150.0), 1024: (10.0, 500.0)}
    for ranks, (seconds, most) in asked.items():
        for standard in ("none", "HBM3"):
            (run,) = python("ring_all_reduce.py", str(ranks), "hash", standard)
            name = f"all-reduce of 1 MiB, {ranks:,} SIPs, HBM `{standard}`"
            yield at_most(name, seconds, run["run_cpu_s"], "s")
            yield at_most(f"{name}, most memory", most, run["peak_mb"], "MB")
            counts = ["messages", "train_pieces", "events", "records"]
            yield told(
                f"{name}, what happened",
                f"{run['simulated_ns'] / 1e3:,.0f} µs of its time; "
                + ", ".join(f"{run[key]:,} {key.replace('_', ' ')}" for key in counts),
            )
    (run,) = python("ring_all_reduce.py", "1024", "full", "none")
    yield at_most("the same with the whole op log, most memory", 1500.0, run["peak_mb"], "MB")


def memory(programs: Programs) -> Iterable[Row]:
    """Count bytes, as the engine's own allocator counts them."""
    for run in programs.lines("bench_memory"):
        yield told(f"bytes {run['what']}", f"{run['value']:.0f} B")
    for n, oplog in ((25_000, "hash"), (250_000, "hash"), (250_000, "full")):
        (run,) = python("many_records.py", str(n), oplog)
        yield told(
            f'{run["records"]:,} records, `oplog="{oplog}"`',
            f"log {run['log_nbytes'] / 1e6:.1f} MB ({run['log_nbytes'] / run['records']:.1f} B a "
            f"record), process {run['peak_mb']:.0f} MB",
        )


# --- the virtual machine --------------------------------------------------------------------------


def vm(programs: Programs) -> Iterable[Row]:
    """Count instructions a second."""
    rounds = [programs.lines("bench_vm") for _ in range(3)]
    best: dict[str, float] = {}
    for run in (line for lines in rounds for line in lines):
        better = min if run["unit"] == "us" else max
        best[run["what"]] = better(best.get(run["what"], run["value"]), run["value"])
    for what, value in best.items():
        if what == "scalars":
            yield at_least("scalar instructions", 150, value, "M/s")
        elif what == "masked load":
            yield at_most("masked affine load of 128×64", 0.3, value, "µs")
        else:
            yield told(f"instructions: {what}", f"{value:.3g} M/s")


# --- replay ---------------------------------------------------------------------------------------


Figures = dict[tuple[str, str], float]


def figures(rounds: Iterable[Iterable[Json]]) -> Figures:
    """Return the best of each figure."""
    best: Figures = {}
    for line in (line for lines in rounds for line in lines if "what" in line):
        better = max if line["unit"] == "GFLOP/s" else min
        key = (line["what"], line["dtype"])
        best[key] = better(best.get(key, line["value"]), line["value"])
    return best


def dots(programs: Programs) -> Iterable[Row]:
    """Put products of matrices beside OpenBLAS, at the same width of vectors."""
    for isa, core in (("avx512", None), ("avx2", "Haswell")):
        if not programs.has_isa(isa):
            continue
        environment = {"OPENBLAS_CORETYPE": core, "OPENBLAS_L2_SIZE": None}
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(programs.lines("bench_replay", f"isa={isa}", "only=dot"))
            theirs.append(python("numpy_peer.py", "dot", **environment))
        name, best, blas = theirs[0][0]["isa"], figures(ours), figures(theirs)
        for size, asked in (("512x512x512", 0.9), ("128x128x64", 0.8)):
            for dtype in ("float32", "float16"):
                ratio = best[f"dot {size}", dtype] / blas[f"dot {size}", "float32"]
                speed = f"{best[f'dot {size}', dtype]:.0f} GFLOP/s"
                yield at_least(
                    f"dot {size} {dtype}, {isa} ({speed})",
                    asked,
                    ratio,
                    f"× sgemm, OpenBLAS {name}",
                )


SMALL = ("bfloat16", "float8e4nv", "float8e5")


PAIRS, TURNS = 5, 3
Ratios = dict[str, dict[str, list[float]]]


def element_wise(programs: Programs) -> Iterable[Row]:
    """Compare every operation that NumPy has, in every dtype.

    We and NumPy take turns on one core, an operation right after its peer.  Where the tiles of a
    process lie in physical memory makes one and the same loop up to twice as slow, so the median is
    of several pairs of processes.  What looks slower is measured by more of them.
    """
    for isa, without in (("avx512", None), ("avx2", "X86_V4 AVX512_ICL AVX512_SPR")):
        if not programs.has_isa(isa):
            continue
        table: Ratios = {}
        for pair in range(3 * PAIRS):
            ours = Asked([str(programs.folder / "bench_replay"), f"isa={isa}", "only=asked"])
            numpy = [sys.executable, str(HERE / "numpy_peer.py"), "asked"]
            theirs = Asked(numpy, NPY_DISABLE_CPU_FEATURES=without)
            ours.line()  # the instruction set
            for operation in theirs.line()["operations"]:
                peer, what = operation.split(" ", 1)
                for dtype in (peer, *SMALL) if peer == "float32" else (peer,):
                    seen = table.setdefault(dtype, {}).setdefault(what, [])
                    if pair < PAIRS or is_slower(statistics.median(seen)):
                        seen += turns(ours, theirs, dtype, peer, what)
            ours.end()
            theirs.end()
        for dtype, each in table.items():
            yield speeds(dtype, isa, {what: statistics.median(seen) for what, seen in each.items()})


def turns(ours: Asked, theirs: Asked, dtype: str, peer: str, what: str) -> list[float]:
    """Return our speed several times over: in the peer's, for small floats in half of it."""
    times = 2 if dtype in SMALL else 1
    return [times * theirs.value(peer, what) / ours.value(dtype, what) for _ in range(TURNS)]


class Asked:
    """A program that measures what it is asked for, line by line."""

    def __init__(self, command: Sequence[str], **environment: str | None) -> None:
        env = {k: v for k, v in {**os.environ, **environment}.items() if v is not None}
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        if hasattr(os, "sched_setaffinity"):  # on one core: what disturbs one disturbs both
            os.sched_setaffinity(self.process.pid, {min(os.sched_getaffinity(0))})

    def line(self) -> Json:
        """Return what it prints next."""
        assert self.process.stdout
        text = self.process.stdout.readline()
        if not text:
            raise SystemExit(f"bench: {self.process.args!r} ended")
        return dict(json.loads(text))

    def value(self, dtype: str, what: str) -> float:
        """Measure an operation once."""
        assert self.process.stdin
        self.process.stdin.write(f"{dtype} {what}\n")
        return float(self.line()["value"])

    def end(self) -> None:
        """Let it end: there is no more to measure."""
        self.process.communicate()


def is_slower(ratio: float) -> bool:
    """Whether an operation does not count as fast as its peer."""
    return ratio < 0.95


def speeds(dtype: str, isa: str, ratios: Mapping[str, float]) -> Row:
    """Return the line of a dtype: which operations are slower than their peers."""
    peer = "half of NumPy's fp32" if dtype in SMALL else "NumPy"
    missed = {what: ratio for what, ratio in ratios.items() if is_slower(ratio)}
    ordered = sorted(ratios.values())
    text = f"{len(ratios) - len(missed)} of {len(ratios)} operations"
    text += f", median {ordered[len(ordered) // 2]:.2g} ×"
    for what, ratio in sorted(missed.items(), key=lambda item: item[1]):
        text += f"; {what} {ratio:.2f}"
    return Row(f"element-wise {dtype}, {isa}", f"at least {peer}", text, not missed)


def threads(programs: Programs) -> Iterable[Row]:
    """Compare one and two threads, by the clock on the wall."""
    one, two = [], []
    for _ in range(3):
        one.append(programs.lines("bench_replay", "only=thread", "threads=1"))
        two.append(programs.lines("bench_replay", "only=thread", "threads=2"))
    single, double = figures(one), figures(two)
    for (what, dtype), value in single.items():
        ratio = value / double[what, dtype]
        ratio = 1 / ratio if what.startswith("dot") else ratio
        yield told(f"{what} {dtype}, two threads", f"{ratio:.2f} × one")


# --- the page -------------------------------------------------------------------------------------

SECTIONS: dict[str, Callable[[Programs], Iterable[Row]]] = {
    "Engine": engine,
    "Machine": hardware,
    "Whole runs": gemms,
    "Ring all-reduce": rings,
    "Memory": memory,
    "Virtual machine": vm,
    "Replay: products": dots,
    "Replay: element by element": element_wise,
    "Replay: threads": threads,
}

INTRODUCTION = """\
# Benchmarks

<!-- Made by `make bench`. -->

Each figure was asked of the engine, and measured by `make bench` on one computer:
{machine}, {date}. Ratios are of programs that ran one after the other, several times over, and of
the best of each. What a bench does is said in its source, `csrc/bench/` and `tools/bench/`; what
limits the speed, in [engine-performance](../explanation/engine-performance.md).

*Plain loop* and *plain heap* are `csrc/bench/plain.c`: the same work as the best loop that we wrote
by hand for that work alone. Element by element, we and NumPy take turns on one core in several
pairs of processes, and the figure is the median of their ratios; an operation counts as fast as
NumPy's from 0.95 of its speed on, which is how well that is measured here. Seconds are of CPU time,
which is that of the clock on a computer that does nothing else: all but *threads* runs on one core.
"""


def machine() -> str:
    """Return the computer, its system and its compiler."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""

    def say(key: str) -> str:
        found = re.search(rf"^{key}\s*: (.*)", text, re.MULTILINE)
        return found[1] if found else "?"

    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True).stdout
    return ", ".join(
        (
            f"{say('model name')} (family {say('cpu family')}, model {say('model')})",
            f"{os.cpu_count()} cores",
            f"Linux {platform.release()}",
            compiler.splitlines()[0],
            f"Python {platform.python_version()}",
        )
    )


def table(rows: Iterable[Row]) -> str:
    """Return a Markdown table, and print its lines as they come."""
    marks = {True: "yes", False: "**no**", None: ""}
    text = "| figure | asked | measured | met |\n| --- | --- | --- | --- |\n"
    for row in rows:
        cells = (row.figure, row.asked, row.measured, marks[row.met])
        print("  ".join(cells), flush=True)
        text += f"| {' | '.join(cells)} |\n"
    return text


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, with commas between")
    parser.add_argument("--out", type=Path, help="the page; default: standard output alone")
    args = parser.parse_args()
    programs = Programs(args.build)
    date = datetime.date.today().isoformat()
    page = INTRODUCTION.format(machine=machine(), date=date)
    for name in args.only.split(","):
        page += f"\n## {name}\n\n{table(SECTIONS[name](programs))}"
    if args.out:
        args.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
