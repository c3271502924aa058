"""Groups begin and end: init_process_group, new_group, and their errors (ADR-0059)."""

from __future__ import annotations

import gc
import inspect
import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from machines import machine, ranks

import kernbench as kb
import kernbench.torch as torch
from kernbench import distributed as dist


def test_ranks_meet_at_the_latest_clock() -> None:
    clocks = {}

    def work(rank: int) -> None:
        ctx = kb.current_context()
        for _ in range(rank):
            ctx.tensor([1.0])
        before = ctx.now_fs
        dist.init_process_group("gloo", rank=rank, world_size=3)
        clocks[rank] = (before, ctx.now_fs, dist.get_rank(), dist.get_world_size())

    with machine() as ctx:
        ctx.multiprocessing.spawn(work, nprocs=3)
    latest = max(before for before, *_ in clocks.values())
    assert {after for _, after, *_ in clocks.values()} == {latest}
    assert [clocks[r][2:] for r in range(3)] == [(r, 3) for r in range(3)]


def test_the_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    with machine(1) as ctx:
        for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(ValueError, match="environment variable RANK expected, but not set"):
            dist.init_process_group("gloo")
        monkeypatch.setenv("RANK", "0")
        with pytest.raises(ValueError, match="environment variable WORLD_SIZE expected"):
            dist.init_process_group("gloo")
        monkeypatch.setenv("WORLD_SIZE", "1")
        monkeypatch.setenv("MASTER_ADDR", "localhost")
        with pytest.raises(ValueError, match="MASTER_PORT"):
            dist.init_process_group("gloo")
        monkeypatch.setenv("MASTER_PORT", "1234")
        dist.init_process_group("gloo")
        assert dist.get_world_size() == 1 and ctx.distributed is dist
        dist.destroy_process_group()
        dist.init_process_group("gloo", init_method="tcp://x:1?rank=0&world_size=1")
        dist.destroy_process_group()


def test_before_and_after_there_is_no_group() -> None:
    calls = [dist.get_rank, dist.get_world_size, dist.barrier, dist.get_backend]
    with machine(1):
        for call in calls:
            with pytest.raises(ValueError, match="Default process group has not been initialized"):
                call()
        assert not dist.is_initialized() and dist.group.WORLD is None
        dist.init_process_group("nccl", "tcp://localhost:1", rank=0, world_size=1)
        assert dist.is_initialized() and dist.group.WORLD is dist.GroupMember.WORLD is not None
        with pytest.raises(ValueError, match="initialize the default process group twice!"):
            dist.init_process_group("nccl", rank=0, world_size=1)
        dist.destroy_process_group()
        assert not dist.is_initialized()
        with pytest.raises(ValueError, match="has not been initialized"):
            dist.all_reduce(kb.current_context().zeros(1))


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"backend": "foo"}, ValueError, "unknown"),
        ({"backend": "mpi"}, ValueError, "not modelled"),
        ({"init_method": "http://x"}, RuntimeError, "No rendezvous handler for http"),
        ({"init_method": "tcp://x:1"}, ValueError, "rank parameter missing"),
        (
            {"init_method": "tcp://x:1", "rank": 3, "world_size": 2},
            ValueError,
            "expected a rank below 2",
        ),
        ({"store": 1, "init_method": "env://"}, AssertionError, "both init_method and store"),
        ({"timeout": 30}, TypeError, r"of type datetime\.timedelta, got 30"),
    ],
)
def test_arguments_that_do_not_fit(words: Any, error: Any, message: str) -> None:
    with machine(1), pytest.raises(error, match=message):
        dist.init_process_group(**words)


def test_signatures_are_torch_s() -> None:
    wanted = {
        "init_process_group": "backend init_method timeout world_size rank store group_name "
        "pg_options device_id _ranks",
        "new_group": "ranks timeout backend pg_options use_local_synchronization group_desc "
        "device_id sort_ranks",
        "all_reduce": "tensor op group async_op",
        "broadcast": "tensor src group async_op group_src",
        "reduce": "tensor dst op group async_op group_dst",
        "all_gather": "tensor_list tensor group async_op",
        "all_gather_into_tensor": "output_tensor input_tensor group async_op",
        "reduce_scatter": "output input_list op group async_op",
        "reduce_scatter_tensor": "output input op group async_op",
        "gather": "tensor gather_list dst group async_op group_dst",
        "scatter": "tensor scatter_list src group async_op group_src",
        "all_to_all": "output_tensor_list input_tensor_list group async_op",
        "all_to_all_single": "output input output_split_sizes input_split_sizes group async_op",
        "send": "tensor dst group tag group_dst",
        "recv": "tensor src group tag group_src",
        "isend": "tensor dst group tag group_dst",
        "irecv": "tensor src group tag group_src",
        "barrier": "group async_op device_ids timeout",
    }
    for name, words in wanted.items():
        assert list(inspect.signature(getattr(dist, name)).parameters) == words.split(), name


