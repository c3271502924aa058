"""Messages of gloo: matched by tag, and begun when both their ends are posted.

Posting is an act, so that ends are posted in order of (clock, rank).  Whoever posts the second end
begins the message for both: at that instant each end is launched on its own rank's SIP, into the
stream of its group's messages out, or of those in.  All ranks then begin messages in one order, and
so no two wait for each other, whatever the size (ADR-0059 D11).
"""

from __future__ import annotations

from typing import Any

from kernbench.distributed.groups import ProcessGroup
from kernbench.distributed.posts import Post
from kernbench.distributed.transport import check_place, finish, launch, message_facts, stage
from kernbench.distributed.work import Work
from kernbench.runtime.multiprocessing.acting import act, poll
from kernbench.runtime.rank import current_rank, enter_rank, leave_rank
from kernbench.runtime.tensor import Tensor

__all__ = ["issue"]


class _MatchedWork(Work):
    """One end of a message, and its work: waiting for it waits for the other end too."""

    def __init__(
        self, members: ProcessGroup, kind: str, tensor: Tensor, peer: int | None, tag: int
    ) -> None:
        super().__init__(members, "gloo", None, None, [tensor])
        self._kind, self._tensor, self._rank = kind, tensor, current_rank()
        way = members._way(kind)
        with members._ordered(way):
            self._staged = stage(members, "gloo", tensor, output=kind == "recv")
            self._after = way._ends()
            self._rank.pending_after.pop(way._place, None)
        self._rank.clock_fs = members._context.now_fs + members._context._call_fs
        act("a message")
        me = members._global(members.rank())
        src, dst = (me, peer) if kind == "send" else (peer, me)
        assert dst is not None  # who receives is always said
        self._post = members._shared.post(
            kind, src, dst, tag, gloo=True, begin=self._begin, **message_facts(tensor)
        )

    def _begin(self, post: Post, at_fs: int) -> None:
        """Launch this end, as its rank and at a clock, whoever runs."""
        rank, way = self._rank, self._group._way(self._kind)
        sip = self._group._sip
        clock_fs, stream = rank.clock_fs, rank.stream_on(sip)
        rank.clock_fs = at_fs - self._group._context._call_fs
        rank.streams[sip] = way.stream_id
        token = enter_rank(rank)
        try:
            for handle in self._after:
                self._group._context._order_behind(way._place, handle)
            self._launch(post)
        finally:
            leave_rank(token)
            rank.clock_fs, rank.streams[sip] = clock_fs, stream

    def _launch(self, post: Post) -> None:
        count = post.sent["elements"]
        if not count:
            return
        line: Any = self._staged.tensor.view(-1)[:count]
        given, taken = (line, None) if self._kind == "send" else (None, line)
        peer = post.dst if self._kind == "send" else post.src
        root = self._group._shared.ranks.index(peer)
        launch(self._group, post, self._kind, input=given, output=taken, root=root, lane=1)
        staged = [self._staged] if self._kind == "recv" else []
        work = finish(self._group, "gloo", staged, [self._tensor])
        self._handle, self._finish = work._handle, work._finish

    def _until_begun(self) -> None:
        self._post.until_matched()

    def _has_begun(self) -> bool:
        if not self._post.matched:
            poll(self._post.describe())
        return self._post.matched

    def source_rank(self) -> int:
        """Return the rank that a message came from: known when it is received."""
        if self._kind == "recv" and self._post.src is not None:
            return self._post.src
        return super().source_rank()


def issue(members: ProcessGroup, kind: str, tensor: Tensor, peer: int | None, tag: int) -> Work:
    """Post one end of a message; `peer` is None for whoever sends first."""
    check_place(members, "gloo", tensor)
    return _MatchedWork(members, kind, tensor, peer, tag)
