"""Messages from rank to rank, and calls on objects (ADR-0059)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from machines import ranks

import kernbench as kb
import kernbench.torch as torch
from kernbench import distributed as dist

BACKENDS = ["nccl", "gloo"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [1, 300, 40_000])
def test_a_message_arrives(backend: str, n: int) -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        if rank == 0:
            dist.send(torch.arange(n, dtype=torch.float32, device="cuda"), dst=1)
            return None
        x = ctx.zeros(n)
        assert dist.recv(x, src=0) == 0
        return (x.numpy() == range(n)).all()

    assert ranks(body, 2, backend=backend)[1]


def test_host_tensors_and_works() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x = torch.full((4,), float(rank))
        y = torch.zeros(4)
        send, take = dist.isend(x, 1 - rank), dist.irecv(y, 1 - rank)
        assert send is not None and take is not None
        send.wait()
        take.wait()
        assert take.source_rank() == 1 - rank
        with pytest.raises(RuntimeError, match="sourceRank\\(\\) may only be called"):
            send.source_rank()
        return y.tolist()

    assert ranks(body, 2, backend="gloo") == {0: [1.0] * 4, 1: [0.0] * 4}


@pytest.mark.parametrize("n", [16, 300_000])
def test_rings_of_batches(n: int) -> None:
    """Ring attention's exchange: all send to the next, and receive from the one before."""

    def body(rank: int, ctx: kb.Context) -> Any:
        x = torch.full((n,), float(rank), device="cuda")
        for _ in range(4):
            y = ctx.zeros(n)
            ops = [
                dist.P2POp(dist.isend, x, (rank + 1) % 4),
                dist.P2POp(dist.irecv, y, (rank - 1) % 4),
            ]
            for work in dist.batch_isend_irecv(ops):
                work.wait()
            x = y
        return x[0].item(), x[-1].item()

    assert ranks(body, 4) == {r: (float(r), float(r)) for r in range(4)}


def test_everyone_to_everyone_in_one_batch() -> None:
    """In any order of the list, and larger than the queues between PEs."""

    def body(rank: int, ctx: kb.Context) -> Any:
        peers = [(rank * 3 + i) % 4 for i in range(4)]
        peers.remove(rank)
        sizes = {peer: 50_000 * (peer + 1) for peer in range(4)}
        outs = {p: torch.full((sizes[p],), float(rank), device="cuda") for p in peers}
        ins = {p: ctx.zeros(sizes[rank]) for p in peers}
        ops = [dist.P2POp(dist.isend, outs[p], p) for p in peers]
        ops += [dist.P2POp(dist.irecv, ins[p], p) for p in sorted(peers)]
        works = dist.batch_isend_irecv(ops)
        assert len(works) == 6
        for work in works:
            work.wait()
        return [int((ins[p] == p).all()) for p in sorted(peers)]

    assert ranks(body, 4) == {r: [1, 1, 1] for r in range(4)}


ORDERS = {
    "all send first": lambda rank: ("send", "recv"),
    "all receive first": lambda rank: ("recv", "send"),
    "each another way": lambda rank: ("send", "recv") if rank % 2 else ("recv", "send"),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [16, 300_000])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [2, 3])
