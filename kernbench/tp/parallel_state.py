"""Megatron's ``parallel_state``: which groups this rank is in, and its place in each.

State belongs to the rank of the context that calls, not to the module (ADR-0027 D2): a thousand
ranks in one process, and two contexts side by side, each have their own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from kernbench import distributed as dist
from kernbench.tp import parallel_groups, parallel_ranks, parallel_settings
from kernbench.tp.groups import STATE, Groups, Sizes, build
from kernbench.tp.memory_buffer import GlobalMemoryBuffer
from kernbench.tp.parallel_groups import *  # noqa: F403 - a face: their lists are there
from kernbench.tp.parallel_ranks import *  # noqa: F403
from kernbench.tp.parallel_settings import *  # noqa: F403
from kernbench.tp.rank_generator import RankGenerator

__all__ = [
    "RankGenerator",
    "default_embedding_ranks",
    "default_position_embedding_ranks",
    "destroy_model_parallel",
    "initialize_model_parallel",
    "is_initialized",
    "model_parallel_is_initialized",
]
__all__ += parallel_groups.__all__
__all__ += parallel_ranks.__all__
__all__ += parallel_settings.__all__
__all__.sort()


def default_embedding_ranks(pp_ranks: list[int]) -> list[int]:
    """Return the ranks of a pipeline that hold the word embedding: the first and the last."""
    return pp_ranks[:1] if len(pp_ranks) == 1 else [pp_ranks[0], pp_ranks[-1]]


def default_position_embedding_ranks(pp_ranks: list[int]) -> list[int]:
    """Return the ranks of a pipeline that hold the position embedding: the first."""
    return pp_ranks[:1]


def initialize_model_parallel(
    tensor_model_parallel_size: int = 1,
    pipeline_model_parallel_size: int = 1,
    virtual_pipeline_model_parallel_size: int | None = None,
    pipeline_model_parallel_comm_backend: str | None = None,
    use_sharp: bool = False,
    context_parallel_size: int = 1,
    hierarchical_context_parallel_sizes: list[int] | None = None,
    hybrid_context_parallel: bool = False,
    expert_model_parallel_size: int = 1,
    gtp_remat_size: int = 1,
    expert_gtp_remat_size: int = 1,
    num_distributed_optimizer_instances: int = 1,
    expert_tensor_parallel_size: int | None = None,
    nccl_communicator_config_path: str | None = None,
    distributed_timeout_minutes: int = 30,
    order: str = "tp-cp-ep-dp-pp",
    get_embedding_ranks: Callable[[list[int]], list[int]] | None = None,
    get_position_embedding_ranks: Callable[[list[int]], list[int]] | None = None,
    create_gloo_process_groups: bool = True,
    high_priority_stream_groups: list[str] | None = None,
    sharp_enabled_group: str | None = None,
    rank_offset: int = 0,
    local_world_size: int | None = None,
) -> None:
    """Divide the ranks among tensor, pipeline, context, expert and data parallelism.

    Every rank calls it, with the same arguments.  The data-parallel size is what is left of the
    world.  `use_sharp`, `sharp_enabled_group`, `high_priority_stream_groups`,
    `nccl_communicator_config_path` and `pipeline_model_parallel_comm_backend` mean nothing on this
    machine and are accepted.

    Raises
    ------
    AssertionError
        When ``torch.distributed`` is not initialised, or this is the second call.
    RuntimeError
        When the sizes do not divide the world, or `order` lacks one that is not 1.

    Examples
    --------
    16 ranks, tensors over 2, the pipeline over 4: rank 0 then has tensor group [0, 1], data group
    [0, 2] and pipeline [0, 4, 8, 12].
    """
    for name, wanted in (
        ("gtp_remat_size", gtp_remat_size != 1),
        ("expert_gtp_remat_size", expert_gtp_remat_size != 1),
        ("hybrid_context_parallel", hybrid_context_parallel),
    ):
        if wanted:
            raise NotImplementedError(f"kernbench: initialize_model_parallel({name}=...)")
    assert dist.is_initialized(), (
        "initialize_model_parallel: torch.distributed is not initialized; call "
        "init_process_group first"
    )
    state = STATE.get()
    assert not state.members, "model parallel group is already initialized"
    nested = tuple(hierarchical_context_parallel_sizes or ())
    sizes = Sizes(
        tp=tensor_model_parallel_size,
        pp=pipeline_model_parallel_size,
        cp=context_parallel_size,
        ep=expert_model_parallel_size,
        expt_tp=expert_tensor_parallel_size or tensor_model_parallel_size,
        order=order,
        world=local_world_size or dist.get_world_size(),
        rank_offset=rank_offset,
        optimizer_instances=num_distributed_optimizer_instances,
        hierarchical_cp=nested,
    )
    if virtual_pipeline_model_parallel_size is not None and pipeline_model_parallel_size == 1:
        raise RuntimeError(
            "pipeline-model-parallel size should be greater than 1 with interleaved schedule"
        )
    fresh = Groups(
        virtual_pipeline_size=virtual_pipeline_model_parallel_size,
        virtual_pipeline_rank=None if virtual_pipeline_model_parallel_size is None else 0,
        buffer=GlobalMemoryBuffer(),
    )
    build(
        fresh,
        sizes,
        timeout=timedelta(minutes=distributed_timeout_minutes),
        gloo=create_gloo_process_groups,
        embedding_ranks=get_embedding_ranks or default_embedding_ranks,
        position_embedding_ranks=get_position_embedding_ranks or default_position_embedding_ranks,
    )
    STATE.set(fresh)


def is_initialized() -> bool:
    """Whether this rank's groups are built."""
    return bool(STATE.get().members)


def model_parallel_is_initialized() -> bool:
    """Whether the tensor, pipeline and data parallel groups are built."""
    return {"tp", "pp", "dp"} <= STATE.get().members.keys()


def destroy_model_parallel() -> None:
    """Forget the groups and all that was set by hand."""
    STATE.clear()
