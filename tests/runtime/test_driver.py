"""triton.runtime.driver: what scripts ask before they choose a device and a grid."""

from __future__ import annotations

import pytest
from ranks import machine

import kernbench.torch as torch
from kernbench import triton


def test_the_driver_answers_for_the_current_sip() -> None:
    with machine(2) as ctx:
        active = triton.runtime.driver.active
        assert active.get_active_torch_device() == torch.device("cuda:0")
        active.set_current_device(1)
        assert active.get_current_device() == torch.cuda.current_device() == 1
        assert torch.empty(2, device=active.get_active_torch_device()).device.index == 1
        system = ctx.topology.system
        assert system is not None
        found = active.utils.get_device_properties(1)
        assert found["multiprocessor_count"] == (
            system["cubes_x"] * system["cubes_y"] * system["n_pes"]
        )
        assert found["max_shared_mem"] == system["pe_tcm.capacity_nbytes"]
        target = active.get_current_target()
        assert (target.backend, target.arch, target.warp_size) == ("cuda", 80, 32)
        assert active.get_device_interface() is torch.cuda
        assert active.get_benchmarker() is triton.testing.do_bench
        cache = active.get_empty_cache_for_benchmark()
        before_fs = ctx.now_fs
        active.clear_cache(cache)
        assert cache.numel() == 0 and ctx.now_fs == before_fs


def test_descriptors_need_no_memory_of_an_allocator() -> None:
    triton.set_allocator(lambda size, alignment, stream: None)
    with pytest.raises(TypeError, match="expected a function, got int"):
        triton.set_allocator(3)
