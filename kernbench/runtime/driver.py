"""``triton.runtime.driver``: what scripts ask Triton's driver; the machine answers."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from kernbench.language import dtypes as tl
from kernbench.runtime import cuda
from kernbench.runtime.devices import device as make_device
from kernbench.runtime.dtypes import as_dtype
from kernbench.runtime.factories import empty_on
from kernbench.runtime.tensor import Tensor
from kernbench.runtime.timing import do_bench

__all__ = ["Driver", "DriverChoice", "DriverUtilities", "GPUTarget", "driver", "set_allocator"]


class GPUTarget(NamedTuple):
    """What a kernel would be compiled for: the machine passes for a GPU of this capability."""

    backend: str
    arch: int
    warp_size: int


class DriverUtilities:
    """``driver.active.utils``."""

    def get_device_properties(self, device: int) -> dict[str, int]:
        """Return the counts that scripts size their grids by, of a SIP and its PEs."""
        found = cuda.get_device_properties(device)
        return {
            "max_shared_mem": found.shared_memory_per_block,
            "max_num_regs": found.regs_per_multiprocessor,
            "multiprocessor_count": found.multi_processor_count,
            "warpSize": found.warp_size,
            "sm_clock_rate": found.clock_rate,
        }


class Driver:
    """``driver.active``."""

    def __init__(self) -> None:
        self.utils = DriverUtilities()

    def get_current_device(self) -> int:
        """Return the number of the current SIP."""
        return cuda.current_device()

    def set_current_device(self, device: int) -> None:
        """Choose the current SIP."""
        cuda.set_device(device)

    def get_active_torch_device(self) -> make_device:
        """Return the device that tensors have to be on."""
        return make_device("cuda", cuda.current_device())

    def get_current_target(self) -> GPUTarget:
        """Return what kernels are compiled for."""
        major, minor = cuda.CAPABILITY
        return GPUTarget("cuda", 10 * major + minor, 32)

    def get_device_interface(self) -> ModuleType:
        """Return ``torch.cuda``."""
        return importlib.import_module("kernbench.torch.cuda")

    def get_benchmarker(self) -> Callable[..., Any]:
        """Return :func:`do_bench`."""
        return do_bench

    def get_empty_cache_for_benchmark(self) -> Tensor:
        """Return a tensor of no elements: the machine has no cache that would need flushing."""
        return empty_on((0,), as_dtype(tl.int8), self.get_active_torch_device())

    def clear_cache(self, cache: Tensor) -> None:
        """Do nothing: see :meth:`get_empty_cache_for_benchmark`."""


class DriverChoice:
    """``triton.runtime.driver``: there is one driver, and it is active.

    Examples
    --------
    >>> import kernbench as kb
    >>> from kernbench import triton
    >>> with kb.Context("small"):
    ...     triton.runtime.driver.active.get_active_torch_device()
    device(type='cuda', index=0)
    """

    def __init__(self) -> None:
        self.active = Driver()


driver = DriverChoice()


def set_allocator(allocator: Callable[[int, int, int | None], Any]) -> None:
    """Take what gives Triton's kernels memory for descriptors; here those need none."""
    if not callable(allocator):
        raise TypeError(f"set_allocator: expected a function, got {type(allocator).__name__}")
