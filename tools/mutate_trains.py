"""Deliberate faults in flit trains (ADR-0043): each must make csrc/test/test_trains fail.

Where the random cases do not find a fault they run again with a sweep at every step back, which is
otherwise rare.  Works on a copy of the sources, in a temporary folder.  Needs meson and ninja on
the path::

    python tools/mutate_trains.py [cases]
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# (what is wrong, file of csrc/hw, text, its replacement)
FAULTS = [
    (
        "own horizon one too far",
        "train_port.h",
        "port->n_own ? 0 : port->overhead_fs) - 1",
        "port->n_own ? 0 : port->overhead_fs)",
    ),
    (
        "open messages forgotten",
        "train_port.h",
        "port->n_own ? 0 : port->overhead_fs",
        "port->overhead_fs",
    ),
    (
        "a link's horizon one too far",
        "train_port.h",
        "port->travel_fs) - 1",
        "port->travel_fs)",
    ),
    ("ties ignored", "train_port.h", "second->when_fs - after", "second->when_fs - (after && 0)"),
    (
        "ties by slot, not by id",
        "train_port.h",
        "count_of >> 32 << 32 | number",
        "(uint64_t)number << 32 | number",
    ),
    (
        "slack one too many",
        "train_serve.c",
        "slack / (period - plan->period_fs) + 1",
        "slack / (period - plan->period_fs) + 2",
    ),
    (
        "a member's next piece ignored",
        "train_serve.c",
        "if (each->more != KB_NONE)",
        "if (each->more != KB_NONE && 0)",
    ),
    (
        "an outsider ignored",
        "train_serve.c",
        "if (n < port->n_waiting) limit",
        "if (0) limit",
    ),
    (
        "a held-up head takes part in rounds",
        "train_serve.c",
        " || train->start_fs < each->head_fs)",
        ")",
    ),
    (
        "rounds beyond the horizon",
        "train_serve.c",
        "(limit - last_fs) / period + 1",
        "(limit - last_fs) / period + 2",
    ),
    (
        "a backlog drains one flit late",
        "train_serve.c",
        "(period - service) + 1",
        "(period - service) + 2",
    ),
    (
        "the head holds nobody up",
        "train_serve.c",
        "kb_train_port_enlist(into, kb_max_i64(arrive_fs, ahead->head_fs),",
        "kb_train_port_enlist(into, arrive_fs,",
    ),
    (
        "an input closed early",
        "train_serve.c",
        "if (n_left == 0 && !by_flit) kb_inputs_drop(&into",
        "if (n_left <= 1 && !by_flit) kb_inputs_drop(&into",
    ),
    (
        "a train that waits is taken for served",
        "train_serve.c",
        "port->upto_fs = lead->when_fs - 1;",
        "port->upto_fs = lead->when_fs;",
    ),
    (
        "a stream moves on without its overhead",
        "train_serve.c",
        "stream->head_fs = arrive_fs + kb_fabric_overhead_(fabric, stream->to);",
        "stream->head_fs = arrive_fs;",
    ),
    (
        "served at its start before others that wait",
        "train_start.c",
        "if (port->open.count || port->n_waiting)",
        "if (port->open.count)",
    ),
    (
        "served at its start in spite of open inputs",
        "train_start.c",
        "if (port->open.count || port->n_waiting)",
        "if (port->n_waiting)",
    ),
    (
        "served at its start in spite of open messages",
        "train_start.c",
        "if (port->n_own == 0) {",
        "if (port->n_own < 100) {",
    ),
    (
        "a port where a message begins is taken to know all there will be",
        "train_ride.c",
        "pass(fabric, &r, eligible_fs - 1)",
        "pass(fabric, &r, KB_TIME_MAX - 1)",
    ),
    (
        "what began here before counts twice",
        "train_start.c",
        "int64_t after_fs = port->own_fs;",
        "int64_t after_fs = 2 * port->own_fs;",
    ),
    (
        "rides past others that wait",
        "train_ride.c",
        "if (r->last_fs > kb_waiting_until(&r->key, second)) return false;",
        "",
    ),
    (
        "rides past what may still come",
        "train_ride.c",
        "if (r->last_fs > known_fs) return false;",
        "",
    ),
    (
        "others that wait are taken for served after a ride",
        "train_ride.c",
        "known_fs = kb_max_i64(kb_min_i64(known_fs, second->when_fs - 1), port->upto_fs);",
        "",
    ),
    (
        "rides without overhead",
        "train_ride.c",
        "r->train.start_fs + into->overhead_fs",
        "r->train.start_fs",
    ),
    (
        "a train of its own pace is kept behind a backlog",
        "train_port.h",
        "if (begin_fs != train->start_fs) return false;",
        "",
    ),
    (
        "ports are not up to date at a change of mode",
        "fabric_mode.c",
        "if (!pull_all(fabric, now - 1)) return false;",
        "(void)pull_all;",
    ),
    (
        "a backlog is taken for known at a change of mode",
        "fabric_mode.c",
        "kb_min_i64(to->upto_fs, from->waiting.items[0].when_fs - 1)",
        "kb_max_i64(to->upto_fs, from->waiting.items[0].when_fs - 1)",
    ),
    (
        "the wrong tail at a change of mode",
        "fabric_mode.c",
        "streams[flown->next].hop > streams[number].hop",
        "streams[flown->next].hop < streams[number].hop",
    ),
    (
        "a sweep skips too far",
        "train_pull.c",
        "port->upto_fs = kb_max_i64(port->upto_fs, first_fs - 1)",
        "port->upto_fs = kb_max_i64(port->upto_fs, first_fs)",
    ),
    (
        "a sweep skips past what was asked",
        "train_pull.c",
        "int64_t first_fs = upto_fs + 1;",
        "int64_t first_fs = kb_sim_now(fabric->sim) + 1000;",
    ),
    (
        "woken one too late",
        "train_wake.c",
        "kb_max_i64(kb_train_bound_(fabric, flown), now + 1)",
        "kb_max_i64(kb_train_bound_(fabric, flown), now + 1) + 1",
    ),
    (
        "woken far too late",
        "train_wake.c",
        "kb_max_i64(kb_train_bound_(fabric, flown), now + 1)",
        "kb_max_i64(kb_train_bound_(fabric, flown), now + 100000)",
    ),
    (
        "landed flits out of order of links",
        "train_wake.c",
        "until_fs - (first.link > until_link)",
        "until_fs",
    ),
    (
        "other links not pulled at a tail",
        "train_wake.c",
        "if (!kb_train_pull(fabric, input, until_fs - fabric->trains.ports[input].travel_fs))",
        "if (0)",
    ),
    (
        "any two trains join",
        "stream.h",
        "if (end->count > 1 && gap != end->period_fs) return false;",
        "",
    ),
    (
        "a server's feeder looked at too late",
        "train_wake.c",
        "kb_later_fs(kb_train_port_silent_fs(port), 1));",
        "kb_later_fs(kb_train_port_silent_fs(port), 2));",
    ),
    (
        "a server's first flit expected too late",
        "train_start.c",
        "kb_train_push_wake_(fabric, flown->path[hop], number, at_fs);",
        "kb_train_push_wake_(fabric, flown->path[hop], number, at_fs + 3);",
    ),
    (
        "flits of a server land too late",
        "fabric.c",
        "(kb_train){arrive_fs, 0, 1}))",
        "(kb_train){arrive_fs + 1, 0, 1}))",
    ),
]

# Without a fault 10,000 cases take some 10 s.
CPU_LIMIT_S = 120

OFTEN = ("STEPS_BACK = 4", "STEPS_BACK = 0")


def limit_cpu_time() -> None:
    """Have a program that hangs killed; by CPU time, so that a busy computer finds no fault."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))


