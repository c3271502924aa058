"""Topologies: the machine, as YAML, checked and expanded by the engine.

A topology is read from a preset, a file, a text or a dict; whatever is wrong with it is a
:class:`~kernbench.errors.TopologyError` with file, line, column and the key's path.
"""

from __future__ import annotations

import difflib
import json
import os
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kernbench import _core
from kernbench.errors import TopologyError
from kernbench.topology.address_map import AddressMap

__all__ = ["AddressMap", "Link", "Node", "Topology"]


@dataclass(frozen=True, slots=True)
class Node:
    """One component: its name, implementation and head-flit overhead."""

    name: str
    impl: str
    overhead_fs: int


@dataclass(frozen=True, slots=True)
class Link:
    """One directed link: a flit occupies it for ``service_fs`` and arrives ``latency_fs`` later."""

    src: str
    dst: str
    service_fs: int
    latency_fs: int


def _plain(value: Any, what: str) -> str:
    """Write plain values as a text that the engine reads."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:  # NaN is no error here, but is told with its place
        raise TopologyError(
            f"{what}: expected plain dicts, lists, texts and numbers: {error}"
        ) from error


def _presets() -> Path:
    return Path(__file__).with_name("presets")


class Topology:
    """A checked machine; immutable, may be shared by contexts.

    Use :meth:`preset`, :meth:`from_yaml` or :meth:`from_dict`.

    Examples
    --------
    >>> import kernbench as kb
    >>> kb.Topology.presets()
    ['default', 'h100_node8', 'small', 'tpu_v5e_4x4', 'wormhole_loudbox8']
    >>> topo = kb.Topology.preset("small")
    >>> topo.path("sip0.cube0.pe0.dma", "sip0.cube0.hbm")
    ['sip0.cube0.pe0.dma', 'sip0.cube0.hbm']
    """

    def __init__(self, core: _core.Topology, name: str) -> None:
        self._core = core
        self.name = name

    # --- making one ---------------------------------------------------------------------------

    @staticmethod
    def presets() -> list[str]:
        """Names of the topologies that come with kernbench."""
        return sorted(
            entry.name.removesuffix(".yaml")
            for entry in _presets().iterdir()
            if entry.name.endswith(".yaml")
        )

    @classmethod
    def preset(cls, name: str, overrides: Mapping[str, Any] | None = None) -> Topology:
        """Read the preset of that name.

        Parameters
        ----------
        name : str
            One of :meth:`presets`.
        overrides : mapping, optional
            Values by dotted key, such as ``{"system.sips": 4}``; they replace what the preset says.

        Raises
        ------
        TopologyError
            When there is no such preset, or an override does not fit.
        """
        if name not in cls.presets():
            near = difflib.get_close_matches(str(name), cls.presets(), 1)
            raise TopologyError(
                f"topology {name!r}: expected a preset ({', '.join(cls.presets())}) "
                f"or the path of a YAML file{f'; did you mean {near[0]}' if near else ''}"
            )
        text = _presets().joinpath(f"{name}.yaml").read_text(encoding="utf-8")
        return cls._parse(text, f"{name}.yaml", name, overrides)

    @classmethod
    def from_yaml(
        cls, source: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None
    ) -> Topology:
        """Read a YAML file, or a YAML text.

        Parameters
        ----------
        source : os.PathLike or str
            A path, or a ``str`` without newline or control character: the file of that name.  Any
            other ``str`` is the text itself.
        overrides : mapping, optional
            As in :meth:`preset`.

        Raises
        ------
        TopologyError
            When the file cannot be read or the text is no topology.
        """
        if isinstance(source, str) and any(unicodedata.category(c) == "Cc" for c in source):
            return cls._parse(source, "<text>", "<text>", overrides)
        path = Path(source)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise TopologyError(f"{os.fspath(source)}: cannot be read: {error}") from error
        return cls._parse(text, os.fspath(source), path.stem, overrides)

    @classmethod
    def from_dict(cls, mapping: Mapping[str, Any]) -> Topology:
        """Read a dict of plain values (keys as in YAML).

        A float counts as the decimal that its ``repr`` shows.
        """
        return cls._parse(_plain(mapping, "from_dict"), "<dict>", "<dict>", None)

    @classmethod
    def _parse(
        cls, text: str, where: str, name: str, overrides: Mapping[str, Any] | None
    ) -> Topology:
        overlay = "" if not overrides else _plain(_nested(overrides), "override")
        made = cls(_core.Topology(text, where, overlay), name)
        for warning in made.warnings:
            warnings.warn(warning, stacklevel=3)
        return made

    # --- reading it ---------------------------------------------------------------------------

    def to_yaml(self) -> str:
        """Write the whole machine as YAML, every parameter too; reading it gives an equal one."""
        return self._core.to_yaml()

    @cached_property
    def _nodes(self) -> list[Node]:
        return [Node(*row) for row in self._core.nodes]

    @property
    def nodes(self) -> list[str]:
        """Names of all components, by node id."""
        return [node.name for node in self._nodes]

    @property
    def components(self) -> Sequence[Node]:
        """All components, by node id."""
        return tuple(self._nodes)

    @cached_property
    def links(self) -> list[Link]:
        """All directed links, by link id."""
        names = self.nodes
        return [Link(names[src], names[dst], s, p) for src, dst, s, p in self._core.links]

    @property
    def warnings(self) -> list[str]:
        """What is allowed and hardly meant, such as a buffer too small for full rate.

        Each is also a Python warning when the topology is read.
        """
        return self._core.warnings

    @cached_property
    def flit_links(self) -> Sequence[Link]:
        """Links whose ports serve flit by flit in either mode of the fabric (ADR-0037 D11)."""
        return tuple(self.links[link] for link in self._core.flit_links)

    @property
    def flit_nbytes(self) -> int:
        """Bytes of one flit."""
        return self._core.flit_nbytes

    @cached_property
    def system(self) -> Mapping[str, Any] | None:
        """Counts (``n_sips`` ...) and parameters (``"group.field"``) of the hierarchical form.

        None for a purely explicit graph.  Rates are exact ``(num, den)`` in fs per byte or cycle.
        """
        return self._core.system

    def find(self, name: str | int) -> int:
        """Return the node id of a name.

        Raises
        ------
        TopologyError
            With the nearest known name, when there is none.
        TypeError
            When it is neither a name nor an id.
        """
        if isinstance(name, str):
            return self._core.find(name)
        if not isinstance(name, int):
            raise TypeError(f"node: expected a name or an id, got {name!r}")
        if not 0 <= name < len(self._nodes):
            raise TopologyError(
                f"node: expected an id from 0 to {len(self._nodes) - 1}, got {name}"
            )
        return name

    def path(self, src: str | int, dst: str | int) -> list[str]:
        """Name the nodes on the way from ``src`` to ``dst``, both included.

        Raises
        ------
        TopologyError
            When a name is unknown or there is no path.
        """
        start, links = self.find(src), self.links
        names = [self._nodes[start].name]
        names.extend(links[link].dst for link in self._core.path(start, self.find(dst)))
        return names

    def address_map(self, name: str | int) -> AddressMap:
        """Return the address map of a memory that has a ``standard``.

        Raises
        ------
        TopologyError
            When there is no such node, or it has no banks.
        """
        node = self.find(name)
        if self._core.dram_map(node) is None:
            raise TopologyError(
                f"{self.nodes[node]}: expected an hbm with a standard, such as HBM3_6400_16Gb_8hi, "
                f"got {self._nodes[node].impl} without one, which has no rows and banks"
            )
        return AddressMap(self._core, node, self.nodes[node])

    def __repr__(self) -> str:
        return f"Topology({self.name!r}, {len(self._nodes)} nodes, {len(self.links)} links)"


def _nested(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """``{"system.sips": 4}`` as ``{"system": {"sips": 4}}``."""
    tree: dict[str, Any] = {}
    for key, value in overrides.items():
        *parents, leaf = key.split(".")
        at = tree
        for parent in parents:
            at = at.setdefault(parent, {})
            if not isinstance(at, dict):
                raise TopologyError(f"--set {key}: expected a group at {parent!r}, got a value")
        at[leaf] = value
    return tree
