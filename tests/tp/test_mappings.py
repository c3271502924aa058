"""The mappings and their backward, on 8 ranks: tensors over 4, the pipeline over 2 (D6)."""

from __future__ import annotations

from typing import Any

import pytest
from parallel_ranks import ranks

import kernbench.torch as torch
from kernbench import tp


def cuda(values: Any) -> Any:
    return torch.tensor(values, dtype=torch.float32, device="cuda")


def column(rank: int) -> Any:
    """Shape (2, 4): this rank's part of a matrix with 16 columns."""
    return torch.arange(8, dtype=torch.float32).view(2, 4).add(100 * rank).cuda()


def forward_and_back(function: Any, x: Any, grad: Any) -> tuple[Any, Any]:
    x.requires_grad_()
    y = function(x)
    y.backward(grad(y))
    return y.detach().cpu().numpy().copy(), x.grad.cpu().numpy().copy()


def test_copy() -> None:
    def body(rank: int) -> Any:
        x = torch.ones(1, device="cuda") * rank
        return forward_and_back(
            tp.copy_to_tensor_model_parallel_region, x, lambda y: y.detach().clone()
        )

    for rank, (y, grad) in enumerate(ranks(body, 8, tp=4, pp=2)):
        assert y.tolist() == [rank]
        assert grad.tolist() == [6.0 if rank < 4 else 22.0]


def test_reduce() -> None:
    def body(rank: int) -> Any:
        x = torch.ones(1, device="cuda") * rank
        y = tp.reduce_from_tensor_model_parallel_region(x.clone())
        z = x.clone().requires_grad_()
        w = tp.reduce_from_tensor_model_parallel_region(z * 1)
        w.backward(torch.ones_like(w) * rank)
        return y.item(), w.item(), z.grad.item()

    for rank, found in enumerate(ranks(body, 8, tp=4, pp=2)):
        total = 6.0 if rank < 4 else 22.0
        assert found == (total, total, rank)


@pytest.mark.parametrize("n", [2, 3])
def test_scatter_and_gather_last(n: int) -> None:
    def body(rank: int) -> Any:
        whole = torch.arange(4.0 * n).view(2, 2 * n).cuda()
        part, of_whole = forward_and_back(
            tp.scatter_to_tensor_model_parallel_region, whole, lambda y: y.detach() * 1
        )
        back, of_part = forward_and_back(
            tp.gather_from_tensor_model_parallel_region, cuda(part), lambda y: y.detach() * 1
        )
        return part, of_whole, back, of_part

    whole = torch.arange(4.0 * n).view(2, 2 * n).numpy()
    for rank, (part, of_whole, back, of_part) in enumerate(ranks(body, n, tp=n)):
        assert (part == whole[:, 2 * rank : 2 * rank + 2]).all()
        assert (of_whole == whole).all()
        assert (back == whole).all()
        assert (of_part == part).all()


@pytest.mark.parametrize("tensor_parallel", [True, False])
def test_sequence_parallel(tensor_parallel: bool) -> None:
    def body(rank: int) -> Any:
        whole = torch.arange(12.0).view(6, 2).cuda()
        part, of_whole = forward_and_back(
            tp.scatter_to_sequence_parallel_region, whole, lambda y: y.detach() * 1
        )
        back, of_part = forward_and_back(
            lambda x: tp.gather_from_sequence_parallel_region(x, tensor_parallel),
            cuda(part),
            lambda y: torch.ones_like(y) * (rank + 1),
        )
        return part, of_whole, back, of_part

    whole = torch.arange(12.0).view(6, 2).numpy()
    for rank, (part, of_whole, back, of_part) in enumerate(ranks(body, 3, tp=3)):
        assert (part == whole[2 * rank : 2 * rank + 2]).all()
        assert (of_whole == whole).all()
        assert (back == whole).all()
        assert (of_part == (6 if tensor_parallel else rank + 1)).all()


