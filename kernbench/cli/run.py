"""``kernbench run``: a script on a simulated machine, and what came of it."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import kernbench
from kernbench.cli.common import (
    ExitCode,
    UsageError,
    add_json_option,
    add_topology_options,
    load_topology,
    print_json,
)
from kernbench.errors import CompilationError, KernbenchError
from kernbench.results import summarize
from kernbench.runtime import Context

__all__ = ["add_parser", "run"]

_PACKAGE = str(Path(kernbench.__file__).parent)
_BUGS = (AssertionError, KeyError, NameError, SystemError, ZeroDivisionError)
"""Never raised on purpose by kernbench: one that comes from within it is a bug of ours."""


class _ScriptFailed(Exception):
    """The script ended with an error, or an exit status, of its own; it has been reported."""


def add_parser(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "run",
        help="run a script on a simulated machine",
        usage="kernbench run [options] SCRIPT [args]",
        description="Runs a Python script with a machine behind it, calls its run(torch) if it "
        "defines one, and says how long it took in simulated time, and where the time went.",
        epilog="Options stand before SCRIPT; everything after it belongs to the script.",
        allow_abbrev=False,
    )
    add_topology_options(parser)
    parser.add_argument("--no-data", action="store_true", help="timing alone: no values, no check")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of random data; default 0"
    )
    add_json_option(parser)
    parser.add_argument(
        "words", nargs=argparse.PARSER, metavar="SCRIPT", help="a Python file, and its arguments"
    )
    parser.set_defaults(function=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Run the command."""
    topology = load_topology(options.topology, options.settings)
    script, *args = options.words[1:] if options.words[0] == "--" else options.words
    path = Path(script)
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: expected a Python file: {error.strerror}") from error
    begin = time.perf_counter()
    aside = _stdout_to_stderr() if options.json else contextlib.nullcontext()
    try:
        with (
            aside,
            Context(
                topology, data=not options.no_data, seed=options.seed, uninit="ignore"
            ) as context,
        ):
            ended_early = _execute(source, path, args, context)
            wall_s = time.perf_counter() - begin
            summary = summarize(context, wall_s, kernbench.__version__)
    except _ScriptFailed:
        return ExitCode.SCRIPT
    if options.json:
        print_json(summary.to_json())
    elif summary.simulated_fs:
        print(f"\n{summary}")
    elif not ended_early:
        print("kernbench run: the script issued no work: nothing was simulated", file=sys.stderr)
    return ExitCode.GOOD


def _execute(source: bytes, path: Path, args: Sequence[str], context: Context) -> bool:
    """Run the script, call its ``run``, and wait for everything that it has launched.

    Returns
    -------
    bool
        Whether the script ended early and content, by ``sys.exit(0)``, as ``--help`` does.
    """
    ended_early = False
    with _as_main(path, args) as script:
        try:
            try:
                exec(_compile(source, path), script.__dict__)
                if callable(function := getattr(script, "run", None)):
                    function(context)
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


def _compile(source: bytes, path: Path) -> CodeType:
    try:
        return compile(source, os.path.abspath(path), "exec")
    except (SyntaxError, ValueError) as error:
        print("".join(traceback.format_exception_only(error)).rstrip(), file=sys.stderr)
        raise _ScriptFailed from None


@contextlib.contextmanager
def _as_main(path: Path, args: Sequence[str]) -> Iterator[ModuleType]:
    """Make a module that stands as ``__main__``, as if Python had been given the script."""
    script = ModuleType("__main__")
    script.__file__ = os.path.abspath(path)
    before = sys.argv, sys.path[:], sys.modules["__main__"]
    sys.argv = [str(path), *args]
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    sys.modules["__main__"] = script
    try:
        yield script
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