def test_lone_messages_in_any_order(size: int, order: str, n: int, backend: str) -> None:
    """Around a ring of ranks, also larger than the queues between PEs (ADR-0059 D8)."""

    def body(rank: int, ctx: kb.Context) -> Any:
        x, y = torch.full((n,), float(rank), device="cuda"), ctx.zeros(n)
        works: list[Any] = []
        for kind in ORDERS[order](rank):
            if kind == "send":
                works.append(dist.isend(x, (rank + 1) % size))
            else:
                works.append(dist.irecv(y, (rank - 1) % size))
        for work in works[::-1]:
            work.wait()
        return y[0].item(), y[-1].item()

    before = {r: float((r - 1) % size) for r in range(size)}
    assert ranks(body, size, backend=backend) == {r: (b, b) for r, b in before.items()}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_lone_message_is_under_way_while_its_rank_goes_on(backend: str) -> None:
    """It is launched when something else is submitted, or its rank ends; not at its wait."""

    def body(rank: int, ctx: kb.Context) -> Any:
        x, y = torch.full((4,), float(rank), device="cuda"), ctx.zeros(4)
        work = dist.isend(x, 1) if rank == 0 else dist.irecv(y, 0)
        assert work is not None
        for _ in range(40):
            ctx.tensor([1.0])
        done_fs = ctx.now_fs
        work.wait()
        ctx.synchronize()
        return ctx.now_fs - done_fs, y.tolist()

    for waited_fs, _ in ranks(body, 2, backend=backend).values():
        assert waited_fs < 3_000_000 * 1000

    def unwaited(rank: int, ctx: kb.Context) -> None:
        if rank == 0:
            dist.isend(ctx.zeros(4), 1)
        else:
            dist.irecv(ctx.zeros(4), 0)

    ranks(unwaited, 2, backend=backend)


def test_a_lone_message_follows_the_stream_in_which_it_was_issued() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x, y = ctx.zeros(5000), ctx.zeros(5000)
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            x.fill_(3.0)
            work = dist.isend(x, 1) if rank == 0 else dist.irecv(y, 0)
        assert work is not None
        work.wait()
        return y[-1].item()

    assert ranks(body, 2)[1] == 3.0


def _message_around_a_collective(rank: int, ctx: kb.Context) -> Any:
    x, y = torch.full((300_000,), 7.0, device="cuda"), ctx.zeros(300_000)
    total = torch.ones(8, device="cuda")
    if rank == 0:
        work = dist.isend(x, 1)
        dist.all_reduce(total)
    else:
        dist.all_reduce(total)
        work = dist.irecv(y, 0)
    assert work is not None
    work.wait()
    return total[0].item(), y[-1].item()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_message_that_nobody_takes_up_yet_leaves_collectives_a_context(backend: str) -> None:
    """ADR-0059 D10."""
    found = ranks(_message_around_a_collective, 2, backend=backend)
    assert found == {0: (2.0, 0.0), 1: (2.0, 7.0)}


def test_a_collective_that_finds_no_context_says_what_to_do() -> None:
    with pytest.raises(
        kb.DeadlockError,
        match=r"one_shot waits for a free communication context: raise system\.pe\.comm_contexts",
    ):
        ranks(_message_around_a_collective, 2, backend="nccl", comm_contexts=1)


def test_a_message_that_has_not_begun_takes_no_context() -> None:
    """ADR-0059 D11."""
    found = ranks(_message_around_a_collective, 2, backend="gloo", comm_contexts=1)
    assert found == {0: (2.0, 0.0), 1: (2.0, 7.0)}


