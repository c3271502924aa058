"""What to write instead of what the language does not have: the last part of its errors."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable

_STATEMENTS = {
    "ClassDef": "define it outside, as a typing.NamedTuple",
    "Delete": "leave it out",
    "Global": "pass it as an argument",
    "Import": "import it outside of the kernel",
    "ImportFrom": "import it outside of the kernel",
    "Match": "use if and elif",
    "Nonlocal": "pass it as an argument",
    "Raise": "use tl.device_assert(condition, message)",
    "Try": "an error of a kernel comes to the host, at its next wait",
    "With": "leave it out",
}
_EXPRESSIONS = {
    "DictComp": ("a dict comprehension", "use a tuple"),
    "Dict": ("a dict", "use a tuple, or a typing.NamedTuple"),
    "GeneratorExp": ("a generator", "use a loop"),
    "Lambda": ("a lambda", "write a function outside, with @kb.jit"),
    "ListComp": ("a list comprehension", "use tl.arange, or a loop over tl.static_range"),
    "Set": ("a set", "use a tuple"),
    "SetComp": ("a set comprehension", "use a tuple"),
    "Slice": ("a slice", ""),
    "Starred": ("* outside of a call or tuple", ""),
    "YieldFrom": ("yield from", ""),
}
_PYTHON = {
    "all": "use tl.min of the truths as integers",
    "any": "use tl.reduce_or",
    "enumerate": "loop over tl.static_range(len(...))",
    "list": "write a tuple",
    "pow": "use tl.libdevice.pow",
    "reversed": "loop over tl.static_range(n - 1, -1, -1)",
    "round": "use tl.libdevice.rint",
    "sum": "use tl.sum",
    "tuple": "write a tuple",
    "zip": "loop over tl.static_range(len(...))",
}
_TORCH = {
    "bfloat16": "x.to(tl.bfloat16)",
    "bool": "x != 0",
    "clone": "x: values never change",
    "contiguous": "x",
    "double": "x.to(tl.float64)",
    "float": "x.to(tl.float32)",
    "half": "x.to(tl.float16)",
    "int": "x.to(tl.int32)",
    "item": "x: a 0-d tensor is a number",
    "long": "x.to(tl.int64)",
    "mean": "tl.sum(x, axis) / n",
    "ndim": "len(x.shape)",
    "relu": "tl.maximum(x, 0.0)",
    "size": "x.shape",
    "square": "x * x",
    "transpose": "tl.trans(x), or tl.permute",
    "type_as": "x.to(other.dtype)",
}
_TUPLE = {
    "append": "tuple = tuple + (item,) in a loop over tl.static_range",
    "extend": "tuple = tuple + other in a loop over tl.static_range",
}


def instead_of_statement(node: ast.stmt) -> str:
    """Return how a statement is called, and what to do."""
    kind = type(node).__name__
    name = kind.removeprefix("Async").removesuffix("Def").removesuffix("From").lower()
    advice = _STATEMENTS.get(kind)
    return f"'{name}' statements are not supported in kernels" + (f"; {advice}" if advice else "")


def instead_of_expression(node: ast.AST) -> str:
    """Return how an expression is called, and what to do."""
    kind = type(node).__name__
    name, advice = _EXPRESSIONS.get(kind, (kind.lower(), ""))
    return f"{name} is not supported in kernels" + (f"; {advice}" if advice else "")


def instead_of_python(name: str) -> str:
    """Return what to do without a builtin of Python's."""
    return f"; {_PYTHON[name]}" if name in _PYTHON else ""


def instead_of_attribute(name: str, known: Iterable[str]) -> str:
    """Return what to do without an attribute of a tensor: torch's way to say it, or the nearest."""
    return f"; write {_TORCH[name]}" if name in _TORCH else nearest(name, known)


def instead_of_tuple(name: str) -> str:
    """Return what to do without a method of a list."""
    return f"; write {_TUPLE[name]}" if name in _TUPLE else ""


def nearest(name: str, known: Iterable[str], within: str = "") -> str:
    """Return the question whether the nearest known name is meant; `within` stands before it."""
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean '{within}{close[0]}'?" if close else ""
