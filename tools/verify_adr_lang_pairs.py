"""Check the decision records (ADRs): their form, their Korean twins, and who cites them.

    python tools/verify_adr_lang_pairs.py [--root ROOT] [--stamp [FILE ...]]

A record X.md and its twin X.ko.md agree in number, headings, decision ids, status and links, and
the twin names the text that it translates: `Translates: <12 hex digits of that text's SHA-256>`.
`--stamp` writes that line into the twins (all, or those given): to be done after translating.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CATEGORIES = ("dev", "mem", "lat", "prog", "algo", "par", "api", "ver")
STATUSES = {
    "docs/adr": ("Accepted",),
    "docs/adr-proposed": ("Proposed", "Draft", "Stub"),
    "docs/adr-history": ("Superseded", "Merged"),
}
"""The folders of the records, and what the status of a record in each may start with."""

SECTIONS = ["Context", "Decision", "Consequences", "Check"]
CITING = ("csrc", "kernbench", "benches", "tests", "tools", "docs", ".ci", "Makefile")
NOT_CITING = ("tests/tools",)
"""Folders whose records are made up."""
CITING_SUFFIXES = {"", ".c", ".h", ".py", ".pyi", ".yaml", ".build", ".md", ".sh"}

NAME = re.compile(r"ADR-(\d{4})-([a-z]+)-[a-z0-9]+(?:-[a-z0-9]+)*\.md")
TITLE = re.compile(r"# ADR-(\d{4}): \S.*")
HEADING = re.compile(r"(#{1,6}) +(.*\S)")
STATUS = re.compile(r"Status: *(.*\S)")
TRANSLATES = re.compile(r"Translates: *(\S+)")
DECISION_ID = re.compile(r"\s*- \*\*(D\d+(?:\.\d+)*)\.?\*\*")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CITATION = re.compile(r"ADR-(\d{4})((?:,? (?:and )?D\d+(?:\.\d+)*)*)")


@dataclass(frozen=True)
class Page:
    """One Markdown file: what the checks need to know of it."""

    path: Path
    text: str
    headings: list[tuple[int, int, str]]  # line, level, text
    decision_ids: list[str]
    statuses: list[str]
    links: list[tuple[int, str]]  # line, target
    stamps: list[str]

    @property
    def digest(self) -> str:
        """The first 12 hexadecimal digits of the text's SHA-256."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def read_page(path: Path) -> Page:
    """Read a Markdown file; fenced code is not looked at."""
    page = Page(path, path.read_text(encoding="utf-8"), [], [], [], [], [])
    fenced = False
    for number, line in enumerate(page.text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        if match := HEADING.fullmatch(line):
            page.headings.append((number, len(match[1]), match[2]))
        if match := DECISION_ID.match(line):
            page.decision_ids.append(match[1])
        if match := STATUS.fullmatch(line):
            page.statuses.append(match[1])
        if match := TRANSLATES.fullmatch(line):
            page.stamps.append(match[1])
        page.links.extend((number, match[1]) for match in LINK.finditer(line))
    return page


def form_faults(page: Page, folder: str) -> Iterator[str]:
    """Yield what is wrong with one English record, by itself."""
    name = NAME.fullmatch(page.path.name)
    if not name or name[2] not in CATEGORIES:
        cats = ", ".join(CATEGORIES)
        yield f"expected a name ADR-NNNN-<category>-<title>.md, category one of {cats}"
        return
    title = TITLE.fullmatch(page.text.partition("\n")[0])
    if not title or title[1] != name[1]:
        yield f"expected the first line '# ADR-{name[1]}: Title'"
    if len(page.statuses) != 1:
        yield f"expected one line 'Status: ...', got {len(page.statuses)}"
    elif page.statuses[0].split()[0].rstrip(",:;") not in STATUSES[folder]:
        words = " or ".join(STATUSES[folder])
        yield f"expected the status {words} in {folder}, got {page.statuses[0]}"
    repeated = {i for i in page.decision_ids if page.decision_ids.count(i) > 1}
    for identifier in sorted(repeated):
        yield f"{identifier} is decided more than once"
    if folder == "docs/adr-history" or page.statuses == ["Stub"]:
        return
    sections = [text for _, level, text in page.headings if level == 2]
    if sections != SECTIONS:
        yield f"expected the sections {SECTIONS}, got {sections}"
    if not page.decision_ids:
        yield "expected a decision '- **D1.** ...', got none"


def link_faults(page: Page) -> Iterator[str]:
    """Yield the links that lead to no file."""
    for line, target in page.links:
        place = target.partition("#")[0]
        if place and ":" not in place and not (page.path.parent / place).exists():
            yield f":{line}: the link {target} leads to no file"


def targets(page: Page) -> list[str]:
    """Return where a page's links lead, a twin counting as its record."""
    return sorted(target.replace(".ko.md", ".md") for _, target in page.links)


def twin_faults(record: Page, twin: Page) -> Iterator[str]:
    """Yield where a twin is out of step with its record."""
    title = TITLE.fullmatch(twin.text.partition("\n")[0])
    number = record.path.name[4:8]
    if not title or title[1] != number:
        yield f"expected the first line '# ADR-{number}: ...'"
    levels, own_levels = ([level for _, level, _ in page.headings] for page in (record, twin))
    if levels != own_levels:
        yield f"expected headings of levels {levels} as in the record, got {own_levels}"
    if record.decision_ids != twin.decision_ids:
        yield (
            f"expected the decisions {' '.join(record.decision_ids)} as in the record, "
            f"got {' '.join(twin.decision_ids) or 'none'}"
        )
    if record.statuses != twin.statuses:
        yield f"expected the record's status {record.statuses}, got {twin.statuses}"
    if targets(record) != targets(twin):
        differing = sorted(set(targets(record)) ^ set(targets(twin))) or ["their number"]
        yield f"the links differ from the record's: {', '.join(differing)}"
    if twin.stamps != [record.digest]:
        yield (
            f"expected one line 'Translates: {record.digest}', got {twin.stamps}: bring "
            "the translation up to date, then run tools/verify_adr_lang_pairs.py --stamp"
        )


def citation_faults(root: Path, decisions: dict[str, set[str]]) -> Iterator[str]:
    """Yield the citations, `ADR-NNNN Dk` or `ADR-NNNN`, of what nobody decided."""
    for place in CITING:
        top = root / place
        files = [top] if top.is_file() else sorted(top.rglob("*"))
        for file in files:
            path = file.relative_to(root).as_posix()
            if not file.is_file() or file.suffix not in CITING_SUFFIXES:
                continue
            if path.startswith(NOT_CITING):
                continue
            for number, line in enumerate(
                file.read_text(encoding="utf-8", errors="replace").splitlines(), 1
            ):
                for match in CITATION.finditer(line):
                    known = decisions.get(match[1])
                    if known is None:
                        yield f"{path}:{number}: cites ADR-{match[1]}, which does not exist"
                        continue
                    for cited in re.findall(r"D\d+(?:\.\d+)*", match[2]):
                        if cited not in known:
                            yield f"{path}:{number}: cites ADR-{match[1]} {cited}, undecided there"


def faults(root: Path) -> Iterator[str]:
    """Yield every fault of the tree, as `path:line: message`."""
    decisions: dict[str, set[str]] = {}
    taken: dict[str, str] = {}
    for folder in STATUSES:
        pages = {path.name: read_page(path) for path in sorted((root / folder).glob("*.md"))}
        for name, page in pages.items():
            path = f"{folder}/{name}"
            yield from (path + fault for fault in link_faults(page))
            if name in ("README.md", "README.ko.md"):
                continue
            if name.endswith(".ko.md"):
                record = pages.get(name.removesuffix(".ko.md") + ".md")
                found = twin_faults(record, page) if record else iter(["the twin of no record"])
                yield from (f"{path}:1: {fault}" for fault in found)
                continue
            yield from (f"{path}:1: {fault}" for fault in form_faults(page, folder))
            if name.removesuffix(".md") + ".ko.md" not in pages:
                yield f"{path}:1: expected a Korean twin beside it, got none"
            number = name[4:8]
            if number in taken:
                yield f"{path}:1: the number {number} is taken by {taken[number]}"
            taken.setdefault(number, path)
            decisions.setdefault(number, set()).update(page.decision_ids)
    yield from citation_faults(root, decisions)


def stamp(twin: Path) -> None:
    """Write into `twin` which text it translates."""
    record = read_page(twin.with_name(twin.name.removesuffix(".ko.md") + ".md"))
    lines = twin.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not TRANSLATES.fullmatch(line)]
    after = next((i for i, line in enumerate(kept) if STATUS.fullmatch(line)), 0)
    kept.insert(after + 1, f"Translates: {record.digest}")
    twin.write_text("\n".join(kept) + "\n", encoding="utf-8")


def main() -> int:
    """Check or stamp; return 0 when nothing is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--stamp", nargs="*", type=Path, metavar="FILE", help="twins to stamp")
    arguments = parser.parse_args()
    if arguments.stamp is not None:
        every = (
            twin for folder in STATUSES for twin in (arguments.root / folder).glob("ADR-*.ko.md")
        )
        for twin in arguments.stamp or every:
            stamp(twin)
    found = list(faults(arguments.root))
    print("\n".join(found) if found else "ADRs: every record, twin and citation agrees")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
