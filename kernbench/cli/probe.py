"""``kernbench probe``: what messages cost, hop by hop, and how much of them a network carries."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import Any

from kernbench.cli.common import (
    ExitCode,
    UsageError,
    add_json_option,
    add_topology_options,
    load_topology,
    print_json,
)
from kernbench.errors import OutOfBoundsError, TopologyError
from kernbench.results import (
    PATTERNS,
    Hop,
    Path,
    StandardPath,
    Sweep,
    check_figure,
    format_ns,
    format_table,
    measure_load,
    plot_sweep,
    probe,
    standard_paths,
    sweep,
)
from kernbench.topology import Topology

__all__ = ["add_parser", "run"]

_PARTS = ("waiting", "service", "overhead", "propagation")


def add_parser(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "probe",
        help="what a message costs on its way, hop by hop; how much of them a network carries",
        description="Sends messages over the idle machine and splits the last one's latency hop by "
        "hop; the shares add up exactly. With --pattern: many nodes send at a rising load, up to "
        "where latencies grow. Without any of these: the usual paths of the topology.",
        allow_abbrev=False,
    )
    add_topology_options(parser)
    parser.add_argument("--src", metavar="NODE", help="sender, such as sip0.cube0.pe0.dma")
    parser.add_argument("--dst", metavar="NODE", help="receiver, such as sip0.cube0.hbm")
    parser.add_argument("--bytes", type=int, default=64, metavar="N", help="payload; default 64")
    parser.add_argument(
        "--count",
        type=int,
        metavar="N",
        help="messages, one behind the other (default 1); with --pattern, of each sender at each "
        "load (default 1000)",
    )
    parser.add_argument(
        "--pattern",
        choices=PATTERNS,
        help="who sends to whom: to any node, transposed, to one (--dst), to a partner, --src to "
        "--dst",
    )
    parser.add_argument(
        "--load",
        type=float,
        metavar="X",
        help="this load alone, in flits per node and cycle, above 0 and up to 1",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the pattern; default 0")
    parser.add_argument("--plot", metavar="FILE", help="draw the sweep, as out.png (matplotlib)")
    add_json_option(parser)
    parser.set_defaults(function=run)


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    """Make an error of usage of what cannot be measured, as more bytes than a memory has."""
    try:
        yield
    except TopologyError:
        raise
    except (ValueError, OverflowError, OutOfBoundsError, ModuleNotFoundError) as error:
        raise UsageError(str(error)) from error


def run(options: argparse.Namespace) -> ExitCode:
    """Run the command."""
    if options.bytes < 0:
        raise UsageError(f"--bytes: expected at least 0, got {options.bytes}")
    if options.bytes >= 1 << 63:
        raise UsageError(f"--bytes: expected fewer than 2**63, got {options.bytes}")
    if options.seed < 0:
        raise UsageError(f"--seed: expected at least 0, got {options.seed}")
    if options.pattern is None:
        for name in ("load", "plot"):
            if getattr(options, name) is not None:
                raise UsageError(f"--{name}: expected --pattern {{{','.join(PATTERNS)}}} with it")
    topology = load_topology(options.topology, options.settings)
    if options.pattern is not None:
        _run_pattern(topology, options)
    elif (options.src is None) != (options.dst is None):
        raise UsageError("expected --src and --dst, or neither of them")
    elif options.src is not None:
        count = 1 if options.count is None else options.count
        with _usage_errors():
            path = probe(topology, options.src, options.dst, options.bytes, count)
        _print_path(topology, path, count, options.json)
    elif options.count is not None:
        raise UsageError("--count: expected --src and --dst, or --pattern, with it")
    elif topology.system is None:
        raise UsageError(
            "expected --src and --dst: the topology is an explicit graph, which has no usual "
            "paths; `kernbench topology show` lists its nodes"
        )
    else:
        with _usage_errors():
            paths = standard_paths(topology, options.bytes)
        _print_paths(topology, paths, options.json)
    return ExitCode.GOOD


def _run_pattern(topology: Topology, options: argparse.Namespace) -> None:
    more = {"seed": options.seed, "src": options.src, "dst": options.dst}
    if options.count is not None:
        more["count"] = options.count
    with _usage_errors():
        if options.plot is not None:
            check_figure(options.plot)
        if options.load is None:
            found = sweep(topology, options.pattern, options.bytes, **more)
        else:
            found = measure_load(topology, options.pattern, options.bytes, options.load, **more)
        if options.plot is not None:
            plot_sweep(found, options.plot, topology.name)
    _print_sweep(topology, found, options.json)


def _print_sweep(topology: Topology, found: Sweep, as_json: bool) -> None:
    if as_json:
        points = [
            {
                "load": point.load,
                "accepted": point.accepted,
                "mean_ns": point.mean_fs / 10**6,
                "median_ns": point.median_fs / 10**6,
                "p99_ns": point.p99_fs / 10**6,
                "saturated": point.saturated,
            }
            for point in found.points
        ]
        print_json(
            {
                "pattern": found.pattern,
                "senders": found.n_senders,
                "nbytes": found.nbytes,
                "count": found.count,
                "cycle_ns": found.cycle_fs / 10**6,
                "points": points,
                "saturation": found.saturation,
                "topology": topology.name,
            }
        )
        return
    print(
        f"{found.pattern}: {found.n_senders:,} senders of {found.count:,} messages of "
        f"{found.nbytes:,} bytes on topology {topology.name}; "
        f"a cycle is {format_ns(found.cycle_fs)} ns"
    )
    rows = [
        [
            f"{point.load:.4f}",
            f"{point.accepted:.4f}",
            *(format_ns(time_fs) for time_fs in (point.mean_fs, point.median_fs, point.p99_fs)),
            "saturated" if point.saturated else "",
        ]
        for point in found.points
    ]
    header = ["flits per node and cycle", "accepted", "mean ns", "median ns", "99 % ns", ""]
    print(format_table(header, rows))
    if found.saturation is not None:
        print(f"saturates at {found.saturation:.3f} flits per node and cycle")
    elif len(found.points) > 1:
        print("carries a flit per node and cycle")


def _shares(hop: Hop) -> list[int]:
    return [getattr(hop, f"{part}_fs") for part in _PARTS]


def _print_path(topology: Topology, path: Path, count: int, as_json: bool) -> None:
    if as_json:
        hops = [
            {"src": hop.src, "dst": hop.dst}
            | {f"{part}_ns": getattr(hop, f"{part}_fs") / 10**6 for part in _PARTS}
            for hop in path.hops
        ]
        head = {"src": path.src, "dst": path.dst, "nbytes": path.nbytes, "count": count}
        latency = {"latency_ns": path.latency_fs / 10**6, "latency_fs": path.latency_fs}
        print_json({**head, **latency, "hops": hops, "topology": topology.name})
        return
    rows = [
        [f"{hop.src} -> {hop.dst}", *map(format_ns, _shares(hop)), format_ns(hop.total_fs)]
        for hop in path.hops
    ]
    sums = [sum(getattr(hop, f"{part}_fs") for hop in path.hops) for part in _PARTS]
    rows.append(["sum", *map(format_ns, sums), format_ns(sum(sums))])
    last = f", the last of {count:,} messages" if count > 1 else ""
    took = f"{format_ns(path.latency_fs)} ns"
    print(f"{path.nbytes:,} bytes, {path.src} to {path.dst}{last}: {took}")
    if path.hops:  # none: to oneself
        print(format_table(["hop (ns)", *_PARTS, "all"], rows))


def _print_paths(topology: Topology, paths: list[StandardPath], as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "name": path.name,
                "src": path.src,
                "dst": path.dst,
                "op": path.op,
                "nbytes": path.nbytes,
                "hops": path.n_hops,
                "latency_ns": path.latency_fs / 10**6,
                "latency_fs": path.latency_fs,
            }
            for path in paths
        ]
        print_json({"paths": rows, "topology": topology.name})
        return
    print(f"idle latencies of {paths[0].nbytes:,} bytes on topology {topology.name}")
    table = [
        [
            path.name,
            f"{path.src} -> {path.dst}",
            path.op,
            str(path.n_hops),
            format_ns(path.latency_fs),
        ]
        for path in paths
    ]
    print(format_table(["path", "from -> to", "as", "hops", "ns"], table, left=3))
