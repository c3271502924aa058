"""The place of a rank in its groups, their sizes, and its neighbours in a pipeline."""

from __future__ import annotations

from collections.abc import Callable

from kernbench import distributed as dist
from kernbench.tp.groups import STATE
from kernbench.tp.parallel_groups import get_data_parallel_group, group_named

__all__ = [
    "get_all_ranks",
    "get_context_parallel_global_ranks",
    "get_context_parallel_rank",
    "get_context_parallel_world_size",
    "get_data_parallel_rank",
    "get_data_parallel_src_rank",
    "get_data_parallel_world_size",
    "get_expert_data_parallel_rank",
    "get_expert_data_parallel_world_size",
    "get_expert_model_parallel_rank",
    "get_expert_model_parallel_ranks",
    "get_expert_model_parallel_world_size",
    "get_expert_tensor_and_model_parallel_rank",
    "get_expert_tensor_and_model_parallel_world_size",
    "get_expert_tensor_parallel_rank",
    "get_expert_tensor_parallel_world_size",
    "get_model_parallel_src_rank",
    "get_pipeline_model_parallel_first_rank",
    "get_pipeline_model_parallel_last_rank",
    "get_pipeline_model_parallel_next_rank",
    "get_pipeline_model_parallel_prev_rank",
    "get_pipeline_model_parallel_rank",
    "get_pipeline_model_parallel_world_size",
    "get_tensor_and_context_parallel_rank",
    "get_tensor_and_context_parallel_world_size",
    "get_tensor_model_parallel_rank",
    "get_tensor_model_parallel_src_rank",
    "get_tensor_model_parallel_world_size",
    "is_pipeline_first_stage",
    "is_pipeline_last_stage",
    "is_rank_in_embedding_group",
    "is_rank_in_position_embedding_group",
]


_TITLES = {
    "tp": "tensor model parallel group",
    "pp": "pipeline_model parallel group",
    "cp": "context parallel group",
    "ep": "expert model parallel group",
    "tp_cp": "tensor and context parallel group",
    "tp_ep": "Expert tensor and model parallel group",
    "expt_tp": "Expert tensor parallel group",
    "expt_dp": "Expert data parallel group",
    "intra_expt_dp": "Intra partial expert data parallel group",
}


def _rank(name: str) -> int:
    chosen = STATE.get().overrides.get(f"{name} rank")
    return dist.get_rank(group_named(name, _TITLES[name])) if chosen is None else chosen


def _size(name: str) -> int:
    chosen = STATE.get().overrides.get(f"{name} size")
    return dist.get_world_size(group_named(name, _TITLES[name])) if chosen is None else chosen


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
