"""Write the pages of docs/reference/ that come from the lists (X-macros) in csrc/.

python tools/gen_reference.py [--check] [--root ROOT]

`--check` writes nothing and fails when a page is out of step with its list.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

KINDS = {
    "COUNT": "integer",
    "NBYTES": "integer, bytes",
    "NS": "decimal, ns",
    "GBPS": "decimal, 10⁹ B/s",
    "GHZ": "decimal, GHz",
    "FACTOR": "decimal",
    "FLAG": "true or false",
}

TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[(),]|[^"(),]+')


def rows(header: str, macro: str) -> list[list[str]]:
    """Return the arguments of every X(...) in the X-macro `macro`; texts without their quotes."""
    match = re.search(rf"^#define {macro}\(X\)((?:.*\\\n)*.*)", header, re.MULTILINE)
    if not match:
        raise SystemExit(f"gen_reference: expected a list #define {macro}(X), got none")
    found: list[list[str]] = []
    depth = 0
    for token in TOKEN.findall(match[1].replace("\\\n", "\n")):
        if token == "(":
            depth += 1
            found.append([""])
        elif token == ")":
            depth -= 1
        elif token == "," and depth:
            found[-1].append("")
        elif depth:
            found[-1][-1] += token[1:-1] if token.startswith('"') else token.strip()
    return found


def about(header: str, macro: str) -> str:
    """Return the comment right above an X-macro as a paragraph, or nothing."""
    match = re.search(rf"/\*((?:(?!\*/)[\s\S])*)\*/\n#define {macro}\(X\)", header)
    return " ".join(re.sub(r"\n \*", "\n", match[1]).split()) if match else ""


def linked(text: str, root: Path) -> str:
    """Return a page of docs/reference in which ADR-NNNN and docs/... are links."""
    for name in sorted(set(re.findall(r"ADR-\d{4}", text))):
        for path in (root / "docs" / "adr").glob(f"{name}-*.md"):
            if not path.name.endswith(".ko.md"):
                text = text.replace(name, f"[{name}](../adr/{path.name})")
    return re.sub(
        r"docs/(?:reference/)?([\w/-]+)\.md",
        lambda m: f"[{m[1].split('/')[-1].replace('-', ' ')}]({'../' * ('/' in m[1])}{m[1]}.md)",
        text,
    )


def sourced(meaning: str) -> list[str]:
    """Return a meaning, and its source in words."""
    match = re.fullmatch(r"(.*) \[([SDA])\]", meaning)
    sources = {"S": "public", "D": "derived", "A": "assumed"}
    return [match[1], sources[match[2]]] if match else [meaning, "choice"]


def table(titles: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    shown = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in [titles, ["---"] * len(titles), *shown])


def page(title: str, source: str, text: str) -> str:
    """Return a whole page that says where it comes from."""
    return f"# {title}\n\n<!-- Made by `make docs` from {source}; edit that. -->\n\n{text}"


def bounds(kind: str, minimum: str, maximum: str) -> str:
    """Return what a topology key accepts, in words."""
    if kind == "CHOICE":
        return " or ".join(f"`{word}`" for word in minimum.split("|"))
    if kind == "FLAG":
        return "`true` or `false`"
    if kind == "LIMIT":
        return f"integer, {minimum} to {maximum}, or `unbounded`"
    if kind in ("GBPS", "GHZ", "FACTOR"):
        return f"{KINDS[kind]}, above 0"
    return f"{KINDS[kind]}, {minimum} to {maximum}"


def pair(grid: str, text: str) -> str:
    """Return what stands for a count, or for both of a grid."""
    return f"[{text}, {text}]" if grid == "true" else text


def topology_keys(header: str) -> str:
    """Return the page of every key of a topology."""
    counts = [
        [
            f"`{path}.{key}`".replace("`.", "`"),
            "by the number of SIPs" if default == "0" else f"`{pair(grid, default)}`",
            f"{pair(grid, 'integer')}, 1 to {maximum}",
            meaning,
        ]
        for path, key, grid, _, default, maximum, meaning in rows(header, "KB_COUNT_LIST")
    ]
    titles = ["key", "default", "value", "meaning"]
    parts = [
        "A topology begins with `kernbench: 1`. Beside `system:` there may stand `flit_bytes` (64\n"
        "of 1 to 65536), `fabric: {mode: train}` (or `flit`: the same times, flit by flit), and\n"
        "`components`, `meshes` and `links` of the explicit form\n"
        "([Describe a machine](../howto/describe-a-machine.md)).\n\n"
        "Below `system:` stand counts, and values group by group. A key that is left out has its\n"
        "default, which is that of the preset `default`. Its unit stands beside its range.\n"
        "Sources: *public*, a published figure; *derived* from other values; *assumed*, as none\n"
        "is published; *choice*, what you want to simulate.\n",
        f"## Counts\n\n{table(titles, counts)}",
    ]
    for group, _, path in rows(header, "KB_PARAM_GROUPS"):
        lines = [
            [f"`{key}`", f"`{default}`", bounds(kind, minimum, maximum), *sourced(meaning)]
            for key, _, kind, default, minimum, maximum, meaning in rows(
                header, f"KB_PARAMS_{group}"
            )
        ]
        what = about(header, f"KB_PARAMS_{group}")
        text = table([*titles, "source"], lines)
        parts.append(f"## `{path}`\n\n{what}\n\n{text}" if what else f"## `{path}`\n\n{text}")
    return page("Topology keys", "csrc/spec/params.h", "\n".join(parts))


def op_log(header: str) -> str:
    """Return the page of the op log's columns and of its kinds of operations."""
    columns = [
        [f"`{name}`", f"`{numpy}`", unit, meaning]
        for name, _, numpy, unit, meaning in rows(header, "KB_OPLOG_COLUMNS")
    ]
    kinds = [
        [str(number), f"`{name}`", meaning]
        for number, (_, name, meaning) in enumerate(rows(header, "KB_OPKIND_LIST"))
    ]
    text = (
        "One record is one completed operation. `Context.oplog` shows each column as a read-only\n"
        f"NumPy array.\n\n{table(['column', 'dtype', 'unit', 'meaning'], columns)}\n"
        f"## Values of `kind`\n\n{table(['value', 'name', 'meaning'], kinds)}"
    )
    return page("Op log", "csrc/log/oplog.h", text)


