from __future__ import annotations

import hashlib

import pytest

TOOL = "verify_adr_lang_pairs.py"
AGREES = (0, ["ADRs: every record, twin and citation agrees"])

RECORD = """# ADR-{number}: Small words

Status: {status}

## Context

Words are long. See [the other](ADR-9002-mem-other.md) and [a page](https://example.org/a).

## Decision

- **D0.5.** Half a word.
- **D1.** A word.

## Consequences

```
# no heading, [no link](nowhere.md)
```

## Check

None.
"""

TWIN = """# ADR-{number}: 작은 말

Status: {status}
Translates: {digest}

## 배경

말이 길다. [다른 것](ADR-9002-mem-other.ko.md), [쪽](https://example.org/a).

## 결정

- **D0.5.** 반 마디.
- **D1.** 한 마디.

## 결과

## 검증

없음.
"""

FIRST = "docs/adr/ADR-9001-dev-small-words"
OTHER = "docs/adr/ADR-9002-mem-other"


def cite(number: int, *ids: str) -> str:
    return f"ADR-{number} " + ", ".join(ids)


def pair(stem: str, status: str = "Accepted") -> dict[str, str]:
    number = stem.partition("ADR-")[2][:4]
    record = RECORD.format(number=number, status=status)
    digest = hashlib.sha256(record.encode()).hexdigest()[:12]
    twin = TWIN.format(number=number, status=status, digest=digest)
    return {f"{stem}.md": record, f"{stem}.ko.md": twin}


GOOD = {
    **pair(FIRST),
    **pair(OTHER),
    "docs/adr/README.md": "# Records\n\n[one](ADR-9001-dev-small-words.ko.md)\n",
    "csrc/base/a.h": f"/* {cite(9001, 'D0.5', 'D1')} and {cite(9002, 'D1')} */\n",
    "kernbench/presets/a.yaml": f"# {cite(9001, 'D1')}\n",
    "tests/a.py": f'"""{cite(9002)}: all of it."""\n',
}


def test_a_good_tree_passes(tree, run_tool):
    assert run_tool(TOOL, "--root", tree(GOOD)) == AGREES


def test_status_belongs_to_its_folder(tree, run_tool):
    stems = {"adr": "Accepted", "adr-proposed": "Draft", "adr-history": "Superseded by another"}
    files = {}
    for number, (folder, status) in enumerate(stems.items(), 9001):
        files.update(pair(f"docs/{folder}/ADR-{number}-dev-a", status))
    linked = {
        name: text.replace("(ADR-9002-mem-other", "(../adr/ADR-9001-dev-a")
        for name, text in files.items()
    }
    root = tree(linked)
    assert run_tool(TOOL, "--root", root, "--stamp") == AGREES
    for folder, status in [
        ("adr", "Proposed"),
        ("adr-proposed", "Accepted"),
        ("adr-history", "Draft"),
    ]:
        path = next((root / "docs" / folder).glob("*-a.md"))
        good = path.read_text(encoding="utf-8")
        path.write_text(good.replace("Status: ", f"Status: {status} "), encoding="utf-8")
        assert shows(run_tool(TOOL, "--root", root), f"got {status} ")
        path.write_text(good, encoding="utf-8")


