"""Sizes of parts that only some ranks give, as torch 2.13 takes them with gloo."""

from __future__ import annotations

from typing import Any

import pytest
from machines import ranks

import kernbench as kb
import kernbench.torch as torch
from kernbench import distributed as dist


@pytest.mark.parametrize("backend", ["nccl", "gloo"])
@pytest.mark.parametrize("givers", [(0,), (1,), (0, 1)])
def test_equal_split_sizes_that_some_give(givers: tuple[int, ...], backend: str) -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x, y = torch.arange(6.0, device="cuda") + 10 * rank, torch.zeros(6, device="cuda")
        splits = ([2, 2, 2], None) if rank in givers else (None, [])
        dist.all_to_all_single(y, x, *splits)
        return y.tolist()

    values = {r: [10.0 * s + 2 * r + i for s in range(3) for i in (0, 1)] for r in range(3)}
    assert ranks(body, backend=backend) == values


def _uneven_beside_none(giver: int, backend: str) -> Any:
    def body(rank: int, ctx: kb.Context) -> Any:
        sizes = [1 if rank == giver and other == giver else 2 for other in range(2)]
        x = torch.arange(float(sum(sizes)), device="cuda") + 10 * rank
        y = torch.zeros(sum(sizes), device="cuda")
        dist.all_to_all_single(y, x, *((sizes, sizes) if rank == giver else ()))
        return y.tolist()

    return ranks(body, 2, backend=backend)


@pytest.mark.parametrize("backend", ["nccl", "gloo"])
def test_split_sizes_that_only_the_first_gives(backend: str) -> None:
    assert _uneven_beside_none(0, backend) == {0: [0.0, 10.0, 11.0], 1: [1.0, 2.0, 12.0, 13.0]}


@pytest.mark.parametrize("backend", ["nccl", "gloo"])
def test_split_sizes_behind_a_rank_that_gave_none(backend: str) -> None:
    assert _uneven_beside_none(1, backend) == {0: [0.0, 1.0, 10.0, 11.0], 1: [2.0, 3.0, 12.0]}


@pytest.mark.parametrize("n", [0, 1, 700, 5000])
def test_ranks_of_any_parts_behind_equal_ones(n: int) -> None:
    """Ranks 0 and 2 give no sizes; what 1 and 3 give themselves and each other is their affair."""
    sizes = [[n] * 4 for _ in range(4)]
    sizes[1][1], sizes[3][3], sizes[1][3], sizes[3][1] = 3 * n + 1, 0, 2 * n + 3, 5

    def body(rank: int, ctx: kb.Context) -> Any:
        gives, takes = sizes[rank], [sizes[other][rank] for other in range(4)]
        x = torch.arange(sum(gives), device="cuda") + 100_000 * rank
        y = torch.zeros(sum(takes), dtype=x.dtype, device="cuda")
        dist.all_to_all_single(y, x, *((takes, gives) if rank % 2 else ()))
        return y.tolist()

    found = ranks(body, 4)
    for rank in range(4):
        starts = [100_000 * other + sum(sizes[other][:rank]) for other in range(4)]
        wanted = [s + i for s, other in zip(starts, sizes, strict=True) for i in range(other[rank])]
        assert found[rank] == wanted


def test_split_sizes_that_do_not_fit_the_equal_parts_before_them() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x, y = torch.ones(4, device="cuda"), torch.zeros(4, device="cuda")
        dist.all_to_all_single(y, x, *(([1, 3], [1, 3]) if rank else ()))

    with pytest.raises(kb.SpawnException, match="rank 1 gives rank 0 1 elements, which expects 2"):
        ranks(body, 2)


@pytest.mark.parametrize("name", ["all_to_all", "all_to_all_single"])
def test_a_rank_that_expects_more_of_itself_than_it_gives(name: str) -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        gives, takes = [1, 2], [1, 3] if rank == 1 else [1, 1]
        x, y = torch.ones(3, device="cuda"), torch.zeros(sum(takes), device="cuda")
        if name == "all_to_all":
            dist.all_to_all(y.split(takes), x.split(gives))
        else:
            dist.all_to_all_single(y, x, takes, gives)

    with pytest.raises(kb.SpawnException, match="rank 1 gives itself 2 elements, and expects 3"):
        ranks(body, 2)
