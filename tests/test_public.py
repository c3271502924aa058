"""The public surface: names, examples, and the engine's stub."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import kernbench
import kernbench.language as tl
from kernbench import _core
from kernbench.language.builtin import BUILTINS

VAR_KEYWORD = inspect.Parameter.VAR_KEYWORD
STUB = Path(kernbench.__file__).with_name("_core.pyi")


def modules() -> Iterator[str]:
    yield "kernbench"
    for module in pkgutil.walk_packages(kernbench.__path__, "kernbench."):
        if not module.name.rpartition(".")[2].startswith("_"):
            yield module.name


MODULES = sorted(modules())


def load(name: str) -> ModuleType:
    return importlib.import_module(name)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
    failed, _ = doctest.testmod(load(name), optionflags=options)
    assert failed == 0


@pytest.mark.parametrize("name", sorted({*tl.__all__, *filter(str.isidentifier, BUILTINS)}))
def test_each_name_of_the_language_has_an_example_that_runs(name: str) -> None:
    public = BUILTINS[name] if name in BUILTINS else getattr(tl, name)
    if isinstance(public, ModuleType) or public is tl.Launcher:  # an alias has no docstring
        return
    text = public.__doc__ or ""
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert test.examples, f"tl.{name}: no example in its docstring"
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.DocTestRunner(optionflags=options).run(test).failed == 0


def parameters_of(name: str) -> list[str]:
    """Names of the parameters that a function of the language has; none of what is refused."""
    function = getattr(tl, name)
    signature = getattr(function, "__signature__", getattr(function, "signature", None))
    if signature is None or isinstance(function, type):
        return []
    found = list(signature.parameters.values())
    refuses = [each.kind for each in found] == [inspect.Parameter.VAR_POSITIONAL, VAR_KEYWORD]
    return [] if refuses else [each.name for each in found]


@pytest.mark.parametrize("name", [name for name in tl.__all__ if parameters_of(name)])
def test_each_parameter_of_the_language_is_described(name: str) -> None:
    text = getattr(tl, name).__doc__ or ""
    section = re.search(r"Parameters\n-+\n(.*?)(?:\n\n|\Z)", inspect.cleandoc(text), re.DOTALL)
    assert section, f"tl.{name}: no Parameters in its docstring"
    heads = re.findall(r"^(\S[^:\n]*)", section[1], re.MULTILINE)
    described = [name.strip(" *") for head in heads for name in head.split(",")]
    assert described == parameters_of(name)


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    counts = [len(test.examples) for name in MODULES for test in finder.find(load(name))]
    assert sum(counts) > 30


def natural_order(name: str) -> tuple[int, list[Any]]:
    """Constants, classes, the rest; numbers by value, as ruff has it (RUF022)."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    parts = re.split(r"(\d+)", name)
    return kind, [int(part) if part.isdigit() else part for part in parts]


@pytest.mark.parametrize("name", [n for n in MODULES if hasattr(load(n), "__all__")])
def test_all_is_sorted_and_true(name: str) -> None:
    module = load(name)
    assert module.__all__ == sorted(module.__all__, key=natural_order)
    assert all(hasattr(module, public) for public in module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize("name", ["kernbench", "kernbench.runtime", "kernbench.errors"])
def test_all_is_complete(name: str) -> None:
    """What a module defines, or kernbench takes from its packages, and names without underscore."""
    module = load(name)
    found = {
        public
        for public, value in vars(module).items()
        if not public.startswith("_")
        and public != "annotations"
        and not (isinstance(value, ModuleType) and public != "language")
        and getattr(value, "__module__", "kernbench").startswith("kernbench")
    }
    assert found == set(module.__all__) - {"__version__"}


def test_every_error_is_one_of_ours() -> None:
    for name in load("kernbench.errors").__all__:
        assert issubclass(getattr(kernbench.errors, name), kernbench.KernbenchError)
    assert len({kernbench.__version__, _core.__version__}) == 1


# --- the stub ---------------------------------------------------------------------------------

TREE = ast.parse(STUB.read_text(encoding="utf-8"))
CLASSES = {node.name: node for node in TREE.body if isinstance(node, ast.ClassDef)}
FUNCTIONS = {node.name: node for node in TREE.body if isinstance(node, ast.FunctionDef)}
METHODS = [
    (owner, node)
    for owner, body in CLASSES.items()
    for node in body.body
    if isinstance(node, ast.FunctionDef) and node.name != "__new__" and not node.decorator_list
]


def test_the_stub_names_what_the_module_has() -> None:
    variables = {node.target.id for node in TREE.body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]
    public = {name for name in vars(_core) if not name.startswith("_")} | {"__version__"}
    assert public == variables | set(CLASSES) | set(FUNCTIONS)
    for name, node in CLASSES.items():
        named = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        there = {part for part in vars(getattr(_core, name)) if not part.startswith("_")}
        assert there == named - {"__new__"}, name


@kernbench.jit
def nothing() -> None:
    pass


def an_object(owner: str) -> Any:
    """Make a Topology, Kernel or Engine, as `self` of a call that fails."""
    if owner == "Kernel":
        return _core.Kernel(nothing.compile().code)
    topology = kernbench.Topology.preset("small")._core
    return topology if owner == "Topology" else _core.Engine(topology)


@pytest.mark.parametrize(("owner", "node"), METHODS, ids=lambda v: getattr(v, "name", v))
def test_the_stub_tells_how_methods_are_called(owner: str, node: ast.FunctionDef) -> None:
    """Wrong counts and names of arguments are told apart from wrong types of right ones."""
    method = getattr(an_object(owner), node.name)
    positional = [argument.arg for argument in node.args.posonlyargs[1:]]
    named = [argument.arg for argument in node.args.args if argument.arg != "self"]
    count = len(positional) + len(named)
    with pytest.raises(TypeError, match=rf"(argument|takes).*{count + 1} given|no arguments"):
        method(*[object()] * (count + 1))
    if named:
        with pytest.raises(TypeError) as caught:
            method(**dict.fromkeys(named, object()))
        assert not re.search(r"unexpected|invalid keyword", str(caught.value))
        with pytest.raises(TypeError) as caught:
            method(nobody=1)
        assert re.search(r"keyword|missing", str(caught.value))
    elif count:
        with pytest.raises(TypeError, match="keyword"):
            method(**dict.fromkeys(positional, 1))


@pytest.mark.parametrize("name", ["Topology", "Engine", "Kernel"])
def test_the_stub_tells_how_objects_are_made(name: str) -> None:
    new = next(n for n in CLASSES[name].body if isinstance(n, ast.FunctionDef))
    assert new.name == "__new__"
    arguments = [a.arg for a in [*new.args.args[1:], *new.args.kwonlyargs]]
    for argument in arguments[1:]:  # each is known: what is wrong with it is its type
        with pytest.raises(TypeError) as caught:
            getattr(_core, name)(**{arguments[0]: object(), argument: object()})
        assert "keyword" not in str(caught.value)
    with pytest.raises(TypeError, match="keyword"):
        getattr(_core, name)(**{**dict.fromkeys(arguments, object()), "nobody": 1})


def test_pins_are_not_made_by_hand() -> None:
    with pytest.raises(TypeError, match="cannot create"):
        _core.Pin()
