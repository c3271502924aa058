"""Who sends how much to whom: from this the time of an algorithm on a fabric is estimated.

An algorithm is a few phases; in one, all messages are under way at once.  A phase takes its latency
(the longest path) once per step, and the time of its busiest link or port for all its bytes.  That
is the law of HARDWARE section 7 where no two messages share a link, and tells algorithms apart
where they do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from kernbench.ccl.call import Call
from kernbench.topology import Topology

Message = tuple[int, int, int]
"""Rank that sends, rank that receives, bytes of the whole tensor."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Messages that are under way at once.

    Attributes
    ----------
    messages : tuple of Message
    steps : int
        How many follow one another: each adds its latency.
    repeat : int
        How often the bytes are sent; as often as the steps unless they are pipelined.
    beside_fs : int
        What is on the way beside paths and links.
    """

    messages: tuple[Message, ...]
    steps: int = 1
    repeat: int = 1
    beside_fs: int = 0


Phases = Callable[[Call], list[Phase] | None]
"""None: such a call is not for it."""


def ring_phase(size: int, nbytes: int, steps: int, both_ways: bool = False) -> Phase:
    """All ranks to the next one; or half to each neighbour."""
    forth = [(rank, (rank + 1) % size, nbytes // (1 + both_ways)) for rank in range(size)]
    back = [(rank, (rank - 1) % size, nbytes // 2) for rank in range(size)] if both_ways else []
    return Phase((*forth, *back), steps, steps)


MANY = 64
"""Groups beyond it are not looked at pair by pair."""


def all_pairs(size: int, nbytes: int, times: int = 1) -> list[Phase] | None:
    """All ranks to all others, one time or more."""
    if size > MANY:
        return None
    pairs = [(a, b, nbytes) for a in range(size) for b in range(size) if a != b]
    return [Phase(tuple(pairs), times, times)]


def estimate_fs(routes: Routes, phases: Iterable[Phase]) -> int:
    """Return about how long the messages take on the idle machine of a call."""
    return sum(
        phase.steps * max((routes.latency_fs(a, b) for a, b, _ in phase.messages), default=0)
        + phase.repeat * routes.busiest_fs(phase.messages)
        + phase.beside_fs
        for phase in phases
    )


class _Fabric:
    """What the routes of all groups have in common: the machine, read once."""

    def __init__(self, topology: Topology) -> None:
        core = topology._core
        self.links = core.links
        self.nodes = core.nodes
        self.sip = [name.split(".")[0] for name, _, _ in self.nodes]


_fabrics: WeakKeyDictionary[Topology, _Fabric] = WeakKeyDictionary()


class Routes:
    """The paths between the members' first PEs, for a call."""

    def __init__(self, call: Call) -> None:
        topology = call.context.topology
        self._core = topology._core
        self._fabric = _fabrics.get(topology) or _fabrics.setdefault(topology, _Fabric(topology))
        self._dma = [self._core.find(f"sip{sip}.cube0.pe0.dma") for sip in call.group.sips]
        self._pes = max(1, -(-call.count // call.part))
        self._paths: dict[tuple[int, int], list[int]] = {}

    def _path(self, a: int, b: int) -> list[int]:
        found = self._paths.get((a, b))
        if found is None:
            found = self._paths[a, b] = self._core.path(self._dma[a], self._dma[b])
        return found

    def latency_fs(self, a: int, b: int) -> int:
        """Return the time of a message of one flit."""
        path = [self._fabric.links[link] for link in self._path(a, b)]
        nodes = self._fabric.nodes
        return sum(service + latency + nodes[src][2] for src, _, service, latency in path)

    def busiest_fs(self, messages: tuple[Message, ...]) -> int:
        """Return the time that the link with the most bytes takes."""
        links, sip = self._fabric.links, self._fabric.sip
        loads: Counter[int] = Counter()
        for a, b, nbytes in messages:
            for link in self._path(a, b):
                src, dst, _, _ = links[link]
                # PEs share the links between SIPs; within them each has its own, near enough.
                shared = sip[src] != sip[dst]
                loads[link] += nbytes if shared else -(-nbytes // self._pes)
        flit = self._core.flit_nbytes
        return max((-(-load // flit) * links[link][2] for link, load in loads.items()), default=0)
