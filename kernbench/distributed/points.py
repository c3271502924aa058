"""Messages from rank to rank: ``send``, ``recv``, and batches of them.

The k-th send of a rank to another belongs to the k-th receive there, with gloo of those that have
one tag; what differs between the two ends (elements, dtype, with nccl the tag) is reported to both.
When a message starts is the backend's: see :mod:`eager` for nccl, :mod:`matched` for gloo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kernbench.distributed import eager, matched
from kernbench.distributed.groups import ProcessGroup, group_of
from kernbench.distributed.lines import outsider, root_of
from kernbench.distributed.transport import carried, check_tensor
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


def _issue(members: ProcessGroup, kind: str, tensor: Tensor, peer: int | None, tag: int) -> Work:
    """Post one end of a message, as its backend does; `peer` is None for whoever sends first."""
    if not isinstance(tag, int):
        raise TypeError(f"{kind}: tag: expected an int, got {tag!r}")
    tensor = carried(tensor)
    if members._backend_for(tensor) == "gloo":
        return matched.issue(members, kind, tensor, peer, tag)
    if peer is None:
        peer = _any_sender(members)
    return eager.issue(members, kind, tensor, peer, tag)


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
    work = _issue(members, "recv", tensor, _source(members, src, group_src), tag)
    work.wait()
    return work.source_rank()


def _source(members: ProcessGroup, src: int | None, group_src: int | None) -> int | None:
    """Return the rank that a message comes from; None for any."""
    if src is None and group_src is None:
        return None
    peer = _peer(members, "src", src, group_src)
    _refuse_self(peer, members, "source")
    return peer


def _any_sender(members: ProcessGroup) -> int:
    shared, me = members._shared, _me(members)
    rank = act("a message from any rank")
    while True:
        first = [
            posts[0] for (_, dst, tag), posts in shared.sends.items() if (dst, tag) == (me, None)
        ]
        if first:
            return min((post.clock_fs, post.entry.rank) for post in first)[1]
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
    return _issue(members, "recv", tensor, _source(members, src, group_src), tag)


class P2POp:
    """One message of a batch; `peer` and `group_peer` are both there, whichever was given.

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
        self.group_peer = -1 if members is None else root_of(members, "peer", peer, group_peer)
        self.peer = -1 if members is None else members._global(self.group_peer)

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