def test_from_whoever_sends_first_by_the_clock() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        if rank == 0:
            x = ctx.zeros(1)
            return [dist.recv(x) for _ in range(2)]
        for _ in range(10 if rank == 1 else 1):
            ctx.tensor([1.0])
        dist.send(ctx.zeros(1), 0)
        return None

    for backend in BACKENDS:
        assert ranks(body, 3, backend=backend)[0] == [2, 1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_send_that_nobody_receives_is_named(backend: str) -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        if rank == 0:
            dist.send(ctx.zeros(4), 1)

    with pytest.raises(kb.DeadlockError, match=r"rank 0 waits for rank 1 to receive what rank 0"):
        ranks(body, 2, backend=backend)


def test_a_receive_that_nobody_sends_is_named() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        if rank == 0:
            dist.recv(ctx.zeros(4), 1, tag=5)

    with pytest.raises(kb.DeadlockError, match=r"rank 1 to send what rank 0 receives \(tag 5\)"):
        ranks(body, 2)


def _ends_that_differ(what: str, backend: str) -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        if rank == 0:
            dist.send(ctx.zeros(4), 1)
            ctx.synchronize()
        else:
            kind = kb.float16 if what == "dtype" else kb.float32
            x = ctx.zeros(3 if what == "elements" else 4, dtype=kind)
            dist.recv(x, 0, tag=1 if what == "tag" else 0)

    ranks(body, 2, backend=backend)


@pytest.mark.parametrize(
    ("what", "backend"),
    [("elements", "nccl"), ("elements", "gloo"), ("dtype", "gloo"), ("tag", "nccl")],
)
def test_ends_that_differ_are_a_mismatch(what: str, backend: str) -> None:
    with pytest.raises(kb.SpawnException) as caught:
        _ends_that_differ(what, backend)
    assert len(caught.value.errors) == 2
    for _, error, _ in caught.value.errors:
        assert isinstance(error, kb.CollectiveMismatchError)
        assert re.search(r"rank 0 called send\(.*test_messages\.py:\d+", str(error))
        assert re.search(r"rank 1 called recv\(.*test_messages\.py:\d+", str(error))


def test_a_tag_that_nobody_sends_is_named() -> None:
    """With gloo a message is of its tag, and what is of another one hangs, as in torch."""
    with pytest.raises(kb.DeadlockError) as caught:
        _ends_that_differ("tag", "gloo")
    assert "rank 0 waits for rank 1 to receive what rank 0 sends (tag 0)" in str(caught.value)
    assert "rank 1 waits for rank 0 to send what rank 1 receives (tag 1)" in str(caught.value)


@pytest.mark.parametrize("place", ["cuda", "cpu"])
@pytest.mark.parametrize("sent", [0, 3, 6])
def test_gloo_fills_the_front_of_what_is_larger(place: str, sent: int) -> None:
    """As torch's does; nccl's ends have to agree."""

    def body(rank: int, ctx: kb.Context) -> Any:
        if rank == 0:
            dist.send(torch.arange(float(sent), device=place), 1)
            return None
        x = torch.full((2, 3), 9.0, device=place)
        assert dist.recv(x) == 0
        return x.view(-1).tolist()

    found = ranks(body, 2, backend="gloo")
    assert found[1] == [float(i) if i < sent else 9.0 for i in range(6)]
    with pytest.raises(kb.SpawnException, match="differs between its ends"):
        ranks(lambda rank, ctx: _ends(rank, [7, 6]), 2, backend="gloo")
    with pytest.raises(kb.SpawnException, match="differs between its ends"):
        ranks(lambda rank, ctx: _ends(rank, [5, 6]), 2, backend="nccl")


def _ends(rank: int, sizes: list[int]) -> None:
    (dist.recv if rank else dist.send)(torch.zeros(sizes[rank], device="cuda"), 1 - rank)


def test_a_shape_is_not_sent() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        if rank == 0:
            dist.send(torch.arange(6.0, device="cuda").view(2, 3), 1)
            return None
        x = torch.zeros(3, 2, device="cuda")
        dist.recv(x, 0)
        return x.tolist()

    for backend in BACKENDS:
        assert ranks(body, 2, backend=backend)[1] == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]


# --- gloo's messages, which begin when both ends are posted (ADR-0059 D11) ------------------------

# What torch 2.13 does with gloo was asked of processes: what ends here ends there, and what is a
# deadlock here waits there until its timeout.


@pytest.mark.parametrize("place", ["cpu", "cuda"])
@pytest.mark.parametrize("n", [4, 300_000])
def test_tags_are_received_in_any_order(n: int, place: str) -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        sent = [torch.full((n,), float(10 * rank + tag), device=place) for tag in range(4)]
        sends = [dist.isend(x, 1 - rank, tag=tag) for tag, x in enumerate(sent)]
        found = {}
        for tag in (2, 0, 3, 1):
            y = torch.zeros(n, device=place)
            dist.recv(y, 1 - rank, tag=tag)
            found[tag] = y[0].item(), y[-1].item()
        for work in sends:
            assert work is not None
            work.wait()
        return [found[tag][place] for tag in range(4) for place in (0, 1)]

    values = {r: [float(10 * (1 - r) + tag) for tag in range(4) for _ in (0, 1)] for r in (0, 1)}
    assert ranks(body, 2, backend="gloo") == values


