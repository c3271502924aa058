"""Collectives of complex numbers, as torch 2.13 does them with gloo."""

from __future__ import annotations

from typing import Any

import pytest
from machines import ranks

import kernbench as kb
import kernbench.torch as torch
from kernbench import distributed as dist


def _complex_calls(rank: int) -> dict[str, Any]:
    def mine() -> Any:
        return torch.tensor([1 + 1j, 2 + rank * 1j])

    def parts() -> list[Any]:
        return list(mine().chunk(2))

    def zeros(n: int) -> Any:
        return torch.zeros(n, dtype=torch.complex64)

    found: dict[str, Any] = {}
    found["sum"] = x = mine()
    dist.all_reduce(x)
    found["mean"] = x = mine()
    dist.all_reduce(x, op=dist.ReduceOp.AVG)
    x = mine()
    dist.reduce(x, 0)
    found["reduce"] = x if rank == 0 else zeros(0)
    found["broadcast"] = x = mine()
    dist.broadcast(x, 1)
    outputs = [zeros(2), zeros(2)]
    dist.all_gather(outputs, mine())
    found["all_gather"] = torch.cat(outputs)
    found["all_gather_into_tensor"] = x = zeros(4)
    dist.all_gather_into_tensor(x, mine())
    found["reduce_scatter"] = x = zeros(1)
    dist.reduce_scatter(x, parts())
    found["reduce_scatter_tensor"] = x = zeros(1)
    dist.reduce_scatter_tensor(x, mine())
    found["scatter"] = x = zeros(1)
    dist.scatter(x, parts() if rank == 1 else None, 1)
    found["all_to_all_single"] = x = zeros(2)
    dist.all_to_all_single(x, mine())
    outputs = [zeros(1), zeros(1)]
    dist.all_to_all(outputs, parts())
    found["all_to_all"] = torch.cat(outputs)
    x = zeros(2)
    if rank == 0:
        dist.send(mine(), 1)
    else:
        dist.recv(x, 0)
    found["recv"] = x
    return {name: each.tolist() for name, each in found.items()}


def test_complex_numbers_go_as_pairs() -> None:
    """What torch's gloo gave for the same calls."""
    both = {
        "sum": [2 + 2j, 4 + 1j],
        "mean": [1 + 1j, 2 + 0.5j],
        "broadcast": [1 + 1j, 2 + 1j],
        "all_gather": [1 + 1j, 2 + 0j, 1 + 1j, 2 + 1j],
        "all_gather_into_tensor": [1 + 1j, 2 + 0j, 1 + 1j, 2 + 1j],
    }
    zero = {
        "reduce": [2 + 2j, 4 + 1j],
        "reduce_scatter": [2 + 2j],
        "reduce_scatter_tensor": [2 + 2j],
        "scatter": [1 + 1j],
        "all_to_all_single": [1 + 1j, 1 + 1j],
        "all_to_all": [1 + 1j, 1 + 1j],
        "recv": [0j, 0j],
    }
    one = {
        "reduce": [],
        "reduce_scatter": [4 + 1j],
        "reduce_scatter_tensor": [4 + 1j],
        "scatter": [2 + 1j],
        "all_to_all_single": [2 + 0j, 2 + 1j],
        "all_to_all": [2 + 0j, 2 + 1j],
        "recv": [1 + 1j, 2 + 0j],
    }
    found = ranks(lambda rank, ctx: _complex_calls(rank), 2, backend="gloo")
    assert found == {0: both | zero, 1: both | one}


def test_what_torch_refuses_of_complex_numbers() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        x = torch.zeros(2, dtype=torch.complex64)
        for op in (dist.ReduceOp.MAX, dist.ReduceOp.PRODUCT, dist.ReduceOp.BAND):
            for error in (ValueError, RuntimeError):  # all_reduce's, and reduce's
                with pytest.raises(error, match="does not support complex tensors"):
                    dist.all_reduce(x, op=op)
            with pytest.raises(RuntimeError, match="does not support complex tensors"):
                dist.reduce(x, 0, op=op)
        with pytest.raises(RuntimeError, match="Invalid scalar type"):
            dist.gather(x, [x, x] if rank == 0 else None, 0)

    ranks(body, 2, backend="gloo")
