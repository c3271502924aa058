"""``kernbench probe``: what one message costs, hop by hop."""

from __future__ import annotations

import argparse
from typing import Any

from kernbench.cli.common import (
    ExitCode,
    UsageError,
    add_json_option,
    add_topology_options,
    load_topology,
    print_json,
)
from kernbench.results import (
    Hop,
    Path,
    StandardPath,
    format_ns,
    format_table,
    probe,
    standard_paths,
)
from kernbench.topology import Topology

__all__ = ["add_parser", "run"]

_PARTS = ("waiting", "service", "overhead", "propagation")


def add_parser(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "probe",
        help="what one message costs on its way, hop by hop",
        description="Sends one message over the idle machine and splits its latency hop by hop; "
        "the shares add up exactly. Without --src and --dst: the usual paths of the topology.",
        allow_abbrev=False,
    )
    add_topology_options(parser)
    parser.add_argument("--src", metavar="NODE", help="sender, such as sip0.cube0.pe0.dma")
    parser.add_argument("--dst", metavar="NODE", help="receiver, such as sip0.cube0.hbm")
    parser.add_argument("--bytes", type=int, default=64, metavar="N", help="payload; default 64")
    add_json_option(parser)
    parser.set_defaults(function=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Run the command."""
    if (options.src is None) != (options.dst is None):
        raise UsageError("expected --src and --dst, or neither of them")
    if options.bytes < 0:
        raise UsageError(f"--bytes: expected at least 0, got {options.bytes}")
    topology = load_topology(options.topology, options.settings)
    if options.src is None:
        if topology.system is None:
            raise UsageError(
                "expected --src and --dst: the topology is an explicit graph, which has no usual "
                "paths; `kernbench topology show` lists its nodes"
            )
        _print_paths(topology, standard_paths(topology, options.bytes), options.json)
    else:
        path = probe(topology, options.src, options.dst, options.bytes)
        _print_path(topology, path, options.json)
    return ExitCode.GOOD


def _shares(hop: Hop) -> list[int]:
    return [getattr(hop, f"{part}_fs") for part in _PARTS]


def _print_path(topology: Topology, path: Path, as_json: bool) -> None:
    if as_json:
        hops = [
            {"src": hop.src, "dst": hop.dst}
            | {f"{part}_ns": getattr(hop, f"{part}_fs") / 10**6 for part in _PARTS}
            for hop in path.hops
        ]
        head = {"src": path.src, "dst": path.dst, "nbytes": path.nbytes}
        latency = {"latency_ns": path.latency_fs / 10**6, "latency_fs": path.latency_fs}
        print_json({**head, **latency, "hops": hops, "topology": topology.name})
        return
    rows = [
        [f"{hop.src} -> {hop.dst}", *map(format_ns, _shares(hop)), format_ns(hop.total_fs)]
        for hop in path.hops
    ]
    sums = [sum(column) for column in zip(*map(_shares, path.hops), strict=True)]
    rows.append(["sum", *map(format_ns, sums), format_ns(sum(sums))])
    print(f"{path.nbytes:,} bytes, {path.src} to {path.dst}: {format_ns(path.latency_fs)} ns")
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