@pytest.mark.parametrize("n", [4, 300_000])
def test_messages_to_several_ranks_that_depend_on_each_other(n: int) -> None:
    """Rank 1 receives what rank 0 sends first only behind what it sends second."""

    def body(rank: int, ctx: kb.Context) -> Any:
        one, two = torch.zeros(n, device="cuda"), torch.zeros(n, device="cuda")
        if rank == 0:
            sends = [dist.isend(one + 1.0, 1), dist.isend(two + 2.0, 2)]
            for work in sends:
                assert work is not None
                work.wait()
        elif rank == 2:
            dist.recv(two, 0)
            dist.send(two, 1)
        else:
            dist.recv(two, 2)
            dist.recv(one, 0)
        return one[-1].item(), two[-1].item()

    assert ranks(body, 3, backend="gloo") == {0: (0.0, 0.0), 1: (1.0, 2.0), 2: (0.0, 2.0)}


def _blocking(rank: int, what: str, n: int) -> None:
    x, y = torch.zeros(n, device="cuda"), torch.zeros(n, device="cuda")
    if what == "sends that cross":
        dist.send(x, 1 - rank)
        dist.recv(y, 1 - rank)
    elif what == "receives that cross":
        dist.recv(y, 1 - rank)
        dist.send(x, 1 - rank)
    elif rank == 0:
        dist.send(x, 1, tag=1)
        dist.send(x, 1, tag=2)
    else:
        dist.recv(y, 0 if what == "tags that cross" else None, tag=2)
        dist.recv(y, 0, tag=1)


@pytest.mark.parametrize("n", [4, 300_000])
@pytest.mark.parametrize(
    "what", ["sends that cross", "receives that cross", "tags that cross", "any sender's tags"]
)
def test_what_hangs_in_torch_is_a_deadlock(what: str, n: int) -> None:
    """Gloo's send is over when it is received."""
    with pytest.raises(kb.DeadlockError) as caught:
        ranks(lambda rank, ctx: _blocking(rank, what, n), 2, backend="gloo")
    lines = str(caught.value).splitlines()
    for rank in (0, 1):
        assert any(
            re.match(rf" *rank {rank} waits for .* to (send|receive) what .*test_messages", line)
            for line in lines
        )


def test_any_sender_of_a_tag_and_without_waiting() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        if rank:
            start = torch.zeros(1)
            dist.recv(start, 0)
            dist.send(torch.full((1,), float(rank)), 0, tag=rank)
            return None
        took = torch.zeros(1)
        work = dist.irecv(took, tag=2)
        assert work is not None and not work.is_completed()
        for peer in (1, 2):
            dist.send(torch.zeros(1), peer)
        work.wait()
        other = torch.zeros(1)
        return work.source_rank(), took.item(), dist.recv(other, tag=1), other.item()

    assert ranks(body, 3, backend="gloo")[0] == (2, 2.0, 1, 1.0)


def test_messages_of_two_backends_do_not_meet() -> None:
    """One group's nccl and gloo, between two ranks: what nccl sent first stands in full queues."""

    def body(rank: int, ctx: kb.Context) -> Any:
        n = 200_000
        far, near = torch.ones(n), torch.ones(n, device="cuda") * 2
        if rank == 0:
            dist.isend(near, 1)
            dist.send(far, 1)
            return None
        dist.recv(far.zero_(), 0)
        dist.recv(near.zero_(), 0)
        return far.unique().tolist(), near.unique().tolist()

    assert ranks(body, 2, backend=None)[1] == ([1.0], [2.0])


