"""Messages from rank to rank: ``send``, ``recv``, and batches of them.

The k-th send of a rank to another belongs to the k-th receive there; what differs between the two
ends (shape, dtype, tag) is reported to both.

Messages that a rank issues one right after another are launched together, as a batch is: when it
submits something else, or waits.  So the order in which ranks issue theirs does not matter, however
large they are (ADR-0059 D8).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

from kernbench import ccl
from kernbench.distributed.groups import ProcessGroup, group_of
from kernbench.distributed.lines import outsider, root_of
from kernbench.distributed.transport import (
    check_place,
    check_tensor,
    facts_of,
    finish,
    launch,
    stage,
)
from kernbench.distributed.work import Work
from kernbench.runtime.multiprocessing.acting import act, block
from kernbench.runtime.rank import current_rank
from kernbench.runtime.tensor import Tensor

__all__ = ["P2POp", "batch_isend_irecv", "irecv", "isend", "recv", "send"]


def _peer(members: ProcessGroup, name: str, rank: int | None, place: int | None) -> int:
    """Return the global rank of the other end."""
    return members._global(root_of(members, name, rank, place))


def _me(members: ProcessGroup) -> int:
    return members._global(members.rank())


def _refuse_self(peer: int, members: ProcessGroup, what: str) -> None:
    if peer == _me(members):
        raise ValueError(
            f"Invalid {what} rank: {what} rank should not be the same as the rank of the current "
            "process."
        )


class _End:
    """One end of a message: posted, and staged on the machine."""

    def __init__(
        self, members: ProcessGroup, kind: str, tensor: Tensor, peer: int, tag: int
    ) -> None:
        self.members, self.kind, self.tensor, self.peer = members, kind, tensor, peer
        self.backend = members._backend_for(tensor)
        check_place(members, self.backend, tensor)
        src, dst = (_me(members), peer) if kind == "send" else (peer, _me(members))
        self.post = members._shared.post(kind, src, dst, tag, **facts_of(tensor))
        self.place = members._shared.ranks.index(peer)

    def stage(self) -> None:
        """Bring the tensor to the machine."""
        self.staged = stage(self.members, self.backend, self.tensor, output=self.kind == "recv")

    @property
    def flat(self) -> Tensor:
        """The staged tensor as one line."""
        line: Tensor = self.staged.tensor.view(-1)
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

    def finish(self) -> Work:
        """Return the work of what was launched."""
        staged = [self.staged] if self.kind == "recv" else []
        return finish(self.members, self.backend, staged, [self.tensor])


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


class _PointWork(Work):
    """A message under way; with gloo, waiting for it waits for the other end too."""

    def __init__(self, end: _End) -> None:
        source = end.peer if end.kind == "recv" else -1
        super().__init__(end.members, end.backend, None, None, [end.tensor], source)
        self._post = end.post

    def _launched(self, work: Work) -> None:
        self._handle, self._finish = work._handle, work._finish

    def wait(self, timeout: Any = None) -> bool:
        """Wait for it, as the backend does; return True."""
        current_rank().let_go()
        return super().wait(timeout)

    def synchronize(self) -> None:
        """Order the caller's current stream behind it."""
        current_rank().let_go()
        super().synchronize()

    def is_completed(self) -> bool:
        """Tell whether it is done: a poll."""
        current_rank().let_go()
        return super().is_completed()

    def _wait_on_host(self) -> None:
        if not self._post.matched:
            rank = act("the other end of a message")
            while not self._post.matched:
                block(rank, self._post.waiters, self._post.describe)
        super()._wait_on_host()


class _Held:
    """Messages that a rank has issued, one right after another and in one stream."""

    def __init__(self, members: ProcessGroup, stream: int) -> None:
        self.members, self.stream = members, stream
        self.ends: list[tuple[_End, _PointWork]] = []

    def __call__(self) -> None:
        """Launch them, behind what their stream holds."""
        streams, sip = current_rank().streams, self.members._sip
        now = streams.get(sip, 0)
        streams[sip] = self.stream
        try:
            with self.members._ordered(self.members._messages):
                self._launch([end for end, _ in self.ends])
        finally:
            streams[sip] = now

    def _launch(self, ends: list[_End]) -> None:
        """Launch by how far they go around the group, those out together with those in."""
        for end in ends:
            end.stage()
        for distance in range(1, self.members.size()):
            outs = [e for e in ends if e.kind == "send" and e.distance == distance]
            ins = [e for e in ends if e.kind == "recv" and e.distance == distance]
            for out, into in zip_longest(outs, ins):
                if out is None or into is None:
                    (out or into).launch()
                else:
                    _pair(out, into)
        for end, work in self.ends:
            work._launched(end.finish())


def _issue(members: ProcessGroup, kind: str, tensor: Tensor, peer: int, tag: int) -> Work:
    """Post one end of a message; it is launched with those that come right behind it."""
    end = _End(members, kind, tensor, peer, tag)
    rank = current_rank()
    stream, held = rank.streams.get(members._sip, 0), rank.held
    if not (isinstance(held, _Held) and held.members is members and held.stream == stream):
        rank.let_go()
        held = rank.held = _Held(members, stream)
    work = _PointWork(end)
    held.ends.append((end, work))
    return work


