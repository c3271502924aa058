"""Check that csrc/ and kernbench/ obey their layer order (ADR-0046).

A file may use only what stands in a layer above its own; those that share a layer are siblings and
never use each other.  Further rules keep Python, printing and floating point in their places.

    python tools/check_layers.py [ROOT]
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

C_LAYERS = (
    ("base",),
    ("sim", "mem"),
    ("spec",),
    ("kernel",),
    ("log",),
    ("hw", "replay"),
    ("engine",),
    ("py",),
)
HW_LAYERS = (
    ("fabric", "dram"),
    ("component",),
    ("memory",),
    ("control", "pe"),
    ("hw",),
)
"""The folders inside hw/, in their order; `hw` stands for the files at its root."""

C_FREE = ("test", "fuzz", "bench")
"""Folders that may include anything, and that only they themselves may include."""

C_FLOATLESS = ("sim", "hw")

PYTHON_LAYERS = (
    ("_core",),
    ("errors",),
    ("units",),
    ("tables",),
    ("topology",),
    ("language",),
    ("runtime",),
    ("ops",),
    ("autograd",),
    ("optim",),
    ("ccl",),
    ("distributed",),
    ("data",),
    ("tp",),
    ("torch", "triton"),
    ("kernbench",),
    ("results",),
    ("cli",),
    ("__main__",),
)
"""`kernbench` is the package's own `__init__`, which may import every module."""

COMMENT_OR_TEXT = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"\n]+)[>\"]", re.MULTILINE)
PYTHON_HEADER = re.compile(r"Python\.h|structmember\.h|numpy/.*")
PRINTING = re.compile(
    r"\b(?:v?f?printf|v?dprintf|puts|fputs|putc|fputc|putchar|fwrite|perror)\s*\(|\bstd(?:out|err)\b"
)
FLOATING = re.compile(
    r"\b(?:float|double)\b|(?<![\w.])(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?[fFlL]?\b"
)


@dataclass(frozen=True, order=True)
class Fault:
    """One broken rule, at one line of one file."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def rank_of(name: str, layers: tuple[tuple[str, ...], ...]) -> int | None:
    """Return the number of the layer that `name` is in, or None when the order does not know it."""
    return next((rank for rank, layer in enumerate(layers) if name in layer), None)


def order_fault(user: str, used: str, layers: tuple[tuple[str, ...], ...], verb: str) -> str | None:
    """Return what is wrong with `user` using `used`, both known to the order; None when nothing."""
    user_rank, used_rank = rank_of(user, layers), rank_of(used, layers)
    assert user_rank is not None and used_rank is not None
    if user == used or used_rank < user_rank:
        return None
    why = "siblings never use each other" if user_rank == used_rank else "it stands below"
    above = [name for layer in layers[:user_rank] for name in layer]
    allowed = ", ".join(above) if above else "nothing"
    return f"{user} may not {verb} {used}: {why}; {user} may {verb} {allowed}"


def blank(text: str, keep_texts: bool) -> str:
    """Return C source with its comments, and its texts unless kept, replaced by spaces."""

    def spaces(match: re.Match[str]) -> str:
        if keep_texts and match.group()[0] in "\"'":
            return match.group()
        return re.sub(r"[^\n]", " ", match.group())

    return COMMENT_OR_TEXT.sub(spaces, text)


def include_fault(folder: str, quote: str, name: str) -> str | None:
    """Return what is wrong with one #include in a file of `folder`; None when nothing."""
    if PYTHON_HEADER.fullmatch(name):
        if folder == "py":
            return None
        return f"{folder} may not include {name}: only py knows Python"
    if quote == "<" or folder in C_FREE:
        return None
    target = name.split("/")[0]
    if "/" not in name or ".." in name:
        return f'expected "folder/file.h" as seen from csrc/, got "{name}"'
    if target in C_FREE:
        return f"{folder} may not include {name}: {target} is for tests"
    if rank_of(target, C_LAYERS) is None:
        return f'"{name}": the layer order knows no folder {target}'
    if folder == "py" and target != "py" and name != "engine/kb.h":
        return f"py may not include {name}: of the engine it sees engine/kb.h alone"
    return order_fault(folder, target, C_LAYERS, "include")