@pytest.mark.parametrize("size", [2, 3, 4])
def test_messages_around_a_ring_overlap(size: int) -> None:

    def body(rank: int, ctx: kb.Context) -> Any:
        x, y = torch.ones(300_000, device="cuda"), torch.zeros(300_000, device="cuda")
        times = []
        for all_send in (False, True):
            ctx.synchronize()
            dist.barrier()
            begin_fs = ctx.now_fs
            works = [dist.isend(x, (rank + 1) % size)] if all_send or rank == 0 else []
            works += [dist.irecv(y, (rank - 1) % size)] if all_send or rank == 1 else []
            for work in works:
                assert work is not None
                work.wait()
            times.append(ctx.now_fs - begin_fs)
        return times

    one_fs, all_fs = ranks(body, size, backend="gloo")[1]
    assert one_fs < all_fs < 1.25 * one_fs


def test_times_of_messages_do_not_depend_on_the_order_of_resuming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        for _ in range(3 * rank % 4):
            ctx.tensor([1.0])
        x, y = torch.ones(5000, device="cuda"), torch.zeros(5000, device="cuda")
        works = [dist.isend(x, (rank + 1) % 4, tag=1), dist.irecv(y, (rank - 1) % 4, tag=1)]
        for work in works:
            assert work is not None
            work.wait()
        return ctx.now_fs

    there = ranks(body, 4, backend="gloo")
    monkeypatch.setattr(kb.runtime.scheduler, "_index", lambda rank: -rank.index)
    assert ranks(body, 4, backend="gloo") == there


def test_messages_of_any_number_of_tags_leave_nothing_behind() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        for tag in range(20):
            if rank == 0:
                dist.send(torch.zeros(0), 1, tag=tag)
            else:
                dist.recv(torch.zeros(0), 0, tag=tag)
        assert dist.group.WORLD is not None
        shared = dist.group.WORLD._shared
        return len(shared.sends), len(shared.receives)

    assert ranks(body, 2, backend="gloo") == {0: (0, 0), 1: (0, 0)}


def test_what_cannot_be_sent() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        x = ctx.zeros(1)
        with pytest.raises(ValueError, match="Invalid destination rank"):
            dist.send(x, rank)
        with pytest.raises(ValueError, match="Invalid source rank"):
            dist.recv(x, rank)
        with pytest.raises(ValueError, match="Invalid ``op``"):
            dist.P2POp(dist.send, x, 1 - rank)
        with pytest.raises(ValueError, match="not empty"):
            dist.batch_isend_irecv([])
        with pytest.raises(ValueError, match="P2POp"):
            dist.batch_isend_irecv([x])  # type: ignore[list-item]
        with pytest.raises(TypeError, match=r"type torch\.Tensor"):
            dist.send(3, 1 - rank)  # type: ignore[arg-type]

    ranks(body, 2)


# --- objects --------------------------------------------------------------------------------------


def test_messages_that_wait_for_each_other_say_how_to_issue_them() -> None:
    """What is launched between two messages parts them: each goes behind the one before it."""

    def body(rank: int, ctx: Any) -> None:
        into = ctx.empty(4)
        received = dist.irecv(into, (rank - 1) % 3)
        sent = dist.isend(ctx.ones(4) * rank, (rank + 1) % 3)
        received.wait()
        sent.wait()
        into.tolist()

    with pytest.raises(kb.DeadlockError, match=r"rank 0 waits for .*both.*batch_isend_irecv, at"):
        ranks(body)


def test_a_tag_is_a_number() -> None:
    def body(rank: int, ctx: Any) -> None:
        x = ctx.zeros(1)
        with pytest.raises(TypeError, match="send: tag: expected an int, got 'a'"):
            dist.send(x, 1 - rank, tag="a")  # type: ignore[arg-type]
        with pytest.raises(RuntimeError, match="group_dst: expected a rank from 0 to 1, got '1'"):
            dist.send(x, group_dst="1")  # type: ignore[arg-type]

    ranks(body, n=2)