def test_a_world_that_is_larger_than_the_ranks_is_a_deadlock() -> None:
    def work(rank: int) -> None:
        dist.init_process_group("nccl", rank=rank, world_size=3)

    with (
        machine() as ctx,
        pytest.raises(
            kb.DeadlockError, match=r"init_process_group.*of 3 ranks, rank 2 has not entered"
        ),
    ):
        ctx.multiprocessing.spawn(work, nprocs=2)


def test_two_of_one_rank_are_refused() -> None:
    def work(rank: int) -> None:
        dist.init_process_group("nccl", rank=0, world_size=2)

    with machine() as ctx, pytest.raises(kb.SpawnException, match="rank 0 is taken"):
        ctx.multiprocessing.spawn(work, nprocs=2)


def test_groups_of_some_ranks() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        odd, even = dist.new_group([3, 1]), dist.new_group([0, 2])
        mine, other = (odd, even) if rank % 2 else (even, odd)
        assert other == dist.GroupMember.NON_GROUP_MEMBER == -100
        assert dist.get_rank(other) == dist.get_world_size(other) == -1
        assert dist.get_backend(mine) == "nccl" and mine.size() == 2
        with pytest.warns(UserWarning, match="does not belong to the given group"):
            assert dist.all_reduce(ctx.zeros(1), group=other) is None
        own, every = dist.new_subgroups_by_enumeration([[0, 1], [2, 3]])
        assert len(every) == 2 and dist.get_process_group_ranks(own) == [rank & 2, (rank & 2) + 1]
        pairs, _ = dist.new_subgroups(2)
        assert dist.get_process_group_ranks(pairs) == dist.get_process_group_ranks(own)
        assert dist.get_global_rank(mine, 1) == (3 if rank % 2 else 2)
        assert dist.get_group_rank(mine, rank) == mine.rank() == rank // 2
        x = ctx.tensor([float(rank)])
        dist.all_reduce(x, group=mine)
        dist.all_reduce(x, group=own)
        return x.tolist()

    assert ranks(body, 4) == {r: [6.0] for r in range(4)}


@pytest.mark.parametrize(
    ("chosen", "message"), [([0, 9], "within the world_size"), ([1, 1], "once"), ([], "at least")]
)
def test_groups_that_cannot_be(chosen: list[int], message: str) -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        with pytest.raises(ValueError, match=message):
            dist.new_group(chosen)

    ranks(body, 2)


def test_a_group_that_some_make_is_a_deadlock_that_names_the_others() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        if rank != 1:
            dist.new_group([0, 2])

    with pytest.raises(kb.DeadlockError, match=r"new_group.*of 3 ranks, rank 1 has not entered"):
        ranks(body, 3)


def test_groups_that_differ_are_a_mismatch() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        dist.new_group([0, 2 - (rank == 1)])

    with pytest.raises(kb.SpawnException) as caught:
        ranks(body, 3)
    assert all(isinstance(e, kb.CollectiveMismatchError) for _, e, _ in caught.value.errors)


def test_two_spawns_in_one_context_and_one_after_a_failure() -> None:
    def work(rank: int, fail: bool) -> None:
        if fail and rank == 1:
            raise ValueError("never enters")
        dist.init_process_group("nccl")
        x = kb.current_context().tensor([1.0])
        dist.all_reduce(x)
        assert x.tolist() == [2.0]

    with machine(2) as ctx:
        ctx.multiprocessing.spawn(work, args=(False,), nprocs=2)
        with pytest.raises(kb.SpawnException, match="never enters"):
            ctx.multiprocessing.spawn(work, args=(True,), nprocs=2)
        ctx.multiprocessing.spawn(work, args=(False,), nprocs=2)