def inner_folder(path: str) -> str:
    """Return the folder inside hw/ that "hw/..." lies in, `hw` for its root."""
    return "/".join(path.split("/")[1:-1]) or "hw"


def inner_fault(file: str, name: str) -> str | None:
    """Return what is wrong with one file of hw/ including another; None when nothing."""
    if not (file.startswith("hw/") and name.startswith("hw/")):
        return None
    user, used = inner_folder(file), inner_folder(name)
    unknown = [folder for folder in (user, used) if rank_of(folder, HW_LAYERS) is None]
    if unknown:
        return f"the layer order knows no folder hw/{unknown[0]}"
    return order_fault(user, used, HW_LAYERS, "include")


def c_faults(root: Path) -> Iterator[Fault]:
    """Yield the faults of csrc/."""
    csrc = root / "csrc"
    for file in sorted(path for path in csrc.rglob("*") if path.suffix in {".c", ".h"}):
        inside = file.relative_to(csrc)
        path, folder = file.relative_to(root).as_posix(), inside.parts[0]
        if len(inside.parts) == 1 or (folder not in C_FREE and rank_of(folder, C_LAYERS) is None):
            yield Fault(path, 1, "expected a file in a folder that the layer order knows")
            continue
        text = file.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(blank(text, keep_texts=True)):
            message = include_fault(folder, match[1], match[2])
            message = message or inner_fault(inside.as_posix(), match[2])
            if message:
                yield Fault(path, text.count("\n", 0, match.start(1)) + 1, message)
        if folder in C_FREE or folder == "py":
            continue
        code = blank(text, keep_texts=False)
        for match in PRINTING.finditer(code):
            line = text.count("\n", 0, match.start()) + 1
            message = (
                f"{match[0].rstrip(' (')}: the engine prints nothing; return a kb_error or a text"
            )
            yield Fault(path, line, message)
        if folder in C_FLOATLESS:
            for match in FLOATING.finditer(code):
                line = text.count("\n", 0, match.start()) + 1
                yield Fault(path, line, f"{match[0]}: no floating point in {folder}/")


def imported_modules(tree: ast.AST, package: list[str]) -> Iterator[tuple[int, str]]:
    """Yield (line, module of the order) for every import from kernbench in a file of `package`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join(above + ([node.module] if node.module else []))
            names = [module]
            if module == "kernbench":
                modules = [a.name for a in node.names if rank_of(a.name, PYTHON_LAYERS) is not None]
                names = [f"kernbench.{name}" for name in modules]
                names += ["kernbench"] * (len(modules) < len(node.names))
        else:
            continue
        for name in names:
            if name.split(".")[0] == "kernbench":
                yield node.lineno, name.split(".")[1] if "." in name else "kernbench"


def python_faults(root: Path) -> Iterator[Fault]:
    """Yield the faults of kernbench/."""
    package = root / "kernbench"
    for file in sorted(package.rglob("*.py")):
        inside = file.relative_to(package)
        path, user = file.relative_to(root).as_posix(), inside.parts[0].removesuffix(".py")
        if inside.as_posix() == "__init__.py":
            continue
        if rank_of(user, PYTHON_LAYERS) is None:
            yield Fault(path, 1, f"the layer order knows no module kernbench.{user}")
            continue
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"), path)
        except SyntaxError as error:
            yield Fault(path, error.lineno or 1, f"cannot be parsed: {error.msg}")
            continue
        for line, used in imported_modules(tree, ["kernbench", *inside.parts[:-1]]):
            if rank_of(used, PYTHON_LAYERS) is None:
                yield Fault(path, line, f"the layer order knows no module kernbench.{used}")
                continue
            message = order_fault(user, used, PYTHON_LAYERS, "import")
            if message:
                yield Fault(path, line, message)


def main(arguments: list[str]) -> int:
    """Print every fault; return 0 when there is none."""
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    faults = sorted([*c_faults(root), *python_faults(root)])
    for fault in faults:
        print(fault)
    if not faults:
        print("layers: every file uses only what stands above it")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