def test_objects() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        everyone: list[Any] = [None] * 3
        dist.all_gather_object(everyone, {"rank": rank})
        assert everyone == [{"rank": r} for r in range(3)]
        gathered: list[Any] | None = [None] * 3 if rank == 1 else None
        dist.gather_object(rank, gathered, dst=1)
        assert gathered == ([0, 1, 2] if rank == 1 else None)
        shared: list[Any] = [rank, str(rank)]
        dist.broadcast_object_list(shared, src=2)
        assert shared == [2, "2"]
        mine: list[Any] = [None]
        dist.scatter_object_list(mine, ["a", "b", "c"] if rank == 0 else None, src=0)
        assert mine == ["abc"[rank]]
        if rank == 0:
            dist.send_object_list([1, 2], 1)
        elif rank == 1:
            taken: list[Any] = [None, None]
            assert dist.recv_object_list(taken, 0) == 0 and taken == [1, 2]
        return ctx.now_fs

    for backend in BACKENDS:
        assert len(ranks(body, 3, backend=backend)) == 3


def test_objects_come_no_earlier_than_they_are_sent() -> None:
    def body(rank: int, ctx: kb.Context) -> int:
        if rank == 0:
            ctx.tensor([1.0] * 1000)
            dist.send_object_list(["x"], 1)
        else:
            dist.recv_object_list([None], 0)
        return ctx.now_fs

    found = ranks(body, 2)
    assert found[0] == found[1] > 0


def test_objects_are_copies() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        mine = [rank]
        everyone: list[Any] = [None] * 2
        dist.all_gather_object(everyone, mine)
        everyone[rank].append("changed")
        return mine, everyone[1 - rank]

    assert ranks(body, 2) == {r: ([r], [1 - r]) for r in range(2)}


@pytest.mark.parametrize("way", ["receive", "send"])
def test_a_message_without_its_other_end_is_told_where_ranks_wait_for_something_else(
    way: str,
) -> None:
    """What stands behind it on the rank's stream waits for ever."""

    def body(rank: int, ctx: kb.Context) -> None:
        x = ctx.zeros(1 << 18)
        if rank == 0:
            (dist.recv if way == "receive" else dist.send)(x, 1)
        total = ctx.zeros(4)
        dist.all_reduce(total)
        total.tolist()

    wanted = {
        "receive": r"\n  rank 1 to send what rank 0 receives \(tag 0\), called at ",
        "send": r"\n  rank 1 to receive what rank 0 sends \(tag 0\), called at ",
    }
    with pytest.raises(kb.DeadlockError, match=wanted[way]):
        ranks(body, 2)


def test_the_other_end_of_a_message_by_both_of_its_names() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        group = dist.new_group([1, 2])
        if rank == 0:
            return None
        x, y, other = ctx.full((2,), float(rank)), ctx.zeros(2), 2 - rank
        ops = [
            dist.P2POp(dist.isend, x, 3 - rank, group),
            dist.P2POp(dist.irecv, y, group=group, group_peer=other),
        ]
        assert [(op.peer, op.group_peer) for op in ops] == [(3 - rank, other)] * 2
        for work in dist.batch_isend_irecv(ops):
            work.wait()
        return y.tolist()

    assert ranks(body) == {0: None, 1: [2.0, 2.0], 2: [1.0, 1.0]}


def test_calls_on_objects_of_a_rank_that_is_no_member() -> None:
    calls: list[Callable[[Any], Any]] = [
        lambda group: dist.all_gather_object([None], 1, group),
        lambda group: dist.gather_object(1, None, 0, group),
        lambda group: dist.broadcast_object_list([1], 0, group),
        lambda group: dist.scatter_object_list([1], [1], 0, group),
        lambda group: dist.send_object_list([1], 0, group),
        lambda group: dist.recv_object_list([1], 0, group),
    ]

    def body(rank: int, ctx: kb.Context) -> Any:
        group = dist.new_group([0])
        if rank == 1:
            for call in calls:
                with pytest.warns(UserWarning, match="_object(_list)? on global rank 1 which does"):
                    call(group)
        else:
            with pytest.raises(ValueError, match="to be a list of size at least 1"):
                dist.scatter_object_list(3, [1], 0, group)

    ranks(body, 2)
