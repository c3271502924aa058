"""What the commands share: exit codes, the options that choose a topology, JSON."""

from __future__ import annotations

import argparse
import enum
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from kernbench.topology import Topology

__all__ = [
    "ExitCode",
    "UsageError",
    "add_json_option",
    "add_topology_options",
    "load_topology",
    "print_json",
]


class ExitCode(enum.IntEnum):
    """Whose fault a failure is (ADR-0010 D4)."""

    GOOD = 0
    SCRIPT = 1
    USAGE = 2
    BUG = 70
    INTERRUPTED = 130


class UsageError(Exception):
    """A command line that argparse cannot judge; the message says what was expected."""


def _setting(text: str) -> tuple[str, Any]:
    """Split KEY=VALUE; the value is read as JSON (4, 2.5, [2, 2], true), else it is a word."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"expected KEY=VALUE, such as system.sips=4; got {text!r}")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def add_topology_options(parser: argparse.ArgumentParser) -> None:
    """``--topology NAME|FILE`` and ``--set KEY=VALUE``."""
    parser.add_argument(
        "--topology",
        metavar="NAME|FILE",
        default="default",
        help="a preset (`kernbench topology list`) or a YAML file; default: default",
    )
    add_set_option(parser)


def add_set_option(parser: argparse.ArgumentParser) -> None:
    """``--set KEY=VALUE``."""
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        dest="settings",
        type=_setting,
        action="append",
        default=[],
        help="replace a value of the topology, such as system.sips=4; may be repeated",
    )


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """``--json``."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on stdout and nothing else there"
    )


def load_topology(name: str, settings: list[tuple[str, Any]]) -> Topology:
    """Return the preset of that name, else what the file describes.

    Raises
    ------
    TopologyError
        When it is neither, or no topology; the message says where and why.
    """
    overrides = dict(settings)
    is_file = os.sep in name or name.endswith((".yaml", ".yml")) or Path(name).exists()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if is_file and name not in Topology.presets():
            made = Topology.from_yaml(Path(name), overrides)
        else:
            made = Topology.preset(name, overrides)
    for warning in caught:
        print(f"kernbench: warning: {warning.message}", file=sys.stderr)
    return made


def print_json(value: Any) -> None:
    """One object on stdout."""
    print(json.dumps(value, indent=2, allow_nan=False))
