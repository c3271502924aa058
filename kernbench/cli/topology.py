"""``kernbench topology``: list the presets, show a machine, check a file."""

from __future__ import annotations

import argparse
from collections import Counter
from fractions import Fraction
from typing import Any

from kernbench.cli.common import (
    ExitCode,
    add_json_option,
    add_set_option,
    load_topology,
    print_json,
)
from kernbench.results import format_figure, format_table
from kernbench.results.roofline import peak_bytes_per_s, peak_flops
from kernbench.topology import Topology

__all__ = ["add_parser", "check", "list_presets", "show"]


def add_parser(commands: Any) -> None:
    """Add the command to a parser."""
    parser = commands.add_parser(
        "topology",
        help="list, show and check machines",
        description="Machines: the presets, what is in one, and whether a file makes one.",
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(title="actions", dest="action", required=True)

    action = actions.add_parser("list", help="the presets", allow_abbrev=False)
    add_json_option(action)
    action.set_defaults(function=list_presets)

    action = actions.add_parser("show", help="what is in a machine", allow_abbrev=False)
    action.add_argument("topology", nargs="?", default="default", metavar="NAME|FILE")
    add_set_option(action)
    form = action.add_mutually_exclusive_group()
    form.add_argument(
        "--yaml", action="store_true", help="every parameter, as a file to start from"
    )
    add_json_option(form)
    action.set_defaults(function=show)

    action = actions.add_parser("check", help="whether a file makes a machine", allow_abbrev=False)
    action.add_argument("topology", metavar="FILE")
    add_set_option(action)
    add_json_option(action)
    action.set_defaults(function=check)


def list_presets(options: argparse.Namespace) -> ExitCode:
    """Run ``topology list``."""
    machines = [Topology.preset(name) for name in Topology.presets()]
    if options.json:
        print_json({"presets": [{"name": each.name, **_counts(each)} for each in machines]})
        return ExitCode.GOOD
    rows = [[each.name, *(f"{n:,}" for n in _counts(each).values())] for each in machines]
    print(format_table(["preset", *_counts(machines[0])], rows, indent=0))
    return ExitCode.GOOD


def show(options: argparse.Namespace) -> ExitCode:
    """Run ``topology show``."""
    topology = load_topology(options.topology, options.settings)
    if options.yaml:
        print(topology.to_yaml(), end="")
    elif options.json:
        nodes = [
            {"name": each.name, "impl": each.impl, "overhead_fs": each.overhead_fs}
            for each in topology.components
        ]
        links = [
            {
                "from": each.src,
                "to": each.dst,
                "service_fs": each.service_fs,
                "latency_fs": each.latency_fs,
            }
            for each in topology.links
        ]
        print_json(
            {
                "name": topology.name,
                **_counts(topology),
                "flit_ports": len(topology.flit_links),
                "warnings": topology.warnings,
                "node_list": nodes,
                "link_list": links,
            }
        )
    else:
        print(_summary(topology))
    return ExitCode.GOOD


def check(options: argparse.Namespace) -> ExitCode:
    """Run ``topology check``."""
    topology = load_topology(options.topology, options.settings)
    if options.json:
        print_json(
            {
                "good": True,
                "name": topology.name,
                **_counts(topology),
                "flit_ports": len(topology.flit_links),
                "warnings": topology.warnings,
            }
        )
    else:
        nodes, links = len(topology.nodes), len(topology.links)
        print(f"{options.topology}: good: {nodes:,} nodes, {links:,} links")
    return ExitCode.GOOD


def _counts(topology: Topology) -> dict[str, int]:
    system = topology.system
    cubes = 0 if system is None else system["cubes_x"] * system["cubes_y"]
    return {
        "sips": 0 if system is None else system["n_sips"],
        "cubes": cubes,
        "pes": 0 if system is None else cubes * system["n_pes"],
        "nodes": len(topology.nodes),
        "links": len(topology.links),
    }


def _summary(topology: Topology) -> str:
    nodes, links = len(topology.nodes), len(topology.links)
    lines = [
        f"{topology.name}: {nodes:,} nodes, {links:,} links, flits of {topology.flit_nbytes} bytes"
    ]
    if n_ports := len(topology.flit_links):
        lines.append(
            f"{n_ports:,} of {links:,} ports serve flit by flit (finite buffers, shared servers)"
        )
    system = topology.system
    if system is None:
        rows = [[node.name, node.impl, f"{node.overhead_fs:,}"] for node in topology.components]
        return "\n".join([*lines, format_table(["node", "impl", "overhead fs"], rows, left=2)])
    columns, rows_, pes = system["cubes_x"], system["cubes_y"], system["n_pes"]
    gib = Fraction(system["hbm.capacity_nbytes"], 2**30)
    gemm = f"{system['pe_gemm.m']} x {system['pe_gemm.n']} x {system['pe_gemm.k']}"
    torus = ", joined to a torus" if system["noc.kind"] == 1 else ""
    ghz = Fraction(10**6) / Fraction(*system["pe.clock"])
    facts = [
        ["SIPs", f"{system['n_sips']:,}"],
        ["cubes of a SIP", f"{columns} x {rows_}"],
        ["PEs of a cube", f"{pes}"],
        ["NoC of a cube", f"{system['noc_x']} x {system['noc_y']} routers{torus}"],
        ["HBM of a cube", f"{float(gib):g} GiB, {system['hbm.pcs']} pseudo-channels"],
        [
            "PE",
            f"MAC array {gemm} at {float(ghz):g} GHz, TCM {system['pe_tcm.capacity_nbytes']:,} B",
        ],
        [
            "peak of a SIP",
            f"{format_figure(float(peak_flops(system, 'float16') / 10**12))} TFLOPS of float16",
        ],
        ["", f"{format_figure(float(peak_bytes_per_s(system) / 10**9))} GB/s of HBM"],
    ]
    kinds = Counter(node.impl for node in topology.components)
    facts += [
        ["components" if i == 0 else "", f"{n:,} {k}"] for i, (k, n) in enumerate(kinds.items())
    ]
    return "\n".join([*lines, *(f"  {what:<16}{value}" for what, value in facts)])