def test_what_spawns_leave_behind_is_their_launches() -> None:
    """Groups have streams of their own; neither those nor their rounds outlive the ranks."""

    def work(rank: int) -> None:
        dist.init_process_group("nccl")
        dist.all_reduce(kb.current_context().zeros(64))
        dist.destroy_process_group()

    with machine(2, oplog="hash") as ctx:
        ctx.multiprocessing.spawn(work, nprocs=2)
        gc.collect()
        before = Counter(type(each).__name__ for each in gc.get_objects())
        n_launches = len(ctx.launches)
        for _ in range(10):
            ctx.multiprocessing.spawn(work, nprocs=2)
        gc.collect()
        after = Counter(type(each).__name__ for each in gc.get_objects())
        more = {kind: count for kind, count in (after - before).items() if count >= 10}
        assert more == {"Launch": len(ctx.launches) - n_launches}


@pytest.mark.parametrize("how", ["raises", "is missing"])
def test_what_ended_ranks_have_left_is_no_other_ranks_business(how: str) -> None:
    """What they sent lies in the rings, and their kernels wait: new ranks would take it up."""

    def work(rank: int, value: float, fail: bool) -> None:
        dist.init_process_group("nccl")
        x = kb.current_context().tensor([value])
        if fail and rank == 2:
            if how == "raises":
                raise ValueError("never enters")
            return
        dist.all_reduce(x)
        assert x.tolist() == [3 * value]

    with machine() as ctx:
        spawn = ctx.multiprocessing.spawn
        with pytest.raises((kb.SpawnException, kb.DeadlockError), match=r"never enters|rank 2 has"):
            spawn(work, args=(100.0, True), nprocs=3)
        with pytest.raises(Exception, match=r"(?s)(at rest|failed).*reset\(\)"):
            spawn(work, args=(1.0, False), nprocs=3)
        ctx.reset()
        spawn(work, args=(1.0, False), nprocs=3)


def test_stores() -> None:
    def work(rank: int) -> None:
        store = dist.TCPStore("localhost", 1, 2, rank == 0)
        if rank == 0:
            kb.current_context().tensor([1.0])
            store.set("key", "value")
        assert store.get("key") == b"value" and store.add("n", 1) in (1, 2)
        below = dist.PrefixStore("p", store)
        below.set("x", b"1")
        assert below.check(["x"]) and store.check(["p/x"]) and not store.check(["x"])
        dist.init_process_group("gloo", store=store, rank=rank, world_size=2)

    with machine(2) as ctx:
        ctx.multiprocessing.spawn(work, nprocs=2)


