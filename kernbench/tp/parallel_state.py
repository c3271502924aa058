"""Megatron's ``parallel_state``: which groups this rank is in, and its place in each.

State belongs to the rank of the context that calls, not to the module (ADR-0027 D2): a thousand
ranks in one process, and two contexts side by side, each have their own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from kernbench import distributed as dist
from kernbench.tp.groups import STATE, Groups, Sizes, build
from kernbench.tp.memory_buffer import GlobalMemoryBuffer
from kernbench.tp.rank_generator import RankGenerator

__all__ = [
    "RankGenerator",
    "default_embedding_ranks",
    "default_position_embedding_ranks",
    "destroy_global_memory_buffer",
    "destroy_model_parallel",
    "get_all_ranks",
    "get_context_parallel_global_ranks",
    "get_context_parallel_group",
    "get_context_parallel_rank",
    "get_context_parallel_world_size",
    "get_data_parallel_group",
    "get_data_parallel_group_gloo",
    "get_data_parallel_rank",
    "get_data_parallel_src_rank",
    "get_data_parallel_world_size",
    "get_embedding_group",
    "get_expert_data_parallel_group",
    "get_expert_data_parallel_group_gloo",
    "get_expert_data_parallel_rank",
    "get_expert_data_parallel_world_size",
    "get_expert_model_parallel_group",
    "get_expert_model_parallel_rank",
    "get_expert_model_parallel_ranks",
    "get_expert_model_parallel_world_size",
    "get_expert_tensor_and_model_parallel_group",
    "get_expert_tensor_and_model_parallel_rank",
    "get_expert_tensor_and_model_parallel_world_size",
    "get_expert_tensor_model_pipeline_parallel_group",
    "get_expert_tensor_parallel_group",
    "get_expert_tensor_parallel_rank",
    "get_expert_tensor_parallel_world_size",
    "get_global_memory_buffer",
    "get_hierarchical_context_parallel_groups",
    "get_inter_distributed_optimizer_instance_group",
    "get_intra_distributed_optimizer_instance_group",
    "get_model_parallel_group",
    "get_model_parallel_src_rank",
    "get_pipeline_model_parallel_first_rank",
    "get_pipeline_model_parallel_group",
    "get_pipeline_model_parallel_last_rank",
    "get_pipeline_model_parallel_next_rank",
    "get_pipeline_model_parallel_prev_rank",
    "get_pipeline_model_parallel_rank",
    "get_pipeline_model_parallel_world_size",
    "get_position_embedding_group",
    "get_tensor_and_context_parallel_group",
    "get_tensor_and_context_parallel_rank",
    "get_tensor_and_context_parallel_world_size",
    "get_tensor_and_data_parallel_group",
    "get_tensor_model_parallel_group",
    "get_tensor_model_parallel_rank",
    "get_tensor_model_parallel_src_rank",
    "get_tensor_model_parallel_world_size",
    "get_virtual_pipeline_model_parallel_rank",
    "get_virtual_pipeline_model_parallel_world_size",
    "initialize_model_parallel",
    "is_initialized",
    "is_pipeline_first_stage",
    "is_pipeline_last_stage",
    "is_rank_in_embedding_group",
    "is_rank_in_position_embedding_group",
    "model_parallel_is_initialized",
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

# --- making and unmaking --------------------------------------------------------------------------


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


# --- groups ---------------------------------------------------------------------------------------


def _group(name: str, title: str, check_initialized: bool = True) -> Any:
    found = STATE.get().groups.get(name)
    assert found is not None or not check_initialized, f"{title} is not initialized"
    return found


def get_model_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group of all ranks that share one copy of the model."""
    return _group("mp", "model parallel group", check_initialized)


def get_tensor_model_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over which tensors are split."""
    return _group("tp", "tensor model parallel group", check_initialized)


def get_pipeline_model_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group whose ranks hold the stages of one pipeline."""
    return _group("pp", "pipeline_model parallel group", check_initialized)