def send(
    tensor: Tensor,
    dst: int | None = None,
    group: Any = None,
    tag: int = 0,
    group_dst: int | None = None,
) -> None:
    """Send a tensor to rank `dst`; with gloo the host waits until it is received."""
    check_tensor(tensor)
    members = group_of(group)
    if members is None:
        outsider("send")
        return
    peer = _peer(members, "dst", dst, group_dst)
    _refuse_self(peer, members, "destination")
    _issue(members, "send", tensor, peer, tag).wait()


def recv(
    tensor: Tensor,
    src: int | None = None,
    group: Any = None,
    tag: int = 0,
    group_src: int | None = None,
) -> int:
    """Receive a tensor from rank `src`, or from whoever sends first; return the sender.

    Who sends first is decided by the senders' clocks; the host waits until there is one.
    """
    check_tensor(tensor)
    members = group_of(group)
    if members is None:
        outsider("recv")
        return -1
    if src is None and group_src is None:
        peer = _any_sender(members)
    else:
        peer = _peer(members, "src", src, group_src)
        _refuse_self(peer, members, "source")
    _issue(members, "recv", tensor, peer, tag).wait()
    return peer


def _any_sender(members: ProcessGroup) -> int:
    shared, me = members._shared, _me(members)
    rank = act("a message from any rank")
    while True:
        first = [posts[0] for (_, dst), posts in shared.sends.items() if dst == me and posts]
        if first:
            return min(first, key=lambda post: (post.clock_fs, post.src)).src
        waiters = shared.any_source.setdefault(me, [])
        block(rank, waiters, lambda: f"any rank to send to rank {me}")


def isend(
    tensor: Tensor,
    dst: int | None = None,
    group: Any = None,
    tag: int = 0,
    group_dst: int | None = None,
) -> Work | None:
    """Send without waiting; return the work."""
    check_tensor(tensor)
    members = group_of(group)
    if members is None:
        outsider("isend")
        return None
    peer = _peer(members, "dst", dst, group_dst)
    _refuse_self(peer, members, "destination")
    return _issue(members, "send", tensor, peer, tag)


def irecv(
    tensor: Tensor,
    src: int | None = None,
    group: Any = None,
    tag: int = 0,
    group_src: int | None = None,
) -> Work | None:
    """Receive without waiting; return the work."""
    check_tensor(tensor)
    members = group_of(group)
    if members is None:
        outsider("irecv")
        return None
    if src is None and group_src is None:
        peer = _any_sender(members)
    else:
        peer = _peer(members, "src", src, group_src)
        _refuse_self(peer, members, "source")
    return _issue(members, "recv", tensor, peer, tag)


class P2POp:
    """One message of a batch.

    Parameters
    ----------
    op : callable
        :func:`isend` or :func:`irecv` itself.
    tensor : Tensor
        What is sent, or where it is received.
    peer : int
        The other end, a rank of the default group.
    group : ProcessGroup, optional
        The default group unless told.
    tag : int
        Has to agree between the ends.
    group_peer : int, optional
        The other end as a place in the group.
    """

    def __init__(
        self,
        op: Callable[..., Any],
        tensor: Tensor,
        peer: int | None = None,
        group: Any = None,
        tag: int = 0,
        group_peer: int | None = None,
    ) -> None:
        if op not in (isend, irecv):
            raise ValueError(
                "Invalid ``op``. Expected ``op`` to be of type ``torch.distributed.isend`` or "
                "``torch.distributed.irecv``."
            )
        check_tensor(tensor)
        self.op = op
        self.tensor = tensor
        self.group = group
        self.tag = tag
        members = group_of(group)
        self.peer = -1 if members is None else _peer(members, "peer", peer, group_peer)

    def __repr__(self) -> str:
        return f"P2POp({self.op.__name__}, peer={self.peer}, tag={self.tag})"


def batch_isend_irecv(p2p_op_list: Sequence[P2POp]) -> list[Work]:
    """Start a batch of messages; return their works.

    They are launched by how far they go around the group, those out together with those in, so that
    ranks which all send first do not wait for each other, whatever the size.
    """
    if not isinstance(p2p_op_list, (list, tuple)) or not p2p_op_list:
        raise ValueError("Invalid ``p2p_op_list``: expected a list of P2POp that is not empty")
    if not all(isinstance(each, P2POp) for each in p2p_op_list):
        raise ValueError(
            "Invalid ``p2p_op_list``. Each op is expected to be of type "
            "``torch.distributed.P2POp``."
        )
    if any(each.group is not p2p_op_list[0].group for each in p2p_op_list):
        raise ValueError("All ops need to use the same group.")
    members = group_of(p2p_op_list[0].group)
    if members is None:
        return []
    for each in p2p_op_list:
        _refuse_self(each.peer, members, "destination" if each.op is isend else "source")
    current_rank().let_go()
    works = [
        _issue(members, "send" if each.op is isend else "recv", each.tensor, each.peer, each.tag)
        for each in p2p_op_list
    ]
    current_rank().let_go()
    return works
