"""Binary trees over ranks: one for broadcast and reduce, two at once for all-reduce.

A tree's ranks stand in order: a node with ``k`` zero bits at its end lies ``k`` levels above the
leaves, between its two halves, and 0 is the root above all.  A second tree is the first one turned
around (or, of an odd size, by one rank), so that leaves of one are inside the other.
"""

from __future__ import annotations

from kernbench.ccl.call import Call, Plan
from kernbench.ccl.kernels import tree
from kernbench.ccl.phases import Message, Phase
from kernbench.ccl.registry import algorithm

NOBODY = -1


def binary(rank: int, size: int) -> tuple[int, int, int]:
    """Return parent and children of a rank in a tree of ``size`` ranks; -1 where there is none."""
    low = rank & -rank
    if rank == 0:
        return NOBODY, NOBODY, _top(0, 1 << max(0, (size - 1).bit_length() - 1), size)
    parent = (rank ^ low) | low << 1
    if parent >= size:
        parent = rank ^ low
    left = rank - (low >> 1) if low > 1 else NOBODY
    return parent, left, _top(rank, low >> 1, size)


def _top(rank: int, step: int, size: int) -> int:
    """Return the highest node behind `rank`: the first of its steps that there is."""
    while step and rank + step >= size:
        step >>= 1
    return rank + step if step else NOBODY


def second(rank: int, size: int) -> tuple[int, int, int]:
    """Return parent and children in the other tree."""
    if size % 2:
        found = binary((rank - 1) % size, size)
        parent, left, right = (NOBODY if r == NOBODY else (r + 1) % size for r in found)
    else:
        found = binary(size - 1 - rank, size)
        parent, left, right = (NOBODY if r == NOBODY else size - 1 - r for r in found)
    return parent, left, right


def _edges(size: int, nbytes: int, other: bool = False) -> list[Message]:
    """From each rank to its parent."""
    parents = [(second if other else binary)(rank, size)[0] for rank in range(size)]
    return [(rank, up, nbytes) for rank, up in enumerate(parents) if up != NOBODY]


def _two_trees(call: Call) -> list[Phase]:
    half = -(-call.nbytes // 2)
    up = _edges(call.size, half) + _edges(call.size, half, other=True)
    down = [(b, a, nbytes) for a, b, nbytes in up]
    return [Phase((*up, *down), steps=2 * _depth(call.size))]


def _one_tree(call: Call) -> list[Phase]:
    return [Phase(tuple(_edges(call.size, call.nbytes)), steps=_depth(call.size))]


def _depth(size: int) -> int:
    return max(1, (size - 1).bit_length())


def _sips(call: Call, ranks: tuple[int, int, int]) -> tuple[int, ...]:
    return tuple(NOBODY if rank == NOBODY else call.group.sips[rank] for rank in ranks)


def _from_root(call: Call) -> tuple[int, ...]:
    """Return the SIPs of parent and children in a tree whose root is the call's."""
    found = binary((call.rank - call.root) % call.size, call.size)
    parent, left, right = (
        NOBODY if rank == NOBODY else (rank + call.root) % call.size for rank in found
    )
    return _sips(call, (parent, left, right))


@algorithm("all_reduce", "double_tree", phases=_two_trees)
def all_reduce(call: Call) -> Plan:
    """Combine up two trees, each with half of the tensor, and send the totals down."""
    chunks = call.chunks(2)
    lag = max(1, chunks.span // chunks.block // 2) * chunks.block
    trees = _sips(call, binary(call.rank, call.size)) + _sips(call, second(call.rank, call.size))
    return Plan(
        tree.all_reduce,
        (
            *(call.input, call.output, call.count, call.part, lag),
            *(call.size, *trees, call.channel),
        ),
        {"OP": call.op, "B": chunks.block},
    )


@algorithm("broadcast", "tree", phases=_one_tree)
def broadcast(call: Call) -> Plan:
    """Send down a tree: ``log2 p`` steps, block after block."""
    return Plan(
        tree.broadcast,
        (call.given, call.taken, call.count, call.part, *_from_root(call), call.channel),
        {"COPIES": call.copies, "B": call.chunks(1).block},
    )


@algorithm("reduce", "tree", phases=_one_tree)
def reduce(call: Call) -> Plan:
    """Combine up a tree: ``log2 p`` steps, block after block."""
    return Plan(
        tree.reduce,
        (
            *(call.given, call.taken, call.count, call.part, call.size),
            *(*_from_root(call), call.channel),
        ),
        {"OP": call.op, "B": call.chunks(1).block},
    )
