"""What can be set by hand, and the buffers that layers use again."""

from __future__ import annotations

from kernbench.tp.groups import STATE
from kernbench.tp.memory_buffer import GlobalMemoryBuffer

__all__ = [
    "destroy_global_memory_buffer",
    "get_global_memory_buffer",
    "get_virtual_pipeline_model_parallel_rank",
    "get_virtual_pipeline_model_parallel_world_size",
    "set_data_parallel_rank",
    "set_expert_model_parallel_rank",
    "set_expert_model_parallel_world_size",
    "set_expert_tensor_parallel_rank",
    "set_expert_tensor_parallel_world_size",
    "set_pipeline_model_parallel_rank",
    "set_pipeline_model_parallel_world_size",
    "set_tensor_model_parallel_rank",
    "set_tensor_model_parallel_world_size",
    "set_virtual_pipeline_model_parallel_rank",
    "set_virtual_pipeline_model_parallel_world_size",
]


def _override(name: str, value: int | None) -> None:
    overrides = STATE.get().overrides
    if value is None:
        overrides.pop(name, None)
    else:
        overrides[name] = value


def set_tensor_model_parallel_rank(rank: int | None) -> None:
    """Let the getter answer `rank`; None takes that back."""
    _override("tp rank", rank)


def set_tensor_model_parallel_world_size(world_size: int | None) -> None:
    """Let the getter answer `world_size`; None takes that back."""
    _override("tp size", world_size)


def set_pipeline_model_parallel_rank(rank: int | None) -> None:
    """Let the getter answer `rank`; None takes that back."""
    _override("pp rank", rank)


def set_pipeline_model_parallel_world_size(world_size: int | None) -> None:
    """Let the getter answer `world_size`; None takes that back."""
    _override("pp size", world_size)


def set_data_parallel_rank(rank: int | None) -> None:
    """Let the getter answer `rank`; None takes that back."""
    _override("dp rank", rank)


def set_expert_model_parallel_rank(rank: int | None) -> None:
    """Let the getter answer `rank`; None takes that back."""
    _override("ep rank", rank)


def set_expert_model_parallel_world_size(world_size: int | None) -> None:
    """Let the getter answer `world_size`; None takes that back."""
    _override("ep size", world_size)


def set_expert_tensor_parallel_rank(rank: int | None) -> None:
    """Let the getter answer `rank`; None takes that back."""
    _override("expt_tp rank", rank)


def set_expert_tensor_parallel_world_size(world_size: int | None) -> None:
    """Let the getter answer `world_size`; None takes that back."""
    _override("expt_tp size", world_size)


def get_virtual_pipeline_model_parallel_rank() -> int | None:
    """Return the part of an interleaved stage that is at work."""
    return STATE.get().virtual_pipeline_rank


def set_virtual_pipeline_model_parallel_rank(rank: int | None) -> None:
    """Say which part of an interleaved stage is at work."""
    STATE.get().virtual_pipeline_rank = rank


def get_virtual_pipeline_model_parallel_world_size() -> int | None:
    """Return how many parts an interleaved stage has."""
    return STATE.get().virtual_pipeline_size


def set_virtual_pipeline_model_parallel_world_size(world_size: int | None) -> None:
    """Say how many parts an interleaved stage has."""
    STATE.get().virtual_pipeline_size = world_size


def get_global_memory_buffer() -> GlobalMemoryBuffer:
    """Return the buffers that layers reuse from call to call."""
    found = STATE.get().buffer
    assert isinstance(found, GlobalMemoryBuffer), "global memory buffer is not initialized"
    return found


def destroy_global_memory_buffer() -> None:
    """Let go of those buffers."""
    STATE.get().buffer = None
