"""The drop-in faces: what ``import torch`` and ``import triton`` mean to the script that is run.

A finder in front of all others answers for the names below, and for what is under them, with the
modules of kernbench themselves.  It is there only while a script runs.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["served"]

_SERVED = {
    "torch": "kernbench.torch",
    "torch.distributed": "kernbench.distributed",
    "torch.futures": "kernbench.distributed.futures",
    "torch.multiprocessing": "kernbench.runtime.multiprocessing",
    "triton": "kernbench.triton",
    "triton.language": "kernbench.language",
    "triton.language.core": "kernbench.language",
    "triton.language.extra.cuda.libdevice": "kernbench.language.libdevice",
    "triton.language.extra.libdevice": "kernbench.language.libdevice",
    "triton.language.libdevice": "kernbench.language.libdevice",
    "triton.language.standard": "kernbench.language",
    "triton.runtime.autotuner": "kernbench.triton.runtime",
    "triton.runtime.errors": "kernbench.triton.runtime",
    "triton.runtime.jit": "kernbench.triton.runtime",
}
"""By name, or by the longest beginning of one."""


def _target(name: str) -> str | None:
    """Return the module of kernbench that a name stands for; None for other names."""
    known, rest = name, ""
    while known not in _SERVED:
        known, dot, last = known.rpartition(".")
        if not dot:
            return None
        rest = f".{last}{rest}"
    return _SERVED[known] + rest


class _SameModule(Loader):
    """Answers with a module that is there already."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module as it is."""
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """Undo what the import system wrote into the module; it has run.

        A module below it whose name the module uses for something else (the function
        ``torch.distributed.rendezvous``) is entered at once: the import system, which would put it
        in the place of that, does so only to what it has to load.
        """
        assert module.__spec__ is not None
        served_as, module.__spec__ = module.__spec__.name, self.spec
        above = f"{module.__name__}."
        for name in [name for name in sys.modules if name.startswith(above)]:
            last = name.removeprefix(above)
            if "." not in last and getattr(module, last, None) is not sys.modules[name]:
                sys.modules[f"{served_as}.{last}"] = sys.modules[name]


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the face for a name."""
        ours = _target(fullname)
        if ours is None:
            return None
        module = _load(ours)
        if module is None:
            raise ModuleNotFoundError(
                f"No module named {fullname!r}: kernbench stands in for {fullname.split('.')[0]} "
                "here, and has no such module",
                name=fullname,
            )
        # A package, so that what it has from elsewhere under a module's name can be imported too:
        # the import system asks a finder only below what has a __path__, and gives it an empty one.
        return ModuleSpec(fullname, _SameModule(module), is_package=True)


def _load(name: str) -> ModuleType | None:
    """Import a module of kernbench, or take what the nearest one above it has under that name."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
    known, missing = name, list[str]()
    while known not in sys.modules:
        known, _, last = known.rpartition(".")
        missing.insert(0, last)
    found: object = sys.modules[known]
    for last in missing:
        found = getattr(found, last, None)
    return found if isinstance(found, ModuleType) else None


@contextlib.contextmanager
def served() -> Iterator[None]:
    """Let ``torch``, ``triton`` and what is under them be kernbench's within."""
    finder = _Finder()
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _target(name)}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if _target(name)]:
            del sys.modules[name]
        sys.modules.update(before)