def get_data_parallel_group(
    with_context_parallel: bool = False,
    with_gtp_remat: bool = True,
    partial_data_parallel: bool = False,
) -> Any:
    """Return the group of ranks that hold the same part of the model."""
    if partial_data_parallel:
        assert with_context_parallel, "Partial DP for Optimizer needs to include CP"
        return _group("intra_dp_cp", "Intra partial data parallel group")
    name = "dp_cp" if with_context_parallel else "dp"
    return _group(name, "data parallel group")


def get_data_parallel_group_gloo(
    with_context_parallel: bool = False, partial_data_parallel: bool = False
) -> Any:
    """Return the data parallel group for host tensors."""
    name = "dp_cp_gloo" if with_context_parallel else "dp_gloo"
    return _group(name, "data parallel group-gloo")


def get_context_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over which sequences are split."""
    return _group("cp", "context parallel group", check_initialized)


def get_hierarchical_context_parallel_groups(check_initialized: bool = True) -> list[Any]:
    """Return the groups of nested context parallelism, innermost first."""
    found = STATE.get().hierarchical_cp
    assert found or not check_initialized, (
        "hierarchical context parallel groups are not initialized"
    )
    return found


def get_embedding_group(check_initialized: bool = True) -> Any:
    """Return the group of stages that hold the word embedding."""
    return _group("embd", "embedding group", check_initialized)


def get_position_embedding_group(check_initialized: bool = True) -> Any:
    """Return the group of stages that hold the position embedding."""
    return _group("pos_embd", "position embedding group", check_initialized)


def get_tensor_and_data_parallel_group(
    check_initialized: bool = True, with_context_parallel: bool = False
) -> Any:
    """Return the group over tensor and data (and context) parallelism."""
    name = "tp_dp_cp" if with_context_parallel else "tp_dp"
    return _group(name, "tensor and data parallel group", check_initialized)


def get_tensor_and_context_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over tensor and context parallelism."""
    return _group("tp_cp", "tensor and context parallel group", check_initialized)


def get_expert_model_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over which experts are spread."""
    return _group("ep", "expert model parallel group", check_initialized)


def get_expert_tensor_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over which an expert's tensors are split."""
    return _group("expt_tp", "Expert tensor parallel group", check_initialized)


def get_expert_tensor_and_model_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over expert tensor and expert parallelism."""
    return _group("tp_ep", "Expert tensor and model parallel group", check_initialized)


def get_expert_tensor_model_pipeline_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over expert tensor, expert and pipeline parallelism."""
    return _group("tp_ep_pp", "Expert tensor-model-pipeline parallel group", check_initialized)


def get_expert_data_parallel_group(
    check_initialized: bool = True, partial_expert_data_parallel: bool = False
) -> Any:
    """Return the group of ranks that hold the same part of the same experts."""
    name = "intra_expt_dp" if partial_expert_data_parallel else "expt_dp"
    return _group(name, "Expert data parallel group", check_initialized)


def get_expert_data_parallel_group_gloo(partial_expert_data_parallel: bool = False) -> Any:
    """Return the expert data parallel group for host tensors."""
    return _group("expt_dp_gloo", "Expert data parallel group-gloo")


def get_intra_distributed_optimizer_instance_group(check_initialized: bool = True) -> Any:
    """Return the group of one copy of the distributed optimizer."""
    return _group("intra_dp_cp", "Intra distributed optimizer instance group", check_initialized)


def get_inter_distributed_optimizer_instance_group(check_initialized: bool = True) -> Any:
    """Return the group of equal places in the copies of the distributed optimizer."""
    return _group("inter_dp_cp", "Inter distributed optimizer instance group", check_initialized)


# --- places and sizes -----------------------------------------------------------------------------


def _rank(name: str) -> int:
    chosen = STATE.get().overrides.get(f"{name} rank")
    return dist.get_rank(_group(name, f"group {name!r}")) if chosen is None else chosen


def _size(name: str) -> int:
    chosen = STATE.get().overrides.get(f"{name} size")
    return dist.get_world_size(_group(name, f"group {name!r}")) if chosen is None else chosen


