"""Messages from rank to rank: ``send``, ``recv``, and batches of them.

The k-th send of a rank to another belongs to the k-th receive there; what differs between the two
ends (shape, dtype, tag) is reported to both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kernbench.distributed.board import Post
from kernbench.distributed.collectives import root_of
from kernbench.distributed.groups import ProcessGroup, group_of
from kernbench.distributed.transport import check_tensor, facts_of, finish, launch, stage
from kernbench.distributed.work import Work
from kernbench.runtime.multiprocessing.acting import act, block
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


def _sent(members: ProcessGroup, tensor: Tensor, peer: int, tag: int) -> Work:
    backend = members._backend_for(tensor)
    post = members._shared.post("send", _me(members), peer, tag, **facts_of(tensor))
    with members._ordered():
        staged = stage(members, backend, tensor, output=False)
        if tensor.numel():
            place = members._shared.ranks.index(peer)
            launch(members, post, "send", input=staged.tensor.reshape(-1), root=place)
        return _PointWork(finish(members, backend, [], [tensor]), post)


def _received(members: ProcessGroup, tensor: Tensor, peer: int, tag: int) -> Work:
    backend = members._backend_for(tensor)
    post = members._shared.post("recv", peer, _me(members), tag, **facts_of(tensor))
    with members._ordered():
        staged = stage(members, backend, tensor, output=True)
        if tensor.numel():
            place = members._shared.ranks.index(peer)
            launch(members, post, "recv", output=staged.tensor.view(-1), root=place)
        return _PointWork(finish(members, backend, [staged], [tensor], peer), post)


class _PointWork(Work):
    """A message under way; with gloo, waiting for it waits for the other end too."""

    def __init__(self, work: Work, post: Post) -> None:
        super().__init__(
            work._group, work._backend, work._handle, work._finish, work._result, work._source
        )
        self._post = post

    def _wait_on_host(self) -> None:
        if not self._post.matched:
            rank = act("the other end of a message")
            while not self._post.matched:
                block(rank, self._post.waiters, self._post.describe)
        super()._wait_on_host()


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
        return
    peer = _peer(members, "dst", dst, group_dst)
    _refuse_self(peer, members, "destination")
    _sent(members, tensor, peer, tag).wait()


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
        return -1
    if src is None and group_src is None:
        peer = _any_sender(members)
    else:
        peer = _peer(members, "src", src, group_src)
        _refuse_self(peer, members, "source")
    _received(members, tensor, peer, tag).wait()
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
        return None
    peer = _peer(members, "dst", dst, group_dst)
    _refuse_self(peer, members, "destination")
    return _sent(members, tensor, peer, tag)


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
        return None
    if src is None and group_src is None:
        peer = _any_sender(members)
    else:
        peer = _peer(members, "src", src, group_src)
        _refuse_self(peer, members, "source")
    return _received(members, tensor, peer, tag)


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

    Sends come first: a message that fits the queues between PEs leaves its sender free.
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
    order = sorted(range(len(p2p_op_list)), key=lambda i: p2p_op_list[i].op is irecv)
    works: dict[int, Work] = {}
    for i in order:
        each = p2p_op_list[i]
        work = each.op(each.tensor, each.peer, each.group, each.tag)
        if work is not None:
            works[i] = work
    return [works[i] for i in sorted(works)]
