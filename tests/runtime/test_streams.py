"""Streams and events (ADR-0049 D8): order on the device, and its clock."""

from __future__ import annotations

import pytest
from ranks import add_some, machine

import kernbench as kb
from kernbench.runtime import streams


def test_streams_overlap_and_each_runs_in_order() -> None:
    with machine(1) as ctx:
        x, y = ctx.zeros(128), ctx.zeros(128)
        side = streams.Stream()
        alone = add_some[(1,)](x, 400, BLOCK=128).latency_fs
        first = add_some[(1,)](x, 400, BLOCK=128)
        with streams.stream(side):
            beside = add_some[(1,)](y, 400, BLOCK=128)
        behind = add_some[(1,)](x, 1, BLOCK=128)
        assert beside.target_fs < first.end_fs
        assert beside.latency_fs < 3 * alone
        assert behind.target_fs > first.end_fs - alone // 10
        assert streams.current_stream() == streams.default_stream() != side


def test_a_stream_waits_for_an_event_of_another() -> None:
    with machine(1) as ctx:
        x = ctx.zeros(128)
        side = streams.Stream()
        event = streams.Event(enable_timing=True)
        slow = add_some[(1,)](x, 2000, BLOCK=128)
        event.record()
        side.wait_event(event)
        with side:
            follows = add_some[(1,)](x, 1, BLOCK=128)
        with streams.Stream():
            ctx.tensor([1.0])
        assert ctx.now_fs < slow.end_fs
        assert follows.target_fs > event.stamp_fs > slow.target_fs
        assert event.stamp_fs < slow.end_fs  # stamped at IO_CPU, before the host hears of it
        assert x.tolist() == [2001.0] * 128


def test_wait_stream_and_more_events_than_a_turn_names() -> None:
    with machine(1) as ctx:
        x = ctx.zeros(128)
        sides = [streams.Stream() for _ in range(20)]
        ends = []
        for side in sides:
            with side:
                ends.append(add_some[(1,)](ctx.zeros(128), 300, BLOCK=128))
        for side in sides:
            streams.current_stream().wait_stream(side)
        last = add_some[(1,)](x, 1, BLOCK=128)
        ctx.wait(last)
        assert last.target_fs > max(h.target_fs for h in ends)
        stamped = max(h._info()[2] for h in ends)
        assert last.end_fs > stamped and all(h._info()[0] for h in ends)


def test_events_read_simulated_time() -> None:
    with machine(1) as ctx:
        x = ctx.zeros(128)
        begin, end = (streams.Event(enable_timing=True) for _ in range(2))
        assert begin.query()
        begin.record()
        h = add_some[(1,)](x, 500, BLOCK=128)
        end.record()
        assert not end.query()
        end.synchronize()
        assert end.query()
        between = begin.elapsed_time(end) * 1e12
        assert h.end_fs - h.target_fs < between < h.end_fs - begin.stamp_fs


def test_events_that_cannot_be_read() -> None:
    with machine(1):
        timed, plain = streams.Event(enable_timing=True), streams.Event()
        with pytest.raises(RuntimeError, match="Both events must be recorded"):
            timed.elapsed_time(streams.Event(enable_timing=True))
        with pytest.raises(RuntimeError, match="enable_timing=True"):
            timed.elapsed_time(plain)
        with pytest.raises(RuntimeError, match="must be recorded"):
            _ = timed.stamp_fs
        timed.wait()
        timed.synchronize()
        with pytest.raises(RuntimeError, match="invalid device ordinal"):
            streams.Stream(device=3)
        with pytest.raises(ValueError, match="Expected a cuda device"):
            streams.Stream(device="cpu")


def test_streams_of_other_sips_are_waited_for_by_the_host() -> None:
    with machine(2) as ctx:
        x = ctx.zeros(128, sip=1)
        there, event = streams.Stream(device="cuda:1"), streams.Event()
        with streams.stream(there):
            h = add_some[(1,)](x, 700, BLOCK=128)
            event.record()
            assert streams.current_stream().device_index == 1
        streams.current_stream(0).wait_event(event)
        assert "under way" not in repr(h) and ctx.now_fs >= h.end_fs > 0


def test_the_current_stream_is_a_rank_s_own() -> None:
    seen = {}

    def work(rank: int, queue: object) -> None:
        ctx = kb.current_context()
        if rank == 0:
            streams.set_stream(streams.Stream())
        queue.put(0)  # type: ignore[attr-defined]
        seen[rank] = streams.current_stream().stream_id
        x = ctx.zeros(128)
        add_some[(1,)](x, 3, BLOCK=128)
        assert x.tolist()[0] == 3.0
        streams.synchronize()
        assert streams.current_stream().query()

    with machine(2) as ctx:
        ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.Queue(),), nprocs=2)
    assert seen == {0: 1, 1: 0}


def test_a_host_read_waits_for_the_last_writer_in_another_stream() -> None:
    """ADR-0027 D0.5."""
    with machine(1) as ctx:
        x = ctx.zeros(128)
        with streams.Stream():
            add_some[(1,)](x, 900, BLOCK=128)
        assert x.tolist() == [900.0] * 128


def test_a_host_read_does_not_wait_for_what_it_does_not_need() -> None:
    """ADR-0027 D0.5: not for other streams."""
    with machine(1) as ctx:
        x, y = ctx.zeros(128), ctx.tensor([1.0])
        with streams.Stream():
            slow = add_some[(1,)](x, 90000, BLOCK=128)
        assert y.tolist() == [1.0]
        assert ctx.now_fs < slow.end_fs


def test_a_copy_that_does_not_block_overlaps() -> None:
    import kernbench.torch as torch

    with machine(1) as ctx:
        x, y = ctx.zeros(1 << 16), ctx.zeros(128)
        source = torch.ones(1 << 16)
        side, arrived = streams.Stream(), streams.Event(enable_timing=True)
        h = add_some[(1,)](y, 900, BLOCK=128)
        before = ctx.now_fs
        with side:
            x.copy_(source, non_blocking=True)
            arrived.record()
        assert ctx.now_fs == before + 2 * ctx._call_fs
        assert arrived.stamp_fs < h.end_fs
        assert x.sum().item() == 1 << 16


def test_a_read_waits_for_a_copy_that_does_not_block() -> None:
    import kernbench.torch as torch

    with machine(1) as ctx:
        with streams.Stream():
            x = torch.full((1 << 16,), 2.0).to("cuda", non_blocking=True)
        assert x[:2].tolist() == [2.0, 2.0]
        copied = ctx.oplog.columns["end_fs"][0]
        assert ctx.now_fs > copied


def test_memory_of_a_copy_under_way_is_not_given_away() -> None:
    import kernbench.torch as torch

    with machine(1) as ctx:
        first = torch.ones(1 << 14).to("cuda", non_blocking=True)
        place = first.data_ptr()
        del first
        assert ctx.zeros(1 << 14).data_ptr() != place
        ctx.synchronize()
        ctx.zeros(1)
        assert ctx.zeros(1 << 14).data_ptr() == place