def status_codes(header: str) -> str:
    """Return the page of the engine's status codes and the exceptions that they become."""
    lines = [
        [str(number), f"`{name}`", f"`{exception}`" if exception else "none"]
        for number, (_, name, exception) in enumerate(rows(header, "KB_STATUS_LIST"))
    ]
    text = table(["code", "status", "Python exception"], lines)
    return page("Status codes", "csrc/base/status.h", text)


def dram_timing(header: str) -> str:
    """Return the page of the DRAM standards: their geometry, and the times of each."""
    keys = rows(header, "KB_DRAM_TIMING_LIST")
    sets = rows(header, "KB_DRAM_STANDARDS")
    geometry = ["channels", "PCs of one", "stack ids", "bank groups", "banks", "rows", "columns"]
    parts = [
        "Names that `standard:` of an HBM takes. Times are in cycles (CK) of the clock, the first\n"
        "line is its length in femtoseconds; each key, and `tCK_ns`, may be changed below\n"
        "`timing:`. Sources: Ramulator 2.1 [S]; HBM2E and HBM3E have the nanoseconds of HBM2_2400\n"
        "and HBM3_6400 at their own clocks [D].\n",
        table(["standard", *geometry], [[f"`{s[0]}`", *s[1:8]] for s in sets]),
        table(
            ["key", *(s[0].partition("_16Gb")[0] for s in sets), "meaning"],
            [
                ["fs of a CK", *(s[11] for s in sets), "one cycle"],
                *(
                    [f"`{key[0]}`", *(s[12 + i] for s in sets), key[3]]
                    for i, key in enumerate(keys)
                ),
            ],
        ),
    ]
    return page("DRAM standards", "csrc/spec/dram.h", "\n".join(parts))


PAGES = {
    "dram-standards.md": ("csrc/spec/dram.h", dram_timing),
    "topology-keys.md": ("csrc/spec/params.h", topology_keys),
    "op-log.md": ("csrc/log/oplog.h", op_log),
    "status-codes.md": ("csrc/base/status.h", status_codes),
}


def main() -> int:
    """Write or compare the pages; return 0 when they are in step."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--check", action="store_true", help="compare only")
    arguments = parser.parse_args()
    stale = 0
    for name, (source, make) in PAGES.items():
        path = arguments.root / "docs" / "reference" / name
        text = linked(make((arguments.root / source).read_text(encoding="utf-8")), arguments.root)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if arguments.check:
            print(f"docs/reference/{name}:1: out of step with {source}; run make docs")
            stale += 1
        else:
            path.write_text(text, encoding="utf-8")
            print(f"docs/reference/{name}: written")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
