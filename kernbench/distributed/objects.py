"""Collectives on Python objects: ranks meet on the host, and take copies of what each brings.

Differs from torch: the machine is not used; each waits for the latest clock, and for a call.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

from kernbench.distributed.board import caller
from kernbench.distributed.groups import ProcessGroup, group_of
from kernbench.distributed.lines import outsider, root_of
from kernbench.distributed.points import _any_sender, _me, _peer, _refuse_self

__all__ = [
    "all_gather_object",
    "broadcast_object_list",
    "gather_object",
    "recv_object_list",
    "scatter_object_list",
    "send_object_list",
]


def _meet(members: ProcessGroup, name: str, value: Any, **facts: Any) -> tuple[Any, ...]:
    rank, context = caller()
    rank.clock_fs = context.now_fs + context._call_fs
    text = pickle.dumps(value)
    return members._shared.meet(members.rank(), name, text, **facts)


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Give every member the objects of all, in `object_list`."""
    members = group_of(group)
    if members is None:
        outsider("all_gather_object")
        return
    if len(object_list) < members.size():
        raise IndexError(
            f"object_list: expected {members.size()} places or more, one for each rank, got "
            f"{len(object_list)}"
        )
    for place, text in enumerate(_meet(members, "all_gather_object", obj)):
        object_list[place] = pickle.loads(text)


def _check_room(name: str, objects: Sequence[Any], members: ProcessGroup) -> None:
    if len(objects) != members.size():
        raise ValueError(
            f"{name}: expected {members.size()} places, one for each rank, got {len(objects)}"
        )


def gather_object(
    obj: Any,
    object_gather_list: list[Any] | None = None,
    dst: int | None = None,
    group: Any = None,
    group_dst: int | None = None,
) -> None:
    """Give rank `dst` (0 unless told) the objects of all members."""
    members = group_of(group)
    if members is None:
        outsider("gather_object")
        return
    root = 0 if dst is None and group_dst is None else root_of(members, "dst", dst, group_dst)
    mine = members.rank() == root
    if mine and not object_gather_list:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    if not mine and object_gather_list:
        raise ValueError("Argument ``gather_list`` must NOT be specified on non-destination ranks.")
    found = _meet(members, "gather_object", obj, dst=root)
    if mine and object_gather_list is not None:
        _check_room("object_gather_list", object_gather_list, members)
        for place, text in enumerate(found):
            object_gather_list[place] = pickle.loads(text)


def broadcast_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: Any = None,
    device: Any = None,
    group_src: int | None = None,
) -> None:
    """Replace the objects of every member's list by those of rank `src` (0 unless told).

    `device` is accepted and changes nothing: objects go from host to host.
    """
    members = group_of(group)
    if members is None:
        outsider("broadcast_object_list")
        return
    root = 0 if src is None and group_src is None else root_of(members, "src", src, group_src)
    mine = members.rank() == root
    facts = {"src": root, "objects": len(object_list)}
    found = _meet(members, "broadcast_object_list", list(object_list) if mine else None, **facts)
    if not mine:
        object_list[:] = pickle.loads(found[root])


def scatter_object_list(
    scatter_object_output_list: Any,
    scatter_object_input_list: Sequence[Any] | None = None,
    src: int | None = None,
    group: Any = None,
    group_src: int | None = None,
) -> None:
    """Give each member one of the objects of rank `src` (0 unless told)."""
    members = group_of(group)
    if members is None:
        outsider("scatter_object_list")
        return
    if not isinstance(scatter_object_output_list, list) or not scatter_object_output_list:
        raise ValueError(
            "Expected argument scatter_object_output_list to be a list of size at least 1."
        )
    root = 0 if src is None and group_src is None else root_of(members, "src", src, group_src)
    mine = members.rank() == root
    if mine:
        _check_room("scatter_object_input_list", scatter_object_input_list or [], members)
    objects = list(scatter_object_input_list or []) if mine else None
    found = _meet(members, "scatter_object_list", objects, src=root)
    scatter_object_output_list[0] = pickle.loads(found[root])[members.rank()]


def send_object_list(
    object_list: Sequence[Any],
    dst: int | None = None,
    group: Any = None,
    device: Any = None,
    group_dst: int | None = None,
    use_batch: bool = False,
) -> None:
    """Send objects to rank `dst`; the host waits until they are received.

    `device` and `use_batch` are accepted and change nothing: objects go from host to host.
    """
    members = group_of(group)
    if members is None:
        outsider("send_object_list")
        return
    peer = _peer(members, "dst", dst, group_dst)
    _refuse_self(peer, members, "destination")
    post = members._shared.post("send", _me(members), peer, 0, objects=len(object_list))
    box = members._shared.boxes.setdefault((_me(members), peer), [])
    box.append(pickle.dumps(list(object_list)))
    post.until_matched()


def recv_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: Any = None,
    device: Any = None,
    group_src: int | None = None,
    use_batch: bool = False,
) -> int:
    """Receive objects from rank `src`, or from whoever sends first; return the sender.

    `device` and `use_batch` are accepted and change nothing: objects go from host to host.
    """
    members = group_of(group)
    if members is None:
        outsider("recv_object_list")
        return -1
    if src is None and group_src is None:
        peer = _any_sender(members)
    else:
        peer = _peer(members, "src", src, group_src)
        _refuse_self(peer, members, "source")
    post = members._shared.post("recv", peer, _me(members), 0, objects=len(object_list))
    post.until_matched()
    object_list[:] = pickle.loads(members._shared.boxes[peer, _me(members)].pop(0))
    return peer
