"""parallel_state: groups, places and complaints, per rank (ADR-0027 D2; T1 of the seeds)."""

from __future__ import annotations

from typing import Any

import pytest
from parallel_ranks import machine, ranks

import kernbench as kb
from kernbench import distributed as dist
from kernbench.tp import parallel_state as ps


def test_places_and_sizes() -> None:
    def body(rank: int) -> Any:
        return (
            ps.get_tensor_model_parallel_rank(),
            ps.get_tensor_model_parallel_world_size(),
            ps.get_pipeline_model_parallel_rank(),
            ps.get_pipeline_model_parallel_world_size(),
            ps.get_data_parallel_rank(),
            ps.get_data_parallel_world_size(),
            ps.get_tensor_model_parallel_src_rank(),
            ps.get_data_parallel_src_rank(),
        )

    found = ranks(body, 8, tp=2, pp=2)
    assert found == [
        (r % 2, 2, r // 4, 2, r // 2 % 2, 2, r - r % 2, r // 4 * 4 + r % 2) for r in range(8)
    ]


def test_members_of_each_group() -> None:
    def body(rank: int) -> Any:
        members = dist.get_process_group_ranks
        return {
            "tp": members(ps.get_tensor_model_parallel_group()),
            "dp": members(ps.get_data_parallel_group()),
            "pp": members(ps.get_pipeline_model_parallel_group()),
            "mp": members(ps.get_model_parallel_group()),
            "cp": members(ps.get_context_parallel_group()),
            "tp_dp": members(ps.get_tensor_and_data_parallel_group()),
            "dp_cp": members(ps.get_data_parallel_group(with_context_parallel=True)),
            "gloo": members(ps.get_data_parallel_group_gloo()),
            "ep": members(ps.get_expert_model_parallel_group()),
        }

    found = ranks(body, 8, tp=2, context_parallel_size=2, expert_model_parallel_size=2)
    for rank, groups in enumerate(found):
        tp, cp, dp = rank % 2, rank // 2 % 2, rank // 4
        assert groups == {
            "tp": [rank - tp, rank - tp + 1],
            "dp": [tp + 2 * cp, tp + 2 * cp + 4],
            "pp": [rank],
            "mp": [rank - tp, rank - tp + 1],
            "cp": [tp + 4 * dp, tp + 2 + 4 * dp],
            "tp_dp": [2 * cp, 2 * cp + 1, 2 * cp + 4, 2 * cp + 5],
            "dp_cp": [tp, tp + 2, tp + 4, tp + 6],
            "gloo": [tp + 2 * cp, tp + 2 * cp + 4],
            "ep": [rank - 2 * (rank // 2 % 2), rank - 2 * (rank // 2 % 2) + 2],
        }


def test_every_rank_and_size_can_be_asked_for() -> None:
    names = [name for name in dir(ps) if name.startswith("get_")]
    names = [name for name in names if name.endswith(("parallel_rank", "parallel_world_size"))]

    def body(rank: int) -> dict[str, Any]:
        return {name: getattr(ps, name)() for name in names}

    found = ranks(body, 8, tp=2, expert_model_parallel_size=2)[5]
    assert found["get_expert_tensor_and_model_parallel_rank"] == 1
    assert found["get_expert_tensor_and_model_parallel_world_size"] == 4
    assert found["get_tensor_model_parallel_rank"] == 1
    assert found["get_expert_model_parallel_rank"] == 0


def test_pipeline_neighbours_and_embeddings() -> None:
    def body(rank: int) -> Any:
        return (
            ps.get_pipeline_model_parallel_prev_rank(),
            ps.get_pipeline_model_parallel_next_rank(),
            ps.get_pipeline_model_parallel_first_rank(),
            ps.get_pipeline_model_parallel_last_rank(),
            ps.is_pipeline_first_stage(),
            ps.is_pipeline_last_stage(),
            ps.is_rank_in_embedding_group(),
            ps.is_rank_in_position_embedding_group(),
        )

    found = ranks(body, 3, pp=3)
    assert found == [
        (2, 1, 0, 2, True, False, True, True),
        (0, 2, 0, 2, False, False, False, False),
        (1, 0, 0, 2, False, True, True, False),
    ]


def test_interleaved_pipelines() -> None:
    def body(rank: int) -> Any:
        first = ps.is_pipeline_first_stage(ignore_virtual=False)
        ps.set_virtual_pipeline_model_parallel_rank(1)
        return (
            ps.get_virtual_pipeline_model_parallel_world_size(),
            first,
            ps.is_pipeline_first_stage(ignore_virtual=False),
            ps.is_pipeline_last_stage(ignore_virtual=False),
            ps.is_pipeline_last_stage(ignore_virtual=False, vp_stage=0),
        )

    found = ranks(body, 2, pp=2, virtual_pipeline_model_parallel_size=2)
    assert found == [(2, True, False, False, False), (2, False, False, True, False)]


def test_set_and_take_back() -> None:
    def body(rank: int) -> Any:
        ps.set_tensor_model_parallel_rank(7)
        ps.set_tensor_model_parallel_world_size(9)
        seen = ps.get_tensor_model_parallel_rank(), ps.get_tensor_model_parallel_world_size()
        ps.set_tensor_model_parallel_rank(None)
        ps.set_tensor_model_parallel_world_size(None)
        return seen, ps.get_tensor_model_parallel_rank(), ps.get_tensor_model_parallel_world_size()

    assert ranks(body, 2, tp=2) == [((7, 9), r, 2) for r in range(2)]


def test_places_of_experts_before_there_are_groups() -> None:
    with machine(1):
        assert ps.get_expert_model_parallel_rank() == 0
        assert ps.get_expert_model_parallel_world_size() == 0
        ps.set_expert_model_parallel_rank(3)
        assert ps.get_expert_model_parallel_rank() == 3
        assert ps.get_expert_model_parallel_world_size() == 0
        ps.set_expert_tensor_parallel_world_size(4)
        assert ps.get_expert_tensor_parallel_world_size() == 4
        assert ps.get_expert_tensor_parallel_rank() == 0


def test_copies_of_the_optimizer() -> None:
    def body(rank: int) -> Any:
        intra = ps.get_data_parallel_group(with_context_parallel=True, partial_data_parallel=True)
        inter = ps.get_inter_distributed_optimizer_instance_group()
        return dist.get_process_group_ranks(intra), dist.get_process_group_ranks(inter)

    found = ranks(body, 4, num_distributed_optimizer_instances=2)
    assert found == [([0, 1], [0, 2]), ([0, 1], [1, 3]), ([2, 3], [0, 2]), ([2, 3], [1, 3])]


def test_nested_context_parallelism() -> None:
    def body(rank: int) -> Any:
        groups = ps.get_hierarchical_context_parallel_groups()
        return [dist.get_process_group_ranks(group) for group in groups]

    found = ranks(body, 4, context_parallel_size=4, hierarchical_context_parallel_sizes=[2, 2])
    assert found == [[[0, 1], [0, 2]], [[0, 1], [1, 3]], [[2, 3], [0, 2]], [[2, 3], [1, 3]]]


def fails(n: int, error: type[Exception], words: str, **sizes: Any) -> None:
    def work(rank: int) -> None:
        dist.init_process_group("nccl")
        with pytest.raises(error, match=words):
            ps.initialize_model_parallel(**sizes)
        assert not ps.is_initialized()

    with machine(n) as ctx:
        ctx.multiprocessing.spawn(work, nprocs=n)


def test_what_is_refused() -> None:
    fails(
        3,
        RuntimeError,
        r"world_size \(3\) is not divisible by 2, the product of the sizes tensor 2, pipeline 1",
        tensor_model_parallel_size=2,
    )
    for name in ("tensor_model", "pipeline_model", "context", "expert_model"):
        words = f"{name.partition('_')[0]} parallel size: expected an integer from 1 on, got 0"
        fails(2, RuntimeError, words, **{f"{name}_parallel_size": 0})
    fails(
        4,
        RuntimeError,
        "is not divisible by expert_tensor_model_pipeline_parallel",
        expert_model_parallel_size=3,
    )
    fails(2, RuntimeError, "greater than 1", virtual_pipeline_model_parallel_size=2)
    fails(2, NotImplementedError, "hybrid_context_parallel", hybrid_context_parallel=True)
    fails(2, AssertionError, "does not divide", num_distributed_optimizer_instances=3)
    fails(
        2,
        RuntimeError,
        r"whose product is the context parallel size 2, got \[2, 3\]",
        context_parallel_size=2,
        hierarchical_context_parallel_sizes=[2, 3],
    )


def test_a_second_call_and_none_at_all() -> None:
    def body(rank: int) -> None:
        with pytest.raises(AssertionError, match="is already initialized"):
            ps.initialize_model_parallel(1)

    ranks(body, 2, tp=2)
    with machine(1):
        assert not ps.model_parallel_is_initialized()
        with pytest.raises(AssertionError, match="tensor model parallel group is not initialized"):
            ps.get_tensor_model_parallel_group()
        assert ps.get_tensor_model_parallel_group(check_initialized=False) is None
        with pytest.raises(AssertionError, match="tensor model parallel group is not initialized"):
            ps.get_tensor_model_parallel_world_size()
        with pytest.raises(AssertionError, match="call init_process_group first"):
            ps.initialize_model_parallel(1)


def test_two_contexts_do_not_meet() -> None:
    """State is the rank's of its context, not the module's."""
    seen: list[tuple[int, int]] = []

    def outer(rank: int) -> None:
        dist.init_process_group("nccl")
        ps.initialize_model_parallel(2)
        with kb.Context("small"):
            seen.append((rank, int(ps.is_initialized())))
        assert ps.is_initialized()

    with machine(2) as ctx:
        ctx.multiprocessing.spawn(outer, nprocs=2)
        assert not ps.is_initialized()
    assert sorted(seen) == [(0, 0), (1, 0)]