@pytest.mark.parametrize("prefix", ["", "p"])
def test_what_a_store_does(prefix: str) -> None:
    """What torch's HashStore and its PrefixStore gave for the same calls."""
    with machine(1):
        store: dist.Store = dist.HashStore()
        if prefix:
            store.set("of another", "1")
            store = dist.PrefixStore("q", dist.PrefixStore(prefix, store))
        store.append("a", "x"), store.append("a", "y")
        assert store.get("a") == b"xy"
        store.multi_set(["k1", "k2"], ["v1", b"v2"])
        assert store.multi_get(["k1", "k2"]) == [b"v1", b"v2"]
        assert sorted(store.list_keys()) == ["a", "k1", "k2"]
        assert store.num_keys() == (4 if prefix else 3) and store.has_extended_api()
        assert [store.check(["k1", "z"]), store.delete_key("k1"), store.delete_key("k1")] == [
            False,
            True,
            False,
        ]
        swaps = [("c", "", "new"), ("c", "bad", "newer"), ("c", "new", "last"), ("d", "x", "y")]
        assert [store.compare_set(*swap) for swap in swaps] == [b"new", b"new", b"last", b"x"]
        assert (store.add("n", 3), store.add("n", -1), store.get("n")) == (3, 2, b"2")
        with pytest.raises(TypeError, match="str or bytes, got 3"):
            store.set("k", 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("prefix", ["", "p"])
def test_queues_and_barriers_of_a_store(prefix: str) -> None:
    """What torch's HashStore gave for the same calls."""
    with machine(1):
        whole: dist.Store = dist.HashStore()
        store = dist.PrefixStore(prefix, whole) if prefix else whole
        store.queue_push("q", "a"), store.queue_push("q", b"b")
        assert store.queue_len("q") == 2 and store.queue_pop("q") == b"a"
        assert store.check(["q"]) and store.queue_pop("q", False) == b"b"
        assert not store.check(["q"]) and store.queue_len("q") == store.queue_len("none") == 0
        with pytest.raises(dist.QueueEmptyError, match="queue is empty"):
            store.queue_pop("q", block=False)
        store.set_timeout(timedelta(milliseconds=3))
        with pytest.raises(dist.DistStoreError, match=r"keys: /(p/)?q$"):
            store.queue_pop("q")
        store.queue_push("q", "c")
        assert store.num_keys() == 0 and store.list_keys() == [] and not store.delete_key("q")
        store.wait(["q"])
        assert store.queue_len("q") == 1
        store.barrier("b", 1), store.barrier("b", 1)
        with pytest.raises(dist.DistStoreError, match="c/last_member"):
            store.barrier("c", 2, timedelta(milliseconds=1))
        assert sorted(store.list_keys()) == ["b/last_member", "b/num_members", "c/num_members"]
        other = store.clone()
        assert type(other) is type(store) and other.timeout == timedelta(milliseconds=3)
        other.set("x", "1")
        assert store.get("x") == b"1" and other.queue_pop("q") == b"c"
        assert whole.check(["p/x" if prefix else "x"])


def test_a_value_is_no_item_of_the_queue_of_its_name() -> None:
    with machine(1):
        store = dist.HashStore()
        store.set("a", "1")
        with pytest.raises(dist.QueueEmptyError, match="queue is empty"):
            store.queue_pop("a", block=False)
        with pytest.raises(kb.DeadlockError, match="the key 'a' of a Store"):
            store.queue_pop("a")
        store.queue_push("a", "2")
        assert (store.queue_pop("a"), store.get("a")) == (b"2", b"1")


def test_a_queue_is_an_empty_value_to_a_tcp_store_alone() -> None:
    """What torch's two stores give."""
    with machine(1):
        short = timedelta(milliseconds=3)
        over_tcp = dist.TCPStore("localhost", 7, 1, True, short)
        in_memory = dist.HashStore()
        in_memory.set_timeout(short)
        for store in (over_tcp, in_memory):
            store.queue_push("q", "item")
            store.wait(["q"])
        assert over_tcp.get("q") == b""
        for get in (in_memory.get, lambda key: in_memory.multi_get([key])):
            with pytest.raises(dist.DistStoreError, match="keys: /q"):
                get("q")


def test_keys_are_text_and_amounts_are_numbers() -> None:
    with machine(1):
        for store in (dist.HashStore(), dist.PrefixStore("p", dist.HashStore())):
            with pytest.raises(TypeError, match="expected a key of type str, got 3"):
                store.set(3, "x")  # type: ignore[arg-type]
            with pytest.raises(TypeError, match="expected an amount of type int, got 'x'"):
                store.add("n", "x")  # type: ignore[arg-type]


def test_a_queue_of_a_store_waits_for_other_ranks() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        store = dist.TCPStore("localhost", 7, 3, rank == 0, timedelta(seconds=1))
        if rank == 0:
            ctx.tensor([1.0] * 100)
            for i in range(2):
                store.queue_push("jobs", str(i))
        store.barrier("all", 3)
        return store.queue_pop("jobs") if rank else ctx.now_fs, store.timeout

    found = ranks(body, 3)
    assert [found[r][0] for r in (1, 2)] == [b"0", b"1"]
    assert {found[r][1] for r in range(3)} == {timedelta(seconds=1)}


def test_the_backend_of_each_device() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        own = dist.new_group([0], backend="nccl")
        if rank == 0:
            assert dist.get_backend_config(own) == "cuda:nccl"
        else:
            with pytest.raises(ValueError, match="Invalid process group"):
                dist.get_backend_config(own)
        return dist.get_backend_config()

    for backend, config in [
        ("gloo", "cpu:gloo,cuda:gloo"),
        ("cpu:gloo,cuda:gloo", "cpu:gloo,cuda:gloo"),
        (None, "cpu:gloo,cuda:nccl"),
    ]:
        assert ranks(body, 2, backend=backend) == {0: config, 1: config}


def test_debug_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_DISTRIBUTED_DEBUG", "info")

    def body(rank: int, ctx: kb.Context) -> Any:
        assert dist.get_debug_level() is dist.DebugLevel.INFO
        if rank:
            dist.set_debug_level(dist.DebugLevel.DETAIL)
        return str(dist.get_debug_level())

    assert ranks(body, 2) == {0: "DebugLevel.INFO", 1: "DebugLevel.DETAIL"}
    with machine(1):
        dist.set_debug_level_from_env()
        with pytest.raises(TypeError, match=r"a torch\.distributed\.DebugLevel, got 'INFO'"):
            dist.set_debug_level("INFO")  # type: ignore[arg-type]
        monkeypatch.setenv("TORCH_DISTRIBUTED_DEBUG", "much")
        with pytest.raises(ValueError, match="must be OFF, INFO, or DETAIL; got 'much'"):
            dist.set_debug_level_from_env()


@pytest.mark.parametrize("name_all", [False, True])
def test_a_monitored_barrier_names_who_has_not_come(name_all: bool) -> None:
    """The group's rank 0 waits so long in simulated time; then the group is of no more use."""
    limit = timedelta(milliseconds=2)

    def body(rank: int, ctx: kb.Context) -> Any:
        dist.monitored_barrier(timeout=limit)
        if rank in (1, 2):
            ctx._rank().clock_fs += 3 * 10**12  # later than rank 0 waits
        before_fs = ctx.now_fs
        with pytest.raises(RuntimeError) as caught:
            dist.monitored_barrier(timeout=limit, wait_all_ranks=name_all)
        with pytest.raises(kb.CollectiveMismatchError):
            dist.barrier()
        return str(caught.value), ctx.now_fs - before_fs

    found = ranks(body, 4, backend="gloo")
    who = "Ranks 1, 2" if name_all else "Rank 1"
    for text, _ in found.values():
        assert text.startswith(
            f"[Rank 0]: {who} failed to pass monitoredBarrier in 2 ms, called at "
        )
        assert "test_groups.py:" in text
    assert found[0][1] == found[3][1] == 2 * 10**12 and found[1][1] == 0


def test_monitored_barriers_without_and_with_odd_timeouts() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        with pytest.raises(TypeError, match=r"datetime\.timedelta, got 3"):
            dist.monitored_barrier(timeout=3)
        with pytest.warns(UserWarning, match="assuming it represents seconds"):
            dist.monitored_barrier(timeout=1.5)
        dist.monitored_barrier()
        if rank == 1:
            dist.monitored_barrier()

    with pytest.raises(kb.DeadlockError, match="monitored_barrier, call 4 of the default group"):
        ranks(body, 2, backend="gloo")


def test_a_group_whose_mismatch_was_caught_can_be_destroyed() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        with pytest.raises(kb.CollectiveMismatchError):
            (dist.monitored_barrier if rank == 1 else dist.barrier)()

    ranks(body, 3, backend="gloo")


def test_ranks_of_a_group_in_the_order_given() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        group = dist.new_group([2, 0, 1], sort_ranks=False)
        parts = [torch.zeros(1, device="cuda") for _ in range(3)]
        dist.all_gather(parts, torch.full((1,), float(rank), device="cuda"), group=group)
        return dist.get_rank(group), torch.cat(parts).tolist()

    found = ranks(body, 3)
    assert found == {rank: ((rank + 1) % 3, [2.0, 0.0, 1.0]) for rank in range(3)}


def test_a_store_waits_no_longer_than_it_is_told() -> None:
    """In simulated time; what never comes without a limit is a deadlock."""
    with machine(1) as ctx:
        store = dist.HashStore()
        before_fs = ctx.now_fs
        with pytest.raises(dist.DistStoreError, match="keys: /p/never"):
            dist.PrefixStore("p", store).wait(["never"], timedelta(milliseconds=2))
        assert ctx.now_fs - before_fs == 2 * 10**12
        store.set_timeout(timedelta(seconds=1))
        with pytest.raises(dist.DistError, match="timeout after 0:00:01"):
            store.get("never")
        with pytest.raises(kb.DeadlockError, match="the key 'never' of a Store"):
            dist.HashStore().get("never")


def test_where_ranks_meet_can_be_asked_for() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        store = dist.distributed_c10d._get_default_store()
        store.set(f"of {rank}", "x")
        dist.barrier()
        ((met, place, size),) = dist.rendezvous("env://")
        assert dist.distributed_c10d._get_default_group() is dist.group.WORLD
        counts = dist.get_pg_count(), dist.get_node_local_rank()
        return met.get(f"of {1 - rank}"), place, size, *counts

    assert ranks(body, 2) == {r: (b"x", r, 2, 1, r) for r in range(2)}


def test_local_rank_has_to_come_from_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert dist.get_node_local_rank(fallback_rank=3) == 3
    with pytest.raises(RuntimeError, match="LOCAL_RANK is not in the environment"):
        dist.get_node_local_rank()


def test_a_rank_uses_another_rank_s_sip_while_that_waits_in_a_collective() -> None:
    """As two processes on one device: neither waits for the other's work."""

    def body(rank: int, ctx: kb.Context) -> Any:
        x = torch.ones(4, device="cuda")
        found = None
        if rank == 0:
            dist.all_reduce(x)
            x *= 2  # behind the collective, in the default stream
        else:
            here = torch.cuda.default_stream("cuda:0")
            assert here == torch.cuda.current_stream("cuda:0") != torch.cuda.default_stream()
            found = (x.to("cuda:0") + 1).tolist()
            dist.all_reduce(x)
        return x.tolist(), found

    assert ranks(body, 2) == {0: ([4.0] * 4, None), 1: ([2.0] * 4, [2.0] * 4)}


def test_what_one_rank_hands_to_another_is_as_it_left_it() -> None:
    """Though their streams on that SIP are two."""
    found = {}

    def work(rank: int, there: Any, back: Any) -> None:
        if rank == 0:
            x = torch.zeros(1 << 16, device="cuda")
            for _ in range(8):  # which the machine is behind with
                x += 1
            there.put(x)
            found[rank] = (back.get() * 2).tolist()
        else:
            x = there.get()
            x *= 3
            back.put(x)

    with machine(2) as ctx:
        queues = ctx.multiprocessing.Queue(), ctx.multiprocessing.Queue()
        ctx.multiprocessing.spawn(work, args=queues, nprocs=2)
    assert found == {0: [48.0] * (1 << 16)}


def test_a_rank_that_has_ended_is_told_from_one_that_is_late() -> None:
    def work(rank: int) -> None:
        dist.init_process_group("nccl")
        if rank == 1:
            os._exit(0)  # not even what it has entered is awaited
        dist.barrier()

    wanted = "of 3 ranks, rank 1 has not entered; rank 1 has ended"
    with machine() as ctx, pytest.raises(kb.DeadlockError, match=wanted):
        ctx.multiprocessing.spawn(work, nprocs=3)


def test_more_ranks_than_run_are_waited_for_in_vain() -> None:
    def work(rank: int) -> None:
        dist.init_process_group("nccl", "tcp://localhost:29500", world_size=4, rank=rank)

    wanted = "of 4 ranks, rank 3 has not entered; 3 run"
    with machine() as ctx, pytest.raises(kb.DeadlockError, match=wanted):
        ctx.multiprocessing.spawn(work, nprocs=3)


def test_a_thread_of_a_rank_is_not_a_rank() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        with ThreadPoolExecutor(1) as threads:
            return str(threads.submit(dist.get_rank).exception())

    wanted = r"torch.distributed: ThreadPool\S+ is a thread of no rank; .*async_op"
    assert all(re.match(wanted, text) for text in ranks(body, 2).values())


def test_two_groups_of_the_same_ranks_are_told_apart() -> None:
    """Entered in another order on each rank, they wait for each other: the message says which."""

    def work(rank: int) -> None:
        dist.init_process_group("gloo")
        groups = [dist.new_group([0, 1]) for _ in range(2)]
        for group in groups if rank else groups[::-1]:
            dist.all_reduce(kb.current_context().zeros(4), group=group)

    with machine(2) as ctx, pytest.raises(kb.DeadlockError) as caught:
        ctx.multiprocessing.spawn(work, nprocs=2)
    assert "call 1 of group [0, 1], number 2 of these ranks (" in str(caught.value)
    assert "call 1 of group [0, 1] (" in str(caught.value)


def test_a_rank_that_is_no_member_destroys_nothing() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        pair = dist.new_group([0, 2])
        dist.destroy_process_group(pair)
        return dist.get_pg_count()

    assert ranks(body) == {0: 1, 1: 1, 2: 1}


def test_what_a_group_is_for_stands_in_errors_beside_its_ranks() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        group = dist.new_group([0, 2], group_desc="tensor parallel")
        plain = dist.new_group([0, 1, 2])
        assert (dist.group.WORLD.group_desc, plain.group_desc) == ("default_pg", "undefined")
        if rank != 1:
            assert group.group_desc == "tensor parallel"
            dist.all_reduce(ctx.zeros(1 + rank), group=group)
        return None

    with pytest.raises(kb.SpawnException, match=r"call 1 of group tensor parallel \[0, 2\] \(2 ra"):
        ranks(body)