def _expert(place: Callable[[str], int], name: str, what: str) -> int:
    """Return a rank or size of experts' groups; 0 before initialisation, as Megatron has it."""
    state = STATE.get()
    known = state.members or f"{name} {what}" in state.overrides
    return place(name) if known else 0


def get_tensor_model_parallel_rank() -> int:
    """Return this rank's place in the tensor group."""
    return _rank("tp")


def get_tensor_model_parallel_world_size() -> int:
    """Return the size of the tensor group."""
    return _size("tp")


def get_pipeline_model_parallel_rank() -> int:
    """Return this rank's stage."""
    return _rank("pp")


def get_pipeline_model_parallel_world_size() -> int:
    """Return the number of stages."""
    return _size("pp")


def get_context_parallel_rank() -> int:
    """Return this rank's place in the context group."""
    return _rank("cp")


def get_context_parallel_world_size() -> int:
    """Return the size of the context group."""
    return _size("cp")


def get_tensor_and_context_parallel_rank() -> int:
    """Return this rank's place over tensor and context parallelism."""
    return _rank("tp_cp")


def get_tensor_and_context_parallel_world_size() -> int:
    """Return the size over tensor and context parallelism."""
    return _size("tp_cp")


def get_data_parallel_rank(
    with_context_parallel: bool = False, partial_data_parallel: bool = False
) -> int:
    """Return this rank's place in the data group."""
    chosen = STATE.get().overrides.get("dp rank")
    if chosen is not None:
        return chosen
    return dist.get_rank(
        get_data_parallel_group(with_context_parallel, partial_data_parallel=partial_data_parallel)
    )


def get_data_parallel_world_size(
    with_context_parallel: bool = False, partial_data_parallel: bool = False
) -> int:
    """Return the size of the data group."""
    return dist.get_world_size(
        get_data_parallel_group(with_context_parallel, partial_data_parallel=partial_data_parallel)
    )


def get_expert_model_parallel_rank() -> int:
    """Return this rank's place among those that share the experts; 0 before initialisation."""
    return _expert(_rank, "ep", "rank")


def get_expert_model_parallel_world_size() -> int:
    """Return how many ranks share the experts; 0 before initialisation."""
    return _expert(_size, "ep", "size")


def get_expert_tensor_parallel_rank() -> int:
    """Return this rank's place in the expert tensor group; 0 before initialisation."""
    return _expert(_rank, "expt_tp", "rank")


def get_expert_tensor_parallel_world_size() -> int:
    """Return the size of the expert tensor group; 0 before initialisation."""
    return _expert(_size, "expt_tp", "size")


def get_expert_tensor_and_model_parallel_rank() -> int:
    """Return this rank's place over expert tensor and expert parallelism."""
    return _expert(_rank, "tp_ep", "rank")


def get_expert_tensor_and_model_parallel_world_size() -> int:
    """Return the size over expert tensor and expert parallelism."""
    return _expert(_size, "tp_ep", "size")


def get_expert_data_parallel_rank(partial_expert_data_parallel: bool = False) -> int:
    """Return this rank's place in the expert data group."""
    return _rank("intra_expt_dp" if partial_expert_data_parallel else "expt_dp")


def get_expert_data_parallel_world_size(partial_expert_data_parallel: bool = False) -> int:
    """Return the size of the expert data group."""
    return _size("intra_expt_dp" if partial_expert_data_parallel else "expt_dp")


# --- neighbours -----------------------------------------------------------------------------------


def _members(name: str, title: str) -> list[int]:
    found = STATE.get().members.get(name)
    assert found is not None, f"{title} is not initialized"
    return found


def get_tensor_model_parallel_src_rank() -> int:
    """Return the global rank of the first member of the tensor group."""
    return _members("tp", "Tensor model parallel group")[0]


def get_model_parallel_src_rank() -> int:
    """Return the global rank of the first member of the model group."""
    return _members("mp", "Model parallel group")[0]


