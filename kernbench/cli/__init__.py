"""The program ``kernbench`` (ADR-0010): one module for each command.

Results go to stdout, messages to stderr; the exit code says whose fault a failure is.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

import kernbench
from kernbench.cli import probe, run, topology
from kernbench.cli.common import ExitCode, UsageError
from kernbench.errors import TopologyError

__all__ = ["ExitCode", "main"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kernbench",
        description="Runs Triton-style kernels on a simulated accelerator: "
        "their values, and where the time went.",
        epilog="exit codes: 0 good, 1 the script failed, 2 usage or a bad input file, "
        "70 a bug of kernbench, 130 Ctrl-C",
        allow_abbrev=False,
    )
    version = f"kernbench {kernbench.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(title="commands", dest="command", required=True)
    for command in (run, probe, topology):
        command.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words of the command line after the program's name; ``sys.argv[1:]`` unless told.

    Returns
    -------
    int
        The exit code, one of `ExitCode`.
    """
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:  # argparse has written help or usage
        return int(stop.code or 0)
    try:
        code = options.function(options)
        sys.stdout.flush()
    except (TopologyError, UsageError) as error:
        print(f"kernbench {options.command}: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except KeyboardInterrupt:
        print(f"kernbench {options.command}: interrupted", file=sys.stderr)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.GOOD
    except OSError as error:  # a full disk, say; of input files, TopologyError and UsageError tell
        print(f"kernbench {options.command}: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except Exception:
        traceback.print_exc()
        print(
            f"kernbench {options.command}: this is a bug of kernbench {kernbench.__version__}, not "
            "of yours; please report it with the lines above and what you ran",
            file=sys.stderr,
        )
        return ExitCode.BUG
    return int(code)
