"""``kernbench run``: a script on a simulated machine, and what came of it."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import kernbench
from kernbench.cli.clocks import simulated
from kernbench.cli.common import (
    ExitCode,
    UsageError,
    add_json_option,
    add_topology_options,
    load_topology,
    print_json,
)
from kernbench.cli.faces import served
from kernbench.cli.program import Program, find_module, read_script
from kernbench.cli.rank_modules import RankModules
from kernbench.errors import CompilationError, KernbenchError, ProcessRaisedException
from kernbench.results import summarize
from kernbench.runtime import Context
from kernbench.runtime.multiprocessing import spawn
from kernbench.topology import Topology

__all__ = ["add_parser", "run"]

_PACKAGE = str(Path(kernbench.__file__).parent)
_BUGS = (AssertionError, KeyError, NameError, SystemError, ZeroDivisionError)
"""Never raised on purpose by kernbench: one that comes from within it is a bug of ours."""

_ELASTIC = {
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_RESTART_COUNT": "0",
    "TORCHELASTIC_MAX_RESTARTS": "0",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
}
"""What torchrun sets for a rank beside what ``spawn`` does: one attempt, under torchrun's name."""


class _ScriptFailed(Exception):
    """The script ended with an error, or an exit status, of its own; it has been reported."""


def add_parser(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "run",
        help="run a script on a simulated machine",
        usage="kernbench run [options] SCRIPT [args]\n"
        "       kernbench run [options] -m MODULE [args]",
        description="Runs a Python script with a machine behind it, which torch and triton are "
        "faces of; calls its run(torch) if it defines one; and says how long it took in simulated "
        "time, and where the time went.",
        epilog="Options stand before SCRIPT; everything after it belongs to the script.",
        allow_abbrev=False,
    )
    add_topology_options(parser)
    parser.add_argument("--no-data", action="store_true", help="timing alone: no values, no check")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of random data; default 0"
    )
    parser.add_argument(
        "--nproc",
        type=_at_least_one,
        metavar="N",
        help="run it once per rank, on N ranks, each with modules and environment of its own, as "
        "torchrun does",
    )
    parser.add_argument(
        "--rank-local",
        action="append",
        default=[],
        metavar="PKG",
        help="an installed package that --nproc imports once per rank too; may be repeated",
    )
    parser.add_argument(
        "--wall-clock",
        action="store_true",
        help="leave time.time, perf_counter and monotonic alone; else they give simulated time",
    )
    add_json_option(parser)
    parser.add_argument(
        "-m", dest="module", action="store_true", help="SCRIPT is the name of a module"
    )
    parser.add_argument(
        "words", nargs=argparse.PARSER, metavar="SCRIPT", help="a Python file, and its arguments"
    )
    parser.set_defaults(function=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Run the command."""
    topology = load_topology(options.topology, options.settings)
    words = options.words[1:] if options.words[0] == "--" else options.words
    program = find_module(words) if options.module else read_script(words)
    _check_ranks(topology, options.nproc)
    begin = time.perf_counter()
    aside = _stdout_to_stderr() if options.json else contextlib.nullcontext()
    clocks = contextlib.nullcontext() if options.wall_clock else simulated()
    try:
        with (
            aside,
            served(),
            clocks,
            Context(
                topology, data=not options.no_data, seed=options.seed, uninit="ignore"
            ) as context,
        ):
            ended_early = _execute(program, options, context)
            wall_s = time.perf_counter() - begin
            summary = summarize(context, wall_s, kernbench.__version__)
    except _ScriptFailed:
        return ExitCode.SCRIPT
    if options.json:
        print_json(summary.to_json())
    elif summary.simulated_fs:
        print(f"\n{summary}")
    elif not ended_early:
        print(
            "kernbench run: the script issued no work: nothing was simulated (of its functions, "
            "run(torch) alone is called)",
            file=sys.stderr,
        )
    return ExitCode.GOOD


def _execute(program: Program, options: argparse.Namespace, context: Context) -> bool:
    """Run the script, and wait for everything that it has launched.

    Returns
    -------
    bool
        Whether the script ended early and content, by ``sys.exit(0)``, as ``--help`` does.
    """
    ended_early = False
    with _in_place_of(program):
        code = program.compile()
        if code is None:
            raise _ScriptFailed
        try:
            try:
                if options.nproc is None:
                    program.run(code, sys.modules["__main__"], context)
                else:
                    _run_ranks(program, code, options, context)
            except SystemExit as stop:
                if stop.code not in (None, 0):
                    if not isinstance(stop.code, int):
                        print(stop.code, file=sys.stderr)
                    raise _ScriptFailed from None
                ended_early = True
            context.synchronize()
        except Exception as error:
            if isinstance(error, _ScriptFailed) or _is_our_bug(error):
                raise
            sys.stdout.flush()
            print(_describe(error), file=sys.stderr)
            raise _ScriptFailed from error
    return ended_early


def _run_ranks(
    program: Program, code: CodeType, options: argparse.Namespace, context: Context
) -> None:
    """Run it once per rank."""
    modules = RankModules(options.rank_local)

    def one(rank: int) -> None:
        os.environ.update(_ELASTIC)
        module = sys.modules["__main__"] = program.as_main()
        program.run(code, module, context)

    context._scheduler.on_switch = modules.switch
    try:
        with modules.installed():
            spawn(one, nprocs=options.nproc)
    finally:
        context._scheduler.on_switch = None


def _check_ranks(topology: Topology, nproc: int | None) -> None:
    n_sips = 0 if topology.system is None else int(topology.system["n_sips"])
    if nproc is not None and nproc > n_sips:
        raise UsageError(
            f"--nproc: expected at most {n_sips}, one rank for each SIP of the topology, got "
            f"{nproc}; give it more: --set system.sips={nproc}"
        )


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of ranks from 1 on, got {text!r}")
    return int(text)


@contextlib.contextmanager
def _in_place_of(program: Program) -> Iterator[None]:
    """Let the program stand where the command line stands: __main__, argv, path."""
    before = sys.argv, sys.path[:], sys.modules["__main__"]
    sys.argv = list(program.argv)
    sys.path[0] = program.folder
    sys.modules["__main__"] = program.as_main()
    try:
        yield
    finally:
        sys.argv, sys.path[:], sys.modules["__main__"] = before


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Send to stderr what is printed within, by child processes and C libraries too."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stderr.flush()
        os.dup2(stdout, 1)
        os.close(stdout)


# --- errors of the script -----------------------------------------------------------------------


def _is_ours(frame: traceback.FrameSummary) -> bool:
    return frame.filename.startswith(_PACKAGE + os.sep)


def _is_our_bug(error: Exception) -> bool:
    """Return whether it was raised within kernbench and never should be."""
    if isinstance(error, (KernbenchError, MemoryError)):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    no_script = all(map(_is_ours, frames))
    return no_script or (isinstance(error, _BUGS) and _is_ours(frames[-1]))


def _describe(error: Exception) -> str:
    """Return what to tell the script's author: the traceback without frames of kernbench."""
    if isinstance(error, ProcessRaisedException):
        return error.msg.strip()
    if isinstance(error, CompilationError):
        return f"{type(error).__name__}: {error}"
    report = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = report
    while part is not None:
        kept = [frame for frame in part.stack if not _is_ours(frame)]
        part.stack = traceback.StackSummary.from_list(kept)
        part = part.__cause__ or part.__context__
    if not report.stack and report.__cause__ is None and report.__context__ is None:
        return "".join(report.format_exception_only()).rstrip()
    return "".join(report.format()).rstrip()
