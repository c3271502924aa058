"""The program that is run: a file, or a module by its name, as ``python`` would take it."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from kernbench.cli.common import UsageError
from kernbench.runtime import Context

__all__ = ["Program", "find_module", "read_script"]

_ANY_NUMBER = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes
    ----------
    source : bytes
        Its text.
    filename : str
        Its file, absolute.
    argv : tuple of str
        What ``sys.argv`` is.
    folder : str
        What ``sys.path[0]`` is.
    spec : ModuleSpec or None
        Of a module that was named; None for a file.
    """

    source: bytes
    filename: str
    argv: tuple[str, ...]
    folder: str
    spec: ModuleSpec | None = None

    def compile(self) -> CodeType | None:
        """Return its code; None, with the fault on stderr, when it is no Python."""
        try:
            return compile(self.source, self.filename, "exec")
        except (SyntaxError, ValueError) as error:
            print("".join(traceback.format_exception_only(error)).rstrip(), file=sys.stderr)
            return None

    def as_main(self) -> ModuleType:
        """Return a module that can stand as ``__main__``."""
        module = ModuleType("__main__")
        module.__file__ = self.filename
        if self.spec is not None:
            module.__spec__ = self.spec
            module.__package__ = self.spec.parent
            module.__loader__ = self.spec.loader
        return module

    def run(self, code: CodeType, module: ModuleType, context: Context) -> None:
        """Run it, and its function ``run(torch)`` if it defines one.

        A ``run`` whose argument has another name is the script's own affair.
        """
        exec(code, module.__dict__)
        if callable(function := getattr(module, "run", None)) and _takes_torch(function):
            function(context)


def _takes_torch(function: Callable[..., Any]) -> bool:
    """Return whether the one argument of a function that must be given is called torch."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in _ANY_NUMBER]
    return needed == ["torch"]


def read_script(words: Sequence[str]) -> Program:
    """Return the program of ``SCRIPT args``."""
    path = Path(words[0])
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: expected a Python file: {error.strerror}") from error
    folder = os.path.dirname(os.path.realpath(path))
    return Program(source, os.path.abspath(path), (str(path), *words[1:]), folder)


def find_module(words: Sequence[str]) -> Program:
    """Return the program of ``-m MODULE args``: a module, or the ``__main__`` of a package."""
    name = words[0]
    before = sys.path[:]
    sys.path[0] = os.getcwd()
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except ModuleNotFoundError:
        spec = None
    finally:
        sys.path[:] = before
        for known in [n for n in sys.modules if n == name.partition(".")[0]]:
            if known not in sys.stdlib_module_names:
                _forget(known)
    if spec is None or spec.origin is None or not spec.has_location:
        raise UsageError(f"-m {name}: expected a module, or a package with a __main__.py")
    source = Path(spec.origin).read_bytes()
    return Program(source, spec.origin, (spec.origin, *words[1:]), os.getcwd(), spec)


def _forget(package: str) -> None:
    """Take out of ``sys.modules`` what finding a module has imported: the script imports it."""
    from kernbench.cli.places import is_own

    origin = getattr(sys.modules[package], "__file__", None)
    if origin is not None and is_own(origin):
        for name in [n for n in sys.modules if n == package or n.startswith(package + ".")]:
            del sys.modules[name]
