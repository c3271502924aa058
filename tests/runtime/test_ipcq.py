"""Messages between PEs: tl.send, tl.recv, and where a program is (ADR-0023)."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl
from kernbench.runtime import cuda


def machine(**pe: Any) -> kb.Topology:
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "system": {
                "sips": 2,
                "fabric": {"kind": "ring", "GBps": 100, "latency_ns": 150},
                "sip": {"cubes": [2, 2]},
                "cube": {"pes": 2},
                "pe": pe,
            },
        }
    )


@kb.jit
def shift(x_ptr, y_ptr, by, SIZE: tl.constexpr):
    me, n = tl.pe_id("sip"), tl.num_pes("sip")
    base = tl.sip_id() * n
    offs = me * SIZE + tl.arange(0, SIZE)
    tl.send(base + (me + by) % n, tl.load(x_ptr + offs), channel=by)
    got = tl.recv(base + (me + n - by) % n, (SIZE,), x_ptr.dtype.element_ty, channel=by)
    tl.store(y_ptr + offs, got)


@pytest.mark.parametrize("memory", ["tcm", "sram", "hbm"])
@pytest.mark.parametrize("dtype", [kb.float32, kb.float16, kb.int8, kb.int64])
@pytest.mark.parametrize("by", [0, 1, 5])
def test_tiles_arrive_where_they_are_sent(memory: str, dtype: kb.dtype, by: int) -> None:
    values = np.arange(8 * 16) % 50
    with kb.Context(machine(ipcq={"memory": memory})) as ctx:
        for sip in (0, 1):
            x = ctx.tensor(values, dtype=dtype, sip=sip)
            y = ctx.empty(8 * 16, dtype=dtype, sip=sip)
            shift[kb.each_pe](x, y, by, SIZE=16)
            wanted = np.roll(values.reshape(8, 16), by, axis=0).ravel()
            np.testing.assert_array_equal(y.numpy().astype(int), wanted)


@kb.jit
def exchange(x_ptr, y_ptr, direction: tl.constexpr, opposite: tl.constexpr):
    offs = tl.pe_id("sip") * 4 + tl.arange(0, 4)
    tl.send(direction, tl.load(x_ptr + offs))
    tl.store(y_ptr + offs, tl.recv(opposite, (4,), tl.int32))


@pytest.mark.parametrize(
    ("there", "back", "wanted"),
    [
        ("next_pe", "previous_pe", [1, 0, 3, 2, 5, 4, 7, 6]),
        ("next_sip", "previous_sip", list(range(8))),
    ],
)
def test_directions_go_round(there: str, back: str, wanted: list[int]) -> None:
    with kb.Context(machine()) as ctx:
        outs = []
        for sip in (0, 1):
            x = ctx.tensor(np.repeat(np.arange(8, dtype=np.int32), 4) + 100 * sip, sip=sip)
            outs.append(ctx.empty(32, dtype=kb.int32, sip=sip))
            exchange[kb.each_pe](x, outs[-1], there, back)
        for sip in (0, 1):
            from_sip = 1 - sip if there == "next_sip" else sip
            got = outs[sip].numpy().reshape(8, 4)[:, 0].tolist()
            assert got == [100 * from_sip + pe for pe in wanted]


@kb.jit
def to_the_east(y_ptr):
    if tl.cube_id("sip") % 2 == 0:
        tl.send("east", tl.full((2,), tl.pe_id(), tl.int32))
    else:
        tl.store(y_ptr + tl.pe_id("sip") * 2 + tl.arange(0, 2), tl.recv("west", 2, tl.int32))


def test_cubes_have_neighbours_up_to_the_edge() -> None:
    with kb.Context(machine()) as ctx:
        y = ctx.zeros(16, dtype=kb.int32)
        to_the_east[kb.each_pe](y)
        assert y.numpy()[::2].tolist() == [0, 0, 0, 1, 0, 0, 4, 5]


@kb.jit
def over_the_edge():
    tl.send("north", 1)


def test_a_direction_without_a_neighbour() -> None:
    with kb.Context(machine()) as ctx:
        over_the_edge[kb.each_pe]()
        with pytest.raises(ValueError, match=r"over_the_edge:2: .*expected a cube to the north"):
            ctx.synchronize()


@kb.jit
def places(y_ptr):
    at = y_ptr + tl.pe_id("sip") * 16
    tl.store(at, tl.pe_id())
    tl.store(at + 1, tl.pe_id("cube"))
    tl.store(at + 2, tl.cube_id())
    tl.store(at + 3, tl.cube_id("sip"))
    tl.store(at + 4, tl.sip_id())
    tl.store(at + 5, tl.num_pes())
    tl.store(at + 6, tl.num_pes("sip"))
    tl.store(at + 7, tl.num_pes("cube"))
    tl.store(at + 8, tl.num_cubes())
    tl.store(at + 9, tl.num_cubes("sip"))
    tl.store(at + 10, tl.num_sips())


def test_programs_know_their_place() -> None:
    with kb.Context(machine()) as ctx:
        y = ctx.zeros((8, 16), dtype=kb.int32, sip=1)
        places[kb.each_pe](y)
        for pe, row in enumerate(y.tolist()):
            assert row[:11] == [8 + pe, pe % 2, 4 + pe // 2, pe // 2, 1, 16, 8, 2, 8, 4, 2]


def test_a_number_is_a_tile_of_no_dimensions() -> None:
    @kb.jit
    def kernel(y_ptr):
        tl.send(tl.pe_id(), 7.5)
        tl.store(y_ptr + tl.pe_id(), tl.recv(tl.pe_id(), (), tl.float32) * 2)

    with kb.Context("small") as ctx:
        y = ctx.empty(2)
        kernel[kb.each_pe](y)
        assert y.tolist() == [15.0, 15.0]


def test_messages_of_a_ring_keep_program_order() -> None:
    """Also where the second tile is there before the first."""

    @kb.jit
    def kernel(x_ptr, y_ptr):
        late = tl.load(x_ptr + tl.arange(0, 64))
        if tl.pe_id() == 0:
            tl.send(1, tl.exp(tl.log(late)) * 0 + 1)
            tl.send(1, tl.full((64,), 2.0, tl.float32))
        else:
            first = tl.recv(0, 64, tl.float32)
            second = tl.recv(0, 64, tl.float32)
            tl.store(y_ptr + tl.arange(0, 64), first * 10 + second)

    with kb.Context("small") as ctx:
        y = ctx.empty(64)
        kernel[kb.each_pe](ctx.tensor(np.full(64, 3.0, np.float32)), y)
        assert y.tolist() == [12.0] * 64


def test_in_both_fabric_modes_alike() -> None:
    hashes = set()
    for mode in ("train", "flit"):
        description = {
            "kernbench": 1,
            "fabric": {"mode": mode},
            "system": {"sips": 1, "sip": {"cubes": [2, 2]}, "cube": {"pes": 2}},
        }
        with kb.Context(kb.Topology.from_dict(description)) as ctx:
            x = ctx.tensor(np.arange(8 * 256, dtype=np.float32))
            shift[kb.each_pe](x, ctx.empty(8 * 256), 3, SIZE=256)
            ctx.synchronize()
            hashes.add(ctx.oplog.hash)
    assert len(hashes) == 1


# --- misuse ---------------------------------------------------------------------------------------


@kb.jit
def misuse(src, n_sent, n_received, channel, SENT: tl.constexpr, RECEIVED: tl.constexpr):
    if tl.pe_id() == 0:
        for _ in range(n_sent):
            tl.send(1, tl.full((SENT,), 1.0, tl.float32), channel=channel)
    if tl.pe_id() == 1:
        for _ in range(n_received):
            got = tl.recv(src, (RECEIVED,), tl.float32, channel=channel)
            tl.device_assert(tl.sum(got) > 0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 1, 0, 0, 8192, 1), ValueError, r"misuse:4: send: PE 0 and PE 1, .*16384.*32768"),
        ((0, 0, 1, 0, 1, 8192), ValueError, r"misuse:7: recv: PE 1 and PE 0, .*16384.*32768"),
        (
            (0, 1, 1, 0, 8, 16),
            ValueError,
            r"misuse:7: recv of PE 1 .*64 bytes.*32.*PE 0 .*misuse:4",
        ),
        (
            (7, 0, 1, 0, 8, 8),
            ValueError,
            r"misuse:7: recv: PE [01]: expected the other PE from 0 to 1, got 7",
        ),
        (
            (-1, 0, 1, 0, 8, 8),
            ValueError,
            r"misuse:7: recv: PE [01]: expected the other PE from 0 to 1, got -1",
        ),
        (
            (0, 1, 0, 4096, 8, 8),
            ValueError,
            r"misuse:4: send: PE [01]: expected a channel from 0 to 4095",
        ),
        ((0, 0, 1, -1, 8, 8), ValueError, r"misuse:7: recv: PE [01]: expected a channel .*got -1"),
    ],
)
def test_misuse_of_a_ring(arguments: tuple[int, ...], error: type[Exception], message: str) -> None:
    with kb.Context("small") as ctx:
        misuse[kb.each_pe](*arguments[:4], *arguments[4:])
        with pytest.raises(error, match=message):
            ctx.synchronize()
        ctx.reset()
        misuse[kb.each_pe](0, 3, 3, 0, 8, 8)
        ctx.synchronize()


def says_that_it_failed(ctx: kb.Context, why: str) -> bool:
    """After a deadlock the context says so, its log can be read, and reset revives it."""
    records = len(ctx.oplog)
    with pytest.raises(kb.KernbenchError, match=rf"Context has failed.*reset.*{why}"):
        misuse[kb.each_pe](0, 1, 1, 0, 8, 8)
    assert len(ctx.oplog.end_fs) == records
    ctx.reset()
    misuse[kb.each_pe](0, 1, 1, 0, 8, 8)
    ctx.synchronize()
    return True


def test_a_recv_that_nobody_answers() -> None:
    with kb.Context("small") as ctx:
        misuse[kb.each_pe](0, 1, 2, 5, 8, 8)
        with pytest.raises(kb.DeadlockError) as caught:
            ctx.synchronize()
        text = str(caught.value)
        assert "sip0.cube0.pe1.ipcq: misuse:7: recv from PE 0 (sip0.cube0.pe0), channel 5" in text
        assert re.search(r"since \d+ fs \(nothing was sent\)", text)
        assert says_that_it_failed(ctx, "recv from PE 0")


def test_a_send_into_a_full_ring_for_ever() -> None:
    with kb.Context("small") as ctx:
        misuse[kb.each_pe](0, 17, 0, 0, 8, 8)
        with pytest.raises(kb.DeadlockError) as caught:
            ctx.synchronize()
        text = str(caught.value)
        assert "sip0.cube0.pe0.ipcq: misuse:4: send to PE 1 (sip0.cube0.pe1), channel 0" in text
        assert re.search(r"since \d+ fs \(its ring is full\)", text)
        assert says_that_it_failed(ctx, "send to PE 1")


def test_messages_that_nobody_received_are_told_when_the_context_closes() -> None:
    ctx = kb.Context("small")
    with ctx:
        misuse[kb.each_pe](0, 3, 1, 3, 8, 8)
        ctx.synchronize()
        with pytest.warns(UserWarning, match=r"rings .*: misuse:4: 2 of PE 0 .* to PE 1 .*nnel 3$"):
            ctx.reset()
        misuse[kb.each_pe](0, 1, 0, 0, 8, 8)
        ctx.synchronize()
        with pytest.warns(UserWarning, match="that nobody received lie in their rings") as told:
            ctx.close()
        assert told[0].filename == __file__


def test_messages_of_one_launch_may_be_received_by_the_next() -> None:
    with warnings.catch_warnings(action="error"), kb.Context("small") as ctx:
        misuse[kb.each_pe](0, 3, 0, 0, 8, 8)
        ctx.synchronize()
        misuse[kb.each_pe](0, 0, 3, 0, 8, 8)
        ctx.synchronize()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tl.send('up', 1)", r"expected dst to be a PE's number or one of east.*got 'up'"),
        ("tl.recv('eastt', 4, tl.int8)", r"did you mean 'east'\?"),
        ("tl.send(1.5, 1)", r"expected an integer for dst"),
        ("tl.recv(0, 3, tl.int8)", r"powers of 2"),
        ("tl.pe_id('planet')", r"expected scope one of machine, sip, cube, got 'planet'"),
    ],
)
def test_refused_by_the_compiler(tmp_path: Any, line: str, message: str) -> None:
    imports = "import kernbench as kb\nimport kernbench.language as tl\n\n"
    source = f"{imports}@kb.jit\ndef k():\n    {line}\n"
    path = tmp_path / "refused.py"
    path.write_text(source)
    names: dict[str, Any] = {}
    exec(compile(source, path, "exec"), names)
    with pytest.raises(kb.CompilationError, match=message):
        names["k"].compile()


@pytest.mark.parametrize("key", ["depth", "slot", "channels"])
def test_zero_of_anything(key: str) -> None:
    with pytest.raises(kb.TopologyError, match=rf"pe\.ipcq\.{key}: expected .*from 1"):
        machine(ipcq={key: 0})


def test_a_ring_that_does_not_fit_its_memory() -> None:
    with pytest.raises(kb.TopologyError, match=r"pe\.ipcq\.slot: expected depth \(16\) slots"):
        machine(ipcq={"memory": "sram", "slot": 1 << 20})


@pytest.mark.parametrize(
    ("memory", "place", "room"),
    [("sram", kb.Local("cube0.sram"), 8 << 20), ("hbm", kb.Local(0), 8 << 30)],
)
def test_rings_take_room_from_tensors(memory: str, place: Any, room: int) -> None:
    """ADR-0023 D2: 16 slots of 16 KiB for each of the eight PEs that receive."""
    ring = 16 * 16384
    config = {"memory": memory}
    with kb.Context(machine(ipcq=config)) as ctx:
        x = ctx.tensor(np.arange(128), dtype=kb.int32, placement=kb.Local(1))
        shift[kb.each_pe](x, ctx.empty(128, dtype=kb.int32, placement=kb.Local(1)), 1, SIZE=16)
        ctx.synchronize()
        in_place = 2 if memory == "sram" else 1
        assert ctx.counters["ring_nbytes"] == 8 * ring
        free, total = cuda.mem_get_info()
        assert total - free == 4096 + (8 * ring if memory == "hbm" else 0)
        with pytest.raises(kb.OutOfMemoryError, match=r"got \d+ of \d+ bytes free"):
            ctx.empty(room - in_place * ring + 1, dtype=kb.int8, placement=place)
        assert ctx.empty(room - in_place * ring, dtype=kb.int8, placement=place).numel() > 0


def test_a_ring_for_which_tensors_leave_no_room() -> None:
    """The error names the ring, its memory and the line that asked for it."""
    with kb.Context(machine(ipcq={"memory": "sram"})) as ctx:
        x = ctx.tensor(np.arange(128), dtype=kb.int32)
        full = ctx.empty((8 << 20) - 4096, dtype=kb.int8, placement=kb.Local("cube1.sram"))
        shift[kb.each_pe](x, ctx.empty(128, dtype=kb.int32), 1, SIZE=16)
        with pytest.raises(kb.OutOfMemoryError) as caught:
            ctx.synchronize()
        said = str(caught.value)
        assert "IPCQ ring from PE 1 to PE 2, channel 1, of pe.ipcq.depth * pe.ipcq.slot" in said
        assert "in sip0.cube1.sram: expected room for 262144 bytes" in said
        assert "got 4096 of 8388608 bytes free" in said
        assert full.numel() > 0


# --- the communication context --------------------------------------------------------------------


@kb.jit
def wait_for_a_message(y_ptr):
    tl.store(y_ptr, tl.recv(tl.num_pes() - 1 - tl.pe_id(), (), tl.int32))


@kb.jit
def answer():
    tl.send(tl.num_pes() - 1 - tl.pe_id(), 3)


def launch(ctx: kb.Context, kernel: Any, *args: Any, comm: bool, stream: int) -> Any:
    compiled = kernel.compile(*args)
    request = tl.Launch(compiled, args, kb.each_pe, kernel)
    return ctx._launch(request, comm=comm, stream=stream)


def test_a_collective_that_waits_keeps_no_kernel_out() -> None:
    one = kb.Topology.preset("small", overrides={"system.pe.comm_contexts": 1})
    with kb.Context(one) as ctx:
        y = ctx.zeros(1, dtype=kb.int32)
        waiting = launch(ctx, wait_for_a_message, y, comm=True, stream=1)
        x = ctx.empty(64)
        kernel = launch(ctx, fill, x, comm=False, stream=0)
        ctx.wait(kernel)
        assert not waiting._info()[0]  # a poll would say that nothing can move
        launch(ctx, answer, comm=True, stream=2)
        with pytest.raises(kb.DeadlockError):  # behind the one that waits for it
            ctx.synchronize()


@kb.jit
def fill(x_ptr):
    tl.store(x_ptr + tl.arange(0, 64), tl.full((64,), 1.0, tl.float32))


def test_collectives_and_kernels_share_no_ring() -> None:
    with kb.Context("small") as ctx:
        y = ctx.zeros(1, dtype=kb.int32)
        launch(ctx, wait_for_a_message, y, comm=True, stream=1)
        launch(ctx, answer, comm=False, stream=0)
        with pytest.raises(kb.DeadlockError, match="nothing was sent"):
            ctx.synchronize()


def test_two_communication_contexts() -> None:
    topology = kb.Topology.from_dict(
        {
            "kernbench": 1,
            "system": {
                "sips": 1,
                "sip": {"cubes": [1, 1]},
                "cube": {"pes": 2},
                "pe": {"comm_contexts": 2},
            },
        }
    )
    with kb.Context(topology) as ctx:
        y = ctx.zeros(1, dtype=kb.int32)
        launch(ctx, wait_for_a_message, y, comm=True, stream=1)
        launch(ctx, answer, comm=True, stream=2)
        ctx.synchronize()
        assert y.item() == 3
