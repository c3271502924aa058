"""Which algorithm: what the caller or the environment says, else the one that the model favours."""

from __future__ import annotations

import os
import re
from pathlib import Path
from weakref import WeakKeyDictionary

from kernbench.ccl.call import Call
from kernbench.ccl.phases import Routes, estimate_fs
from kernbench.ccl.registry import COLLECTIVES, Algorithm, algorithms, find, knows, nearest
from kernbench.topology import Topology

VARIABLE = "KERNBENCH_CCL"
"""Environment: ``ring``, or ``all_reduce=ring,broadcast=tree``, or the path of a YAML file."""

AUTO = "auto"

_best: WeakKeyDictionary[Topology, dict[tuple[object, ...], str]] = WeakKeyDictionary()


def choose(call: Call, wanted: str | None = None) -> Algorithm:
    """Return the algorithm for a call.

    Raises
    ------
    ValueError
        When there is none of the name that is wanted, or it does not serve such a call.
    """
    name = wanted or configured(call.collective)
    if name in (None, AUTO):
        return find(call.collective, _favourite(call))
    assert name is not None
    chosen = find(call.collective, name)
    if not chosen.fits(call):
        others = [other for other in algorithms(call.collective) if _fits(call, other)]
        needs = f" ({call.op} of {call.dtype}): it needs {chosen.needs}" if chosen.needs else ""
        raise ValueError(
            f"{call.collective}: {name!r} does not serve a group of {call.size}{needs}; expected "
            f"one of {', '.join(others)}"
        )
    return chosen


def configured(collective: str) -> str | None:
    """Return the name that the environment gives for a collective; None where it gives none.

    A name without a collective counts for all that have an algorithm of that name.

    Raises
    ------
    ValueError
        When it says what does not exist.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if text.endswith((".yaml", ".yml")):
        return _from_file(Path(text)).get(collective)
    names = [entry.strip().rpartition("=") for entry in text.split(",")]
    return _checked({of.strip(): name.strip() for of, _, name in names}, VARIABLE).get(collective)


def _checked(names: dict[str, str], where: str) -> dict[str, str]:
    """Spread the entry without a collective, and refuse what does not exist."""
    found = {}
    general = names.pop("", None)
    for collective, name in names.items():
        if name != AUTO:
            try:
                find(collective, name)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
        found[collective] = name
    if general is not None:
        having = [each for each in COLLECTIVES if general == AUTO or knows(each, general)]
        if not having:
            every = dict.fromkeys(name for each in COLLECTIVES for name in algorithms(each))
            raise ValueError(
                f"{where}: expected the name of an algorithm, one of {', '.join(every)}, got "
                f"{general!r}{nearest(general, every)}"
            )
        found = dict.fromkeys(having, general) | found
    return found


def _from_file(path: Path) -> dict[str, str]:
    """Read a flat YAML mapping: a collective and an algorithm on each line."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{VARIABLE}: {path}: {error}") from None
    names = {}
    for number, line in enumerate(lines, 1):
        line = line.partition("#")[0].strip()
        entry = re.fullmatch(r"(\w+):\s+[\"']?(\w+)[\"']?", line)
        if line and line != "---" and not entry:
            raise ValueError(
                f"{VARIABLE}: {path}:{number}: expected a line such as `all_reduce: ring`, "
                f"got {line!r}"
            )
        if entry:
            names[entry[1]] = entry[2]
    return _checked(names, str(path))


def _fits(call: Call, name: str) -> bool:
    return find(call.collective, name).fits(call)


def _favourite(call: Call) -> str:
    """Return the one of the least time by the model; the first of equals."""
    known = _best.setdefault(call.context.topology, {})
    facts = (call.collective, call.group.sips, call.nbytes, call.root, call.op, call.dtype)
    key = (*facts, algorithms(call.collective))
    if key not in known:
        fitting = [find(call.collective, name) for name in algorithms(call.collective)]
        fitting = [each for each in fitting if each.fits(call)]
        phases = [each.phases(call) if each.phases else None for each in fitting]
        routes = Routes(call)
        times = [
            (estimate_fs(routes, messages), place)
            for place, messages in enumerate(phases)
            if messages is not None
        ]
        known[key] = fitting[min(times)[1]].name if times else algorithms(call.collective)[0]
    return known[key]
