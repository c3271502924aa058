"""The cuda face: devices, properties, memory, generators, events with simulated time."""

from __future__ import annotations

import pytest

import kernbench as kb
import kernbench.torch as torch


def test_what_scripts_ask(ctx: kb.Context) -> None:
    assert torch.cuda.is_available() and torch.cuda.get_device_capability() == (8, 0)
    properties = torch.cuda.get_device_properties(0)
    system = ctx.topology.system
    assert (
        properties.multi_processor_count == system["n_pes"] * system["cubes_x"] * system["cubes_y"]
    )
    assert properties.total_memory > 0 and properties.warp_size == 32
    assert torch.cuda.get_device_name() == properties.name == "kernbench SIP"
    assert torch.accelerator.current_accelerator().type == "cuda"
    assert torch.cuda.is_bf16_supported() and torch.version.hip is None


def test_devices_are_sips() -> None:
    with kb.Context("default"):
        assert torch.cuda.device_count() == 2 and torch.cuda.current_device() == 0
        x = torch.ones(4, device="cuda:1")
        assert x.device == torch.device("cuda", 1) and x.get_device() == 1
        with torch.cuda.device(1):
            assert torch.empty(1, device="cuda").device.index == 1
        assert torch.empty(1, device="cuda").device.index == 0
        torch.cuda.set_device(1)
        assert torch.cuda.current_device() == 1 and torch.ones(1).cuda().device.index == 1
        assert (x + 1).sum().item() == 8
        assert x.to("cuda:0").device.index == 0 and x.to("cuda:0").tolist() == [1.0] * 4
        with pytest.raises(RuntimeError, match="invalid device ordinal"):
            torch.cuda.set_device(7)
        with torch.device("cuda:1"):
            assert torch.zeros(2).device.index == 1
        assert torch.zeros(2).device.type == "cpu"


def test_memory_is_counted(ctx: kb.Context) -> None:
    assert torch.cuda.memory_allocated() == 0
    x = torch.ones(1000, device="cuda")
    assert torch.cuda.memory_allocated() == 4000
    del x
    ctx.synchronize()  # work under way keeps its tensors
    assert torch.cuda.memory_allocated() == 0


def test_what_is_free_is_what_hbm_has_left(ctx: kb.Context) -> None:
    free, total = torch.cuda.mem_get_info()
    assert free == total == torch.cuda.get_device_properties(0).total_memory
    x = torch.ones(1000, device="cuda")
    in_sram = ctx.empty(1000, placement=kb.Local("cube0.sram"))
    assert torch.cuda.mem_get_info()[0] == total - 4096  # a granule
    del x, in_sram
    ctx.synchronize()
    assert torch.cuda.mem_get_info() == (total, total)


def test_events_read_simulated_time(ctx: kb.Context) -> None:
    x = torch.randn(256, 256, device="cuda")
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    y = x @ x
    end.record()
    torch.cuda.synchronize()
    launch = ctx.launches[-1]
    assert y.shape == (256, 256)
    assert 0 < begin.elapsed_time(end) * 1e12 < 2 * launch.latency_fs


def test_generators_of_devices_are_their_own(ctx: kb.Context) -> None:
    """Differs from torch: a device draws by the CPU's rules, from a generator of its own."""
    torch.manual_seed(5)
    host = torch.randn(40)
    machine = torch.randn(40, device="cuda")
    assert torch.equal(host, machine.cpu())
    torch.cuda.manual_seed(6)
    assert not torch.equal(torch.rand(3, device="cuda").cpu(), host[:3])
    state = torch.cuda.get_rng_state()
    first = torch.rand(3, device="cuda")
    torch.cuda.set_rng_state(state)
    assert torch.equal(torch.rand(3, device="cuda"), first)


def test_a_bench_has_the_names_on_its_context(ctx: kb.Context) -> None:
    x = ctx.randn(3, 4)
    assert x.is_cuda and ctx.arange(3).is_cuda and ctx.ones(2).sum().item() == 2
    assert ctx.float16 == kb.float16 and ctx.cuda.is_available()
    assert ctx.nn.functional.relu(x).min().item() >= 0
    with pytest.raises(AttributeError, match="float31"):
        _ = ctx.float31


def test_dtypes_are_the_languages_too() -> None:
    assert torch.float16 == kb.float16 and kb.float16 == torch.float16
    assert {torch.float32: 1}[kb.float32] == 1 and torch.float32 != kb.float16
    assert str(torch.zeros(1).dtype) == "torch.float32"
