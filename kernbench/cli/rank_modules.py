"""Modules per rank: what ``--nproc`` runs has its module globals once per rank, as processes do.

The import system knows one ``sys.modules``.  The names of rank-local modules are moved in and out
of it whenever another rank goes on: the script's own modules, and packages named by
``--rank-local``.  ``__main__`` is always one.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from kernbench.cli.places import is_own
from kernbench.runtime.rank import Rank

__all__ = ["RankModules"]


class RankModules(MetaPathFinder):
    """Notes which modules are rank-local, and keeps each rank's."""

    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = set(packages)
        self.names = {"__main__"}
        self.kept: dict[int, dict[str, ModuleType]] = {}
        self.inside: int | None = None
        self.shared: dict[str, ModuleType] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find nothing; note a name that is rank-local."""
        top = fullname.partition(".")[0]
        if self.inside is None or fullname in self.names:
            return None
        if top in self.packages or top in self.names:
            self.names.add(fullname)
            return None
        if "." in fullname or top in sys.builtin_module_names or top in sys.stdlib_module_names:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and self._is_local(spec):
            self.names.add(fullname)
        return None

    def _is_local(self, spec: ModuleSpec) -> bool:
        places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or ())
        return any(place is not None and is_own(place) for place in places)

    def switch(self, rank: Rank | None) -> None:
        """Let `rank` go on, or, with None, the main program."""
        index = None if rank is None else rank.index
        if index == self.inside:
            return
        self._take_out()
        self.inside = index
        if index is not None:
            sys.modules.update(self.kept.setdefault(index, {}))
        else:
            sys.modules.update(self.shared)

    def _take_out(self) -> None:
        mine = self.shared if self.inside is None else self.kept[self.inside]
        mine.clear()
        for name in self.names:
            module = sys.modules.pop(name, None)
            if module is not None:
                mine[name] = module

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Watch imports within."""
        for name in list(sys.modules):  # a package that somebody has imported: each rank anew
            if name.partition(".")[0] in self.packages:
                self.names.add(name)
        sys.meta_path.insert(0, self)
        try:
            yield
        finally:
            self.switch(None)
            sys.meta_path.remove(self)