def get_data_parallel_src_rank(with_context_parallel: bool = False) -> int:
    """Return the global rank of the first member of the data group."""
    return _members("dp_cp" if with_context_parallel else "dp", "Data parallel group")[0]


def get_expert_model_parallel_ranks() -> list[int]:
    """Return the global ranks that share the experts."""
    return _members("ep", "Expert model parallel group")


def get_context_parallel_global_ranks(check_initialized: bool = True) -> list[int] | None:
    """Return the global ranks of the context group."""
    if not check_initialized:
        return STATE.get().members.get("cp")
    return _members("cp", "Context parallel group")


def get_pipeline_model_parallel_first_rank() -> int:
    """Return the global rank of the first stage."""
    return _members("pp", "Pipeline parallel group")[0]


def get_pipeline_model_parallel_last_rank() -> int:
    """Return the global rank of the last stage."""
    return _members("pp", "Pipeline parallel group")[get_pipeline_model_parallel_world_size() - 1]


def get_pipeline_model_parallel_next_rank() -> int:
    """Return the global rank of the stage behind this one; behind the last comes the first."""
    stages = _members("pp", "Pipeline parallel group")
    return stages[(get_pipeline_model_parallel_rank() + 1) % len(stages)]


def get_pipeline_model_parallel_prev_rank() -> int:
    """Return the global rank of the stage before this one; before the first comes the last."""
    stages = _members("pp", "Pipeline parallel group")
    return stages[(get_pipeline_model_parallel_rank() - 1) % len(stages)]


def is_pipeline_first_stage(ignore_virtual: bool = True, vp_stage: int | None = None) -> bool:
    """Whether this rank holds the first stage."""
    part, _ = (0, 1) if ignore_virtual else _virtual_part(vp_stage)
    return part == 0 and get_pipeline_model_parallel_rank() == 0


def is_pipeline_last_stage(ignore_virtual: bool = True, vp_stage: int | None = None) -> bool:
    """Whether this rank holds the last stage."""
    part, parts = (0, 1) if ignore_virtual else _virtual_part(vp_stage)
    last = get_pipeline_model_parallel_world_size() - 1
    return part == parts - 1 and get_pipeline_model_parallel_rank() == last


def _virtual_part(vp_stage: int | None) -> tuple[int | None, int]:
    """Return which part of an interleaved stage is meant, and how many there are."""
    state = STATE.get()
    if state.virtual_pipeline_size is None:
        return 0, 1
    return (
        state.virtual_pipeline_rank if vp_stage is None else vp_stage,
        state.virtual_pipeline_size,
    )


def is_rank_in_embedding_group(ignore_virtual: bool = True, vp_stage: int | None = None) -> bool:
    """Whether this rank holds a copy of the word embedding."""
    members = STATE.get().members.get("embd")
    me = dist.get_rank()
    if members is None or me not in members:
        return False
    if ignore_virtual:
        return True
    if me == members[0]:
        return is_pipeline_first_stage(False, vp_stage)
    return me != members[-1] or is_pipeline_last_stage(False, vp_stage)


def is_rank_in_position_embedding_group() -> bool:
    """Whether this rank holds the position embedding."""
    return "pos_embd" in STATE.get().members


def get_all_ranks() -> str:
    """Return this rank's places in tensor, data, context, pipeline and expert groups, as text."""
    places = (
        get_tensor_model_parallel_rank(),
        get_data_parallel_rank(),
        get_context_parallel_rank(),
        get_pipeline_model_parallel_rank(),
        get_expert_model_parallel_rank(),
    )
    return "_".join(str(place) for place in places)


# --- what can be set by hand ----------------------------------------------------------------------


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


# --- memory that is used again and again ----------------------------------------------------------


def get_global_memory_buffer() -> GlobalMemoryBuffer:
    """Return the buffers that layers reuse from call to call."""
    found = STATE.get().buffer
    assert isinstance(found, GlobalMemoryBuffer), "global memory buffer is not initialized"
    return found


def destroy_global_memory_buffer() -> None:
    """Let go of those buffers."""
    STATE.get().buffer = None