def shows(result: tuple[int, list[str]], *parts: str) -> bool:
    """Whether the tool failed, with one line that holds every part."""
    code, lines = result
    return code == 1 and any(all(part in line for part in parts) for line in lines)


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        (f"{FIRST}.md", "ADR-9001:", "ADR-9003:", "expected the first line '# ADR-9001: Title'"),
        (f"{FIRST}.md", "Status: Accepted\n", "", "expected one line 'Status: ...', got 0"),
        (f"{FIRST}.md", "Accepted", "Proposed", "expected the status Accepted in docs/adr"),
        (f"{FIRST}.md", "## Check\n", "", "expected the sections"),
        (f"{FIRST}.md", "**D0.5.**", "**D1.**", "D1 is decided more than once"),
        (f"{FIRST}.md", "ADR-9002-mem-other.md", "ADR-9002-mem-gone.md", ":7: the link"),
        (f"{FIRST}.ko.md", "ADR-9001:", "ADR-9002:", "expected the first line '# ADR-9001: ...'"),
        (f"{FIRST}.ko.md", "## 결정", "### 결정", "expected headings of levels [1, 2, 2, 2, 2]"),
        (f"{FIRST}.ko.md", "## 검증\n", "", "expected headings of levels [1, 2, 2, 2, 2]"),
        (f"{FIRST}.ko.md", "- **D1.** 한 마디.\n", "", "got D0.5"),
        (f"{FIRST}.ko.md", "**D0.5.**", "**D0.6.**", "expected the decisions D0.5 D1"),
        (f"{FIRST}.ko.md", "Accepted", "Proposed", "expected the record's status"),
        (f"{FIRST}.ko.md", "[쪽](https://example.org/a)", "쪽", "https://example.org/a"),
        (f"{FIRST}.ko.md", "Translates: ", "Translates: 0", "expected one line 'Translates: "),
        (f"{FIRST}.ko.md", "Translates: ", "Of: ", "expected one line 'Translates: "),
        ("docs/adr/README.md", ".ko.md", ".md#x) [two](b.md", "b.md leads to no file"),
        ("csrc/base/a.h", "D0.5", "D2", "csrc/base/a.h:1: cites " + cite(9001, "D2")),
        ("csrc/base/a.h", ", D1", ", D0.7", "csrc/base/a.h:1: cites " + cite(9001, "D0.7")),
        ("kernbench/presets/a.yaml", "9001", "9009", "a.yaml:1: cites ADR-" + "9009, which does"),
        ("tests/a.py", "9002", "9010", "tests/a.py:1: cites ADR-" + "9010, which does not exist"),
    ],
)
def test_each_fault_is_named(tree, run_tool, path, old, new, message):
    assert old in GOOD[path]
    assert shows(
        run_tool(TOOL, "--root", tree({**GOOD, path: GOOD[path].replace(old, new)})), message
    )


def test_a_changed_record_needs_its_translation_and_stamp(tree, run_tool):
    root = tree({**GOOD, f"{FIRST}.md": GOOD[f"{FIRST}.md"].replace("A word", "Two words")})
    assert shows(run_tool(TOOL, "--root", root), f"{FIRST}.ko.md:1", "Translates")
    assert run_tool(TOOL, "--root", root, "--stamp") == AGREES
    assert run_tool(TOOL, "--root", root) == AGREES
    text = (root / f"{FIRST}.ko.md").read_text(encoding="utf-8")
    assert text.count("Translates:") == 1
    assert text.splitlines()[3].startswith("Translates: ")


def test_stamp_takes_names_and_adds_a_missing_line(tree, run_tool):
    bare = {name: text.replace("Translates", "Of") for name, text in GOOD.items()}
    bare = {
        n: "\n".join(x for x in t.split("\n") if not x.startswith("Of:")) for n, t in bare.items()
    }
    root = tree(bare)
    first, other = root / f"{FIRST}.ko.md", root / f"{OTHER}.ko.md"
    code, lines = run_tool(TOOL, "--root", root, "--stamp", first)
    assert code == 1
    assert [line.partition(":")[0] for line in lines] == [f"{OTHER}.ko.md"]
    assert run_tool(TOOL, "--root", root, "--stamp", first, other) == AGREES


def test_names_numbers_and_twins(tree, run_tool):
    root = tree(
        {
            **GOOD,
            **pair("docs/adr/ADR-9001-dev-again"),
            **pair("docs/adr/ADR-9003-fun-games"),
            "docs/adr/ADR-9004-dev-lonely.md": pair("docs/adr/ADR-9004-dev-lonely")[
                "docs/adr/ADR-9004-dev-lonely.md"
            ],
            "docs/adr/ADR-9005-dev-orphan.ko.md": "# ADR-9005: 고아\n",
        }
    )
    result = run_tool(TOOL, "--root", root)
    assert shows(result, "ADR-9001", "the number 9001 is taken by")
    assert shows(result, "ADR-9003-fun-games.md:1: expected a name")
    assert shows(result, "ADR-9004-dev-lonely.md:1: expected a Korean twin")
    assert shows(result, "ADR-9005-dev-orphan.ko.md:1: the twin of no record")
