"""The groups of a rank, by the parallelism that each serves."""

from __future__ import annotations

from typing import Any

from kernbench.tp.groups import STATE

__all__ = [
    "get_context_parallel_group",
    "get_data_parallel_group",
    "get_data_parallel_group_gloo",
    "get_embedding_group",
    "get_expert_data_parallel_group",
    "get_expert_data_parallel_group_gloo",
    "get_expert_model_parallel_group",
    "get_expert_tensor_and_model_parallel_group",
    "get_expert_tensor_model_pipeline_parallel_group",
    "get_expert_tensor_parallel_group",
    "get_hierarchical_context_parallel_groups",
    "get_inter_distributed_optimizer_instance_group",
    "get_intra_distributed_optimizer_instance_group",
    "get_model_parallel_group",
    "get_pipeline_model_parallel_group",
    "get_position_embedding_group",
    "get_tensor_and_context_parallel_group",
    "get_tensor_and_data_parallel_group",
    "get_tensor_model_parallel_group",
]


def group_named(name: str, title: str, check_initialized: bool = True) -> Any:
    """Return this rank's group of a name; `title` is what an error calls it."""
    found = STATE.get().groups.get(name)
    assert found is not None or not check_initialized, f"{title} is not initialized"
    return found


def get_model_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group of all ranks that share one copy of the model."""
    return group_named("mp", "model parallel group", check_initialized)


def get_tensor_model_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over which tensors are split."""
    return group_named("tp", "tensor model parallel group", check_initialized)


def get_pipeline_model_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group whose ranks hold the stages of one pipeline."""
    return group_named("pp", "pipeline_model parallel group", check_initialized)


def get_data_parallel_group(
    with_context_parallel: bool = False,
    with_gtp_remat: bool = True,
    partial_data_parallel: bool = False,
) -> Any:
    """Return the group of ranks that hold the same part of the model.

    `with_gtp_remat` changes nothing: there is no such parallelism here.
    """
    if partial_data_parallel:
        assert with_context_parallel, "Partial DP for Optimizer needs to include CP"
        return group_named("intra_dp_cp", "Intra partial data parallel group")
    name = "dp_cp" if with_context_parallel else "dp"
    return group_named(name, "data parallel group")


def get_data_parallel_group_gloo(
    with_context_parallel: bool = False, partial_data_parallel: bool = False
) -> Any:
    """Return the data parallel group for host tensors; `partial_data_parallel` changes nothing."""
    name = "dp_cp_gloo" if with_context_parallel else "dp_gloo"
    return group_named(name, "data parallel group-gloo")


def get_context_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over which sequences are split."""
    return group_named("cp", "context parallel group", check_initialized)


def get_hierarchical_context_parallel_groups(check_initialized: bool = True) -> list[Any]:
    """Return the groups of nested context parallelism, innermost first."""
    found = STATE.get().hierarchical_cp
    assert found or not check_initialized, (
        "hierarchical context parallel groups are not initialized"
    )
    return found


def get_embedding_group(check_initialized: bool = True) -> Any:
    """Return the group of stages that hold the word embedding."""
    return group_named("embd", "embedding group", check_initialized)


def get_position_embedding_group(check_initialized: bool = True) -> Any:
    """Return the group of stages that hold the position embedding."""
    return group_named("pos_embd", "position embedding group", check_initialized)


def get_tensor_and_data_parallel_group(
    check_initialized: bool = True, with_context_parallel: bool = False
) -> Any:
    """Return the group over tensor and data (and context) parallelism."""
    name = "tp_dp_cp" if with_context_parallel else "tp_dp"
    return group_named(name, "tensor and data parallel group", check_initialized)


def get_tensor_and_context_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over tensor and context parallelism."""
    return group_named("tp_cp", "tensor and context parallel group", check_initialized)


def get_expert_model_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over which experts are spread."""
    return group_named("ep", "expert model parallel group", check_initialized)


def get_expert_tensor_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over which an expert's tensors are split."""
    return group_named("expt_tp", "Expert tensor parallel group", check_initialized)


def get_expert_tensor_and_model_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over expert tensor and expert parallelism."""
    return group_named("tp_ep", "Expert tensor and model parallel group", check_initialized)


def get_expert_tensor_model_pipeline_parallel_group(check_initialized: bool = True) -> Any:
    """Return the group over expert tensor, expert and pipeline parallelism."""
    return group_named("tp_ep_pp", "Expert tensor-model-pipeline parallel group", check_initialized)


def get_expert_data_parallel_group(
    check_initialized: bool = True, partial_expert_data_parallel: bool = False
) -> Any:
    """Return the group of ranks that hold the same part of the same experts."""
    name = "intra_expt_dp" if partial_expert_data_parallel else "expt_dp"
    return group_named(name, "Expert data parallel group", check_initialized)


def get_expert_data_parallel_group_gloo(partial_expert_data_parallel: bool = False) -> Any:
    """Return the expert data parallel group for host tensors; the argument changes nothing."""
    return group_named("expt_dp_gloo", "Expert data parallel group-gloo")


def get_intra_distributed_optimizer_instance_group(check_initialized: bool = True) -> Any:
    """Return the group of one copy of the distributed optimizer."""
    return group_named(
        "intra_dp_cp", "Intra distributed optimizer instance group", check_initialized
    )


def get_inter_distributed_optimizer_instance_group(check_initialized: bool = True) -> Any:
    """Return the group of equal places in the copies of the distributed optimizer."""
    return group_named(
        "inter_dp_cp", "Inter distributed optimizer instance group", check_initialized
    )
