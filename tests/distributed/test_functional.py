"""``torch.distributed._functional_collectives``: new tensors, groups by any of their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from machines import ranks

import kernbench as kb
import kernbench.torch as torch
from kernbench import distributed as dist
from kernbench.distributed import _functional_collectives as funcol

WORLD = [0, 1, 2]


def data(rank: int, ctx: Any) -> Any:
    """Return six numbers, of each rank its own, on the device of the group's backend."""
    x = torch.arange(6.0).reshape(3, 2) + 10 * rank
    return x if dist.get_backend() == "gloo" else x.to(f"cuda:{rank}")


CALLS: dict[str, tuple[Callable[[Any], Any], Callable[[list[Any], int], Any]]] = {
    "all_reduce": (lambda x: funcol.all_reduce(x, "max", WORLD), lambda xs, r: xs[2]),
    "broadcast": (lambda x: funcol.broadcast(x, 1, WORLD), lambda xs, r: xs[1]),
    "all_gather": (lambda x: funcol.all_gather_tensor(x, 1, WORLD), lambda xs, r: torch.cat(xs, 1)),
    "reduce_scatter": (
        lambda x: funcol.reduce_scatter_tensor(x.t(), "sum", 1, WORLD),
        lambda xs, r: sum(xs).t()[:, r : r + 1],
    ),
    "all_to_all": (
        lambda x: funcol.all_to_all_single(x, None, None, WORLD),
        lambda xs, r: torch.stack([x[r] for x in xs]),
    ),
    "permute": (lambda x: funcol.permute_tensor(x, [1, 2, 0], WORLD), lambda xs, r: xs[r - 1]),
    "all_reduce_coalesced": (
        lambda x: funcol.all_reduce_coalesced([x, x], "sum", WORLD)[1],
        lambda xs, r: sum(xs),
    ),
    "reduce_scatter_coalesced": (
        lambda x: funcol.reduce_scatter_tensor_coalesced([x], "sum", [0], WORLD)[0],
        lambda xs, r: sum(xs)[r : r + 1],
    ),
    "all_gather_coalesced": (
        lambda x: funcol.all_gather_into_tensor_coalesced([x], WORLD)[0],
        lambda xs, r: torch.cat(xs),
    ),
}


@pytest.mark.parametrize("backend", ["nccl", "gloo"])
@pytest.mark.parametrize("name", CALLS)
def test_values(name: str, backend: str) -> None:
    run, wanted = CALLS[name]

    def body(rank: int, ctx: Any) -> None:
        x = data(rank, ctx)
        got = funcol.wait_tensor(run(x))
        assert torch.equal(x, data(rank, ctx))  # not written to
        every = [torch.arange(6.0).reshape(3, 2) + 10 * other for other in WORLD]
        assert torch.equal(got.cpu(), wanted(every, rank))

    ranks(body, backend=backend)


def test_gradients_go_through() -> None:
    def body(rank: int, ctx: Any) -> None:
        x = data(rank, ctx).requires_grad_()
        whole = funcol.all_gather_tensor_autograd(x * 2, 0, dist.group.WORLD)
        (whole * (rank + 1)).sum().backward()
        assert x.grad.tolist() == [[12.0, 12.0]] * 3

    ranks(body, backend="gloo")


def test_groups_by_any_of_their_names() -> None:
    def body(rank: int, ctx: Any) -> list[float]:
        x, one = data(rank, ctx)[0, 1:], dist.init_device_mesh("cpu", (3,))
        two = dist.init_device_mesh("cpu", (1, 3), mesh_dim_names=("outer", "inner"))
        given = (dist.group.WORLD, WORLD, one, (two, 1), dist.group.WORLD.group_name)
        with pytest.raises(RuntimeError, match=r"all_reduce: group: .* 1 dimension.* got one of 2"):
            funcol.all_reduce(x, "sum", two)
        pair = [0, 1] if rank < 2 else [2]
        return [funcol.all_reduce(x, "sum", each).item() for each in (*given, pair)]

    found = ranks(body, backend="gloo")
    assert found == {0: [33.0] * 5 + [12.0], 1: [33.0] * 5 + [12.0], 2: [33.0] * 5 + [21.0]}


BAD: list[tuple[Callable[[Any], Any], Any, str]] = [
    (
        lambda x: funcol.all_reduce(x, "total", WORLD),
        RuntimeError,
        r"reduceOp: .*'sum', got 'total'",
    ),
    (lambda x: funcol.all_reduce(x, "sum", "none"), ValueError, r"'none' is not initialized"),
    (lambda x: funcol.all_reduce(x, "sum", -100), RuntimeError, r"group: expected one .* got -100"),
    (
        lambda x: funcol.reduce_scatter_tensor(x, "sum", 1, WORLD),
        AssertionError,
        r"dimension 1 \(2\) must be a multiple of group_size 3",
    ),
    (
        lambda x: funcol.permute_tensor(x, [0, 0, 1], WORLD),
        RuntimeError,
        r"src_dst: expected each of 0 to 2 once, got \[0, 0, 1\]",
    ),
]


@pytest.mark.parametrize(("run", "error", "message"), BAD)
def test_arguments_that_do_not_fit(run: Any, error: Any, message: str) -> None:
    def body(rank: int, ctx: Any) -> None:
        with pytest.raises(error, match=message):
            run(data(rank, ctx))

    ranks(body, backend="gloo")


def test_it_is_found_where_torch_has_it() -> None:
    assert dist._functional_collectives is funcol
    assert isinstance(kb.distributed, type(dist))