def test_reduce_scatter() -> None:
    def body(rank: int) -> Any:
        x = torch.arange(8.0).view(4, 2).cuda() * (rank + 1)
        first = forward_and_back(
            tp.reduce_scatter_to_sequence_parallel_region, x, lambda y: y.detach() * 1
        )
        last = forward_and_back(
            tp.reduce_scatter_last_dim_to_tensor_parallel_region,
            x.detach().clone(),
            lambda y: y.detach() * 1,
        )
        return first, last

    total = torch.arange(8.0).view(4, 2).numpy() * 3
    for rank, (first, last) in enumerate(ranks(body, 2, tp=2)):
        assert (first[0] == total[2 * rank : 2 * rank + 2]).all()
        assert (first[1] == total).all()
        assert (last[0] == total[:, rank : rank + 1]).all()
        assert (last[1] == total).all()


def test_gather_last_and_add_up() -> None:
    def body(rank: int) -> Any:
        return forward_and_back(
            tp.all_gather_last_dim_from_tensor_parallel_region,
            torch.ones(2, 1, device="cuda") * rank,
            lambda y: torch.ones_like(y),
        )

    for y, grad in ranks(body, 3, tp=3):
        assert y.tolist() == [[0.0, 1.0, 2.0]] * 2
        assert grad.tolist() == [[3.0]] * 2


def test_all_to_all() -> None:
    def body(rank: int) -> Any:
        group = tp.parallel_state.get_tensor_model_parallel_group()
        x = torch.arange(4.0).cuda() + 10 * rank
        even = forward_and_back(lambda t: tp.all_to_all(group, t), x, lambda y: y.detach() * 1)
        sizes = [1, 3] if rank == 0 else [3, 1]
        came = [1, 3] if rank == 0 else [3, 1]
        uneven = forward_and_back(
            lambda t: tp.all_to_all(group, t, came, sizes),
            x.detach().clone(),
            lambda y: y.detach() * 1,
        )
        return even, uneven

    found = ranks(body, 2, tp=2)
    assert found[0][0][0].tolist() == [0.0, 1.0, 10.0, 11.0]
    assert found[1][0][0].tolist() == [2.0, 3.0, 12.0, 13.0]
    assert found[0][0][1].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert found[0][1][0].tolist() == [0.0, 10.0, 11.0, 12.0]
    assert found[1][1][0].tolist() == [1.0, 2.0, 3.0, 13.0]
    assert found[1][1][1].tolist() == [10.0, 11.0, 12.0, 13.0]


def test_rows_to_columns_and_back() -> None:
    def body(rank: int) -> Any:
        rows = torch.arange(16.0).view(4, 4)[2 * rank : 2 * rank + 2].cuda()
        columns = tp.all_to_all_sp2hp(rows)
        again = tp.all_to_all_hp2sp(columns)
        return columns.cpu().numpy().copy(), bool((again == rows).all())

    whole = torch.arange(16.0).view(4, 4).numpy()
    for rank, (columns, same) in enumerate(ranks(body, 2, tp=2)):
        assert (columns == whole[:, 2 * rank : 2 * rank + 2]).all()
        assert same


def test_a_group_of_one_does_nothing() -> None:
    def body(rank: int) -> Any:
        x = torch.ones(2, device="cuda")
        return [
            function(x) is x
            for function in (
                tp.copy_to_tensor_model_parallel_region,
                tp.reduce_from_tensor_model_parallel_region,
                tp.gather_from_tensor_model_parallel_region,
                tp.gather_from_sequence_parallel_region,
                tp.reduce_scatter_to_sequence_parallel_region,
            )
        ]

    assert ranks(body, 1) == [[True] * 5]


def test_what_does_not_divide() -> None:
    def body(rank: int) -> None:
        x = torch.ones(3, 3, device="cuda")
        with pytest.raises(AssertionError, match="3 is not divisible by 2, the last dimension of"):
            tp.scatter_to_tensor_model_parallel_region(x)
        with pytest.raises(AssertionError, match=r"parallel size 2, got shape \(3, 3\)"):
            tp.reduce_scatter_to_sequence_parallel_region(x)

    ranks(body, 2, tp=2)
