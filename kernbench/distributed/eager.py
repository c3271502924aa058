"""Messages of nccl: each end is launched by its own rank, and waits for the other on the machine.

Messages that a rank issues one right after another are launched together, as a batch is: when it
submits something else, or waits.  So the order in which ranks issue theirs does not matter, however
large they are (ADR-0059 D8).
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from kernbench import ccl
from kernbench.distributed.groups import ProcessGroup
from kernbench.distributed.transport import check_place, launch, message_facts
from kernbench.distributed.work import Work
from kernbench.runtime.rank import current_rank
from kernbench.runtime.tensor import Tensor

__all__ = ["issue"]


class _End:
    """One end of a message: posted, and about to be launched."""

    def __init__(
        self, members: ProcessGroup, kind: str, tensor: Tensor, peer: int, tag: int
    ) -> None:
        self.members, self.kind, self.tensor, self.peer = members, kind, tensor, peer
        check_place(members, "nccl", tensor)
        me = members._global(members.rank())
        src, dst = (me, peer) if kind == "send" else (peer, me)
        self.post = members._shared.post(kind, src, dst, tag, **message_facts(tensor))
        self.place = members._shared.ranks.index(peer)

    @property
    def flat(self) -> Tensor:
        """The tensor as one line."""
        plain: Any = self.tensor
        line: Tensor = plain.detach().view(-1)
        return line

    @property
    def distance(self) -> int:
        """How far the message goes, around the group."""
        step = self.place - self.members.rank()
        return (step if self.kind == "send" else -step) % self.members.size()

    def launch(self) -> None:
        """Launch this end alone."""
        if not self.tensor.numel():
            return
        given, taken = (self.flat, None) if self.kind == "send" else (None, self.flat)
        launch(self.members, self.post, self.kind, input=given, output=taken, root=self.place)


def _pair(out: _End, into: _End) -> None:
    """Launch a message out and one in, in one kernel where both have something to carry."""
    members = out.members
    if not out.tensor.numel() or not into.tensor.numel() or out.tensor.dtype != into.tensor.dtype:
        out.launch()
        into.launch()
        return
    handle = ccl.exchange(
        members._context,
        group=members._members,
        rank=members.rank(),
        input=out.flat,
        to=out.place,
        output=into.flat,
        source=into.place,
    )
    handle._about = into.post.describe


class _EagerWork(Work):
    """A message under way."""

    def __init__(self, end: _End) -> None:
        source = end.peer if end.kind == "recv" else -1
        super().__init__(end.members, "nccl", None, None, [end.tensor], source)

    def _launched(self) -> None:
        self._handle = self._group._last()

    def _until_begun(self) -> None:
        current_rank().let_go()

    def _has_begun(self) -> bool:
        current_rank().let_go()
        return True


class _Held:
    """Messages that a rank has issued, one right after another and in one stream."""

    def __init__(self, members: ProcessGroup, stream: int) -> None:
        self.members, self.stream = members, stream
        self.ends: list[tuple[_End, _EagerWork]] = []

    def __call__(self) -> None:
        """Launch them, behind what their stream holds."""
        streams, sip = current_rank().streams, self.members._sip
        now = current_rank().stream_on(sip)
        streams[sip] = self.stream
        try:
            with self.members._ordered(self.members._messages):
                self._launch([end for end, _ in self.ends])
        finally:
            streams[sip] = now

    def _launch(self, ends: list[_End]) -> None:
        """Launch by how far they go around the group, those out together with those in."""
        for distance in range(1, self.members.size()):
            outs = [e for e in ends if e.kind == "send" and e.distance == distance]
            ins = [e for e in ends if e.kind == "recv" and e.distance == distance]
            for out, into in zip_longest(outs, ins):
                if out is None or into is None:
                    (out or into).launch()
                else:
                    _pair(out, into)
        for _, work in self.ends:
            work._launched()


def issue(members: ProcessGroup, kind: str, tensor: Tensor, peer: int, tag: int) -> Work:
    """Post one end of a message; it is launched with those that come right behind it."""
    end = _End(members, kind, tensor, peer, tag)
    rank = current_rank()
    stream, held = rank.stream_on(members._sip), rank.held
    if not (isinstance(held, _Held) and held.members is members and held.stream == stream):
        rank.let_go()
        held = rank.held = _Held(members, stream)
    work = _EagerWork(end)
    held.ends.append((end, work))
    return work
