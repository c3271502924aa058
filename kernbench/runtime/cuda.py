"""What ``torch.cuda`` tells of the simulated machine: its devices are the SIPs of the context.

Without a context there are none, as on a host without GPUs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from kernbench.runtime import streams
from kernbench.runtime.context import Context, current_context
from kernbench.runtime.devices import device as make_device
from kernbench.runtime.generator import default_generator
from kernbench.runtime.rank import current_rank

__all__ = [
    "CAPABILITY",
    "DeviceGuard",
    "DeviceProperties",
    "current_device",
    "device_count",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "get_rng_state_all",
    "initial_seed",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "mem_get_info",
    "memory_allocated",
    "set_device",
    "set_rng_state",
    "set_rng_state_all",
]

CAPABILITY = (8, 0)
"""Scripts choose dtypes and kernels by it; the machine has what they expect of this one."""


@dataclass(frozen=True, slots=True)
class DeviceProperties:
    """What ``torch.cuda.get_device_properties`` tells of a SIP.

    Attributes
    ----------
    name : str
        ``"kernbench SIP"`` and the topology's name.
    major, minor : int
        The capability, :data:`CAPABILITY`.
    total_memory : int
        Bytes of its HBM.
    multi_processor_count : int
        Its PEs.
    shared_memory_per_block, shared_memory_per_multiprocessor : int
        Bytes of a PE's TCM.
    L2_cache_size : int
        Bytes of its SRAM.
    """

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    shared_memory_per_block: int
    shared_memory_per_multiprocessor: int
    L2_cache_size: int
    warp_size: int = 32
    max_threads_per_multi_processor: int = 2048
    max_threads_per_block: int = 1024
    regs_per_multiprocessor: int = 65536
    clock_rate: int = 1_000_000
    is_integrated: int = 0
    is_multi_gpu_board: int = 0
    gcnArchName: str = ""

    @property
    def shared_memory_per_block_optin(self) -> int:
        """Bytes of a PE's TCM."""
        return self.shared_memory_per_block


def _context() -> Context | None:
    context = current_rank().context
    return context if isinstance(context, Context) else None


def device_count() -> int:
    """Return how many SIPs the context has; 0 without one."""
    context = _context()
    if context is None or context.topology.system is None:
        return 0
    return int(context.topology.system["n_sips"])


def is_available() -> bool:
    """Tell whether there is a simulated machine."""
    return device_count() > 0


def _need() -> Context:
    if _context() is None:
        current_context()  # which says what to do
    context = _context()
    assert context is not None
    return context


def current_device() -> int:
    """Return the SIP that plain ``cuda`` means."""
    return _need()._rank().sip


def set_device(device: Any) -> None:
    """Choose the SIP that plain ``cuda`` means from now on; a negative number changes nothing."""
    if isinstance(device, int) and device < 0:
        return
    context = _need()
    context._rank().sip = streams.device_number(context, device)


class DeviceGuard:
    """``with torch.cuda.device(...)``: the current device within.

    Examples
    --------
    >>> import kernbench as kb
    >>> import kernbench.torch as torch
    >>> with kb.Context("default"), torch.cuda.device(1):
    ...     torch.empty(2, device="cuda").device
    device(type='cuda', index=1)
    """

    def __init__(self, device: Any) -> None:
        self.idx = -1 if device is None else streams.device_number(_need(), device)
        self._before: list[int] = []

    def __enter__(self) -> Self:
        self._before.append(current_device())
        set_device(self.idx)
        return self

    def __exit__(self, *error: object) -> None:
        set_device(self._before.pop())


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """Return the capability: (8, 0)."""
    return CAPABILITY


def get_device_name(device: Any = None) -> str:
    """Return the name of a SIP."""
    return get_device_properties(device).name


def get_device_properties(device: Any = None) -> DeviceProperties:
    """Return what there is to know of a SIP."""
    context = _need()
    streams.device_number(context, device)
    system = context.topology.system
    if system is None:
        raise RuntimeError("get_device_properties: expected a topology with a `system:`")
    cubes = int(system["cubes_x"]) * int(system["cubes_y"])
    tcm = int(system["pe_tcm.capacity_nbytes"])
    return DeviceProperties(
        name="kernbench SIP",
        major=CAPABILITY[0],
        minor=CAPABILITY[1],
        total_memory=cubes * int(system["hbm.capacity_nbytes"]),
        multi_processor_count=cubes * int(system["n_pes"]),
        shared_memory_per_block=tcm,
        shared_memory_per_multiprocessor=tcm,
        L2_cache_size=cubes * int(system["sram.capacity_nbytes"]),
    )


def memory_allocated(device: Any = None) -> int:
    """Return the bytes of the tensors that lie in a SIP's memory."""
    context = _context()
    if context is None:
        return 0
    return context._allocated[streams.device_number(context, device)]


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Return the bytes of a SIP's HBM that neither tensors nor rings of messages hold, and all.

    What a tensor that went had is free once no work is under way that may use it.
    """
    context = _need()
    sip = streams.device_number(context, device)
    context._unmap_now(sip)
    return context._engine.free_nbytes(sip), get_device_properties(device).total_memory


# --- random numbers -------------------------------------------------------------------------------


def _generator(device: Any) -> Any:
    return default_generator(make_device("cuda", streams.device_number(_need(), device)))


def manual_seed(seed: int) -> None:
    """Seed the generator of the current SIP."""
    if is_available():
        _generator(None).manual_seed(seed)


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all SIPs."""
    for sip in range(device_count()):
        _generator(sip).manual_seed(seed)


def initial_seed() -> int:
    """Return the seed of the current SIP's generator."""
    return int(_generator(None).initial_seed())


def get_rng_state(device: Any = "cuda") -> Any:
    """Return the state of a SIP's generator."""
    return _generator(device).get_state()


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Let a SIP's generator go on from a state."""
    _generator(device).set_state(new_state)


def get_rng_state_all() -> list[Any]:
    """Return the states of all SIPs' generators."""
    return [get_rng_state(sip) for sip in range(device_count())]


def set_rng_state_all(new_states: list[Any]) -> None:
    """Let all SIPs' generators go on from states."""
    for sip, state in enumerate(new_states):
        set_rng_state(state, sip)
