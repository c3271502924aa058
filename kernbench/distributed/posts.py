"""Posts: the ends of messages from rank to rank, and which two belong together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kernbench.distributed.rounds import Entry
from kernbench.runtime.multiprocessing.acting import act, block
from kernbench.runtime.rank import current_rank
from kernbench.runtime.waiting import Waiting

__all__ = ["Post", "Way", "first_of", "fit"]


@dataclass(slots=True)
class Post:
    """One end of a message from rank to rank.

    Attributes
    ----------
    src : int or None
        The sender; None for whoever sends first, until there is one.
    number : int
        Counts the ends of the group.
    begin : callable or None
        Called with it when it is matched, and the clock at which it is.
    other : Post or None
        The other end; None until it is matched.
    """

    kind: str
    src: int | None
    dst: int
    tag: int
    entry: Entry
    clock_fs: int
    number: int
    begin: Callable[[Post, int], None] | None
    other: Post | None = None
    waiters: list[Waiting] = field(default_factory=list)

    @property
    def matched(self) -> bool:
        """Whether there is the other end."""
        return self.other is not None

    @property
    def sent(self) -> dict[str, Any]:
        """What is sent, by a message that is matched."""
        end = self if self.kind == "send" else self.other
        assert end is not None
        return end.entry.facts

    def until_matched(self) -> None:
        """Wait on the host until there is the other end, and it has been posted."""
        rank = current_rank()
        if self.other is None:
            act("the other end of a message")
            while self.other is None:
                block(rank, self.waiters, self.describe)
        rank.clock_fs = max(rank.clock_fs, self.other.clock_fs)

    def describe(self) -> str:
        """Return what is missing."""
        if self.matched:
            return f"a message from rank {self.src} to rank {self.dst} (tag {self.tag}){_LATE}"
        if self.kind == "send":
            return f"rank {self.dst} to receive what rank {self.src} sends (tag {self.tag})"
        sender = "any rank" if self.src is None else f"rank {self.src}"
        return f"{sender} to send what rank {self.dst} receives (tag {self.tag})"


_LATE = (
    "; both its ends were issued, but messages of nccl go in order: issue those that wait for each "
    "other one right after another, or by batch_isend_irecv"
)
"""Why a message with both its ends may wait for ever; one of gloo's has begun then."""

Way = tuple[int | None, int, int | None]
"""Sender (None for any), receiver, and tag where messages are matched by it."""


def first_of(
    ends: dict[Way, deque[Post]], src: int | None, dst: int, tag: int | None
) -> Post | None:
    """Take the first of the ends that go a way; `src` None stands for any."""
    known: list[Way] = [(src, dst, tag), (None, dst, tag)] if src is not None else list(ends)
    ways = [way for way in known if way in ends and way[1:] == (dst, tag)]
    if not ways:
        return None
    way = min(ways, key=lambda way: ends[way][0].number)
    first = ends[way].popleft()
    if not ends[way]:  # there may be a tag for each message
        del ends[way]
    return first


def fit(post: Post, gloo: bool) -> bool:
    """Return whether what is sent is what is received; gloo fills the front of what is larger."""
    assert post.other is not None
    facts, others = post.entry.facts, post.other.entry.facts
    if not gloo:
        return facts == others
    room, need = (facts, others) if post.kind == "recv" else (others, facts)
    return bool(room["dtype"] == need["dtype"] and room["elements"] >= need["elements"])