def is_found(source: Path, build: Path, cases: int) -> bool:
    """Whether the program with the fault in it does not build, or fails."""
    if subprocess.run(
        ["ninja", "-C", build, "csrc/test/test_trains"], capture_output=True, check=False
    ).returncode:
        raise SystemExit(f"{source}: a fault that does not build")
    command = [str(build / "csrc/test/test_trains"), str(cases), "7"]
    return bool(
        subprocess.run(
            command, capture_output=True, check=False, preexec_fn=limit_cpu_time
        ).returncode
    )


def main() -> int:
    """Exit code 1 when a fault survives."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    n_survivors = 0
    with tempfile.TemporaryDirectory() as name:
        tree, build = Path(name) / "tree", Path(name) / "build"
        tree.mkdir()
        for entry in ("csrc", "meson.build", "meson.options", "LICENSE"):
            if (ROOT / entry).is_dir():
                shutil.copytree(ROOT / entry, tree / entry)
            else:
                shutil.copy(ROOT / entry, tree / entry)
        subprocess.run(
            ["meson", "setup", build, tree, "-Dpython=false", "-Dwerror=false"],
            capture_output=True,
            check=True,
        )
        for what, file, text, instead in FAULTS:
            path = tree / "csrc/hw" / file
            right = path.read_text(encoding="utf-8")
            if right.count(text) < 1:
                raise SystemExit(f"{what}: {file} has no {text!r}")
            path.write_text(right.replace(text, instead), encoding="utf-8")
            found = is_found(path, build, cases)
            if not found:
                pulls = tree / "csrc/hw/train_pull.c"
                rarely = pulls.read_text(encoding="utf-8")
                pulls.write_text(rarely.replace(*OFTEN), encoding="utf-8")
                found = is_found(path, build, cases)
                pulls.write_text(rarely, encoding="utf-8")
            path.write_text(right, encoding="utf-8")
            n_survivors += not found
            print(f"{'found' if found else 'SURVIVED'}: {what}", flush=True)
    return 1 if n_survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
