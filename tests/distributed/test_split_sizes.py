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


def test_split_sizes_behind_a_rank_that_gave_none_say_so() -> None:
    with pytest.raises(kb.SpawnException, match="give split sizes on every rank") as caught:
        _uneven_beside_none(1, "nccl")
    assert "rank 0 called all_to_all_single(shape (4,)" in str(caught.value)


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
