"""The source text of a kernel: parsed once, and the place of every error in it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kernbench.errors import CompilationError, CompileTimeAssertionFailure
from kernbench.language.values import Refusal, StaticAssertRefusal


@dataclass(frozen=True)
class Source:
    """A function's text from its ``def`` on, and where that stands.

    Attributes
    ----------
    text : str
        Source, without decorators and without common indentation.
    filename : str
        File it comes from.
    first_line : int
        Line of the ``def`` in that file.
    indent : int
        Columns of indentation that `text` lost.
    tree : ast.FunctionDef
        The parsed function.
    """

    text: str
    filename: str
    first_line: int
    indent: int
    tree: ast.FunctionDef

    def error(
        self, refusal: Refusal, node: ast.AST, notes: tuple[str, ...] = ()
    ) -> CompilationError:
        """Return the error that `refusal` is at `node`."""
        lineno = getattr(node, "lineno", 1)
        column = getattr(node, "col_offset", 0)
        line = self.text.splitlines()[lineno - 1]
        column = len(line.encode()[:column].decode(errors="replace"))
        made = CompilationError
        if isinstance(refusal, StaticAssertRefusal):
            made = CompileTimeAssertionFailure
        return made(
            str(refusal),
            self.filename,
            self.first_line + lineno - 1,
            self.indent + column + 1,
            " " * self.indent + line,
            notes,
        )


def read_source(fn: Callable[..., Any]) -> tuple[str, str, int, int]:
    """Text from ``def`` on, file name, line of the ``def`` and indentation of a function.

    Raises
    ------
    TypeError
        When Python does not know the source, as in an interactive session without a file.
    """
    filename = fn.__code__.co_filename
    try:
        lines, first = inspect.getsourcelines(fn)
    except (OSError, TypeError) as error:
        raise TypeError(
            f"@kb.jit needs the source text of {fn.__qualname__}, which Python cannot find "
            f"({error}); define it in a file"
        ) from None
    raw = "".join(lines)
    match = re.search(r"^[ \t]*def\s", raw, re.MULTILINE)
    if match is None:
        raise TypeError(f"@kb.jit expects a function written with def, got {fn!r}")
    skipped = raw[: match.start()].count("\n")
    indent = len(match.group()) - len(match.group().lstrip())
    return textwrap.dedent(raw[match.start() :]), filename, max(first, 1) + skipped, indent


def parse_source(text: str, filename: str, first_line: int, indent: int) -> Source:
    """Parse a function's text.

    Raises
    ------
    CompilationError
        For text that is not one function definition.
    """
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        lineno = error.lineno or 1
        raise CompilationError(
            error.msg,
            filename,
            first_line + lineno - 1,
            indent + (error.offset or 1),
            error.text or "",
        ) from None
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef):
        raise CompilationError("expected one function definition", filename, first_line, 1)
    return Source(text, filename, first_line, indent, body[0])


def captured_names(fn: Callable[..., Any]) -> Mapping[str, Any]:
    """Closure variables of a function that have a value."""
    cells = zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True)
    found = {}
    for name, cell in cells:
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def is_constexpr_annotation(annotation: ast.expr | None) -> bool:
    """Whether an annotation says ``tl.constexpr``, as an expression or as a string."""
    if annotation is None:
        return False
    if isinstance(annotation, ast.Constant):
        return str(annotation.value).rpartition(".")[2].strip() == "constexpr"
    return ast.unparse(annotation).rpartition(".")[2] == "constexpr"
