"""Meshes of ranks, and collectives with derivatives: what torch 2.13 gives with gloo."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import pytest
from machines import ranks

import kernbench as kb
import kernbench.torch as torch
from kernbench import distributed as dist
from kernbench.distributed.device_mesh import DeviceMesh, init_device_mesh
from kernbench.distributed.nn import functional

members = dist.get_process_group_ranks


def test_a_mesh_of_two_dimensions() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        mesh = init_device_mesh("cuda", (2, 2), mesh_dim_names=("dp", "tp"))
        dp, tp = divmod(rank, 2)
        assert repr(mesh) == "DeviceMesh((dp=2, tp=2), 'cuda', stride=(2, 1))"
        assert (mesh.ndim, mesh.shape, mesh.size(), mesh.size(0)) == (2, (2, 2), 4, 2)
        assert mesh.mesh.tolist() == [[0, 1], [2, 3]] and mesh.mesh.dtype == torch.int32
        assert (mesh.get_rank(), mesh.get_coordinate()) == (rank, (dp, tp))
        assert (mesh.get_local_rank("dp"), mesh.get_local_rank(1)) == (dp, tp)
        across, along = [tp, tp + 2], [2 * dp, 2 * dp + 1]
        assert [members(group) for group in mesh.get_all_groups()] == [across, along]
        part = mesh["tp"]
        assert part.mesh.tolist() == along and part.mesh_dim_names == ("tp",)
        assert part.get_group() is mesh.get_group("tp") and part.get_local_rank() == tp
        assert repr(mesh["dp"]) == "DeviceMesh((dp=2), 'cuda', stride=(2,))"
        assert mesh["dp", "tp"] == mesh and mesh["tp"] == part != mesh["dp"]
        assert hash(mesh["tp"]) == hash(part) and part["tp"] == part
        x = torch.full((2,), float(rank), device="cuda")
        dist.all_reduce(x, group=mesh.get_group("dp"))
        assert x.tolist() == [float(sum(across))] * 2

    ranks(body, 4)


def test_meshes_of_any_ranks() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        line = init_device_mesh("cuda", (4,))
        assert line.get_group() is dist.group.WORLD and line.get_local_rank() == rank
        assert repr(line) == "DeviceMesh((4,), 'cuda', stride=(1,))"
        grid = DeviceMesh("cuda", torch.tensor([[0, 2], [1, 3]]))
        assert members(grid.get_group(0)) == [rank // 2 * 2, rank // 2 * 2 + 1]
        assert members(grid.get_group(1)) == [rank % 2, rank % 2 + 2]
        some = DeviceMesh("cuda", [1, 3])
        assert some.get_coordinate() == ((rank // 2,) if rank % 2 else None)
        if rank % 2:
            assert members(some.get_group()) == [1, 3]
        else:
            with pytest.raises(IndexError, match=f"rank {rank} is not in DeviceMesh"):
                some.get_group()
        same = DeviceMesh.from_group(dist.group.WORLD, "cuda")
        assert same == line and same.get_group() is dist.group.WORLD

    ranks(body, 4)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: init_device_mesh("cuda", (2, 3)), RuntimeError, "size 2, but found 6 ranks"),
        (lambda: init_device_mesh("cuda:0", (2,)), RuntimeError, "with index is not supported"),
        (
            lambda: init_device_mesh("cuda", (2, 1), mesh_dim_names=("a",)),
            RuntimeError,
            r"same length! Found len\(mesh_dim_names\): 1",
        ),
        (
            lambda: init_device_mesh("cuda", (2, 1), mesh_dim_names=("a", "a")),
            RuntimeError,
            "must be unique",
        ),
        (lambda: DeviceMesh("cuda", [0, 5]), ValueError, "Rank 5 is out of range"),
        (lambda: DeviceMesh("cuda", [0, 0]), ValueError, "duplicate entries"),
        (lambda: init_device_mesh("cuda", (2,))["a"], RuntimeError, "without mesh_dim_names"),
        (lambda: _mesh()["x"], KeyError, "Valid mesh_dim_names are"),
        (lambda: _mesh()["tp", "dp"], KeyError, "ascending order"),
        (lambda: _mesh()["tp", "tp"], RuntimeError, "overlapping dim_names"),
        (lambda: DeviceMesh("cuda", [[0, 1]], mesh_dim_names=("a",)), RuntimeError, "each of 2"),
        (lambda: DeviceMesh("cuda", [0], mesh_dim_names=("a", "b")), RuntimeError, "each of 1"),
        (lambda: DeviceMesh("cuda", [[0]], mesh_dim_names=("a", "a")), RuntimeError, "be unique"),
        (lambda: init_device_mesh("cuda", (2,))._flatten(), RuntimeError, "flatten a DeviceMesh"),
        (lambda: _mesh()._flatten("tp"), ValueError, "tp already exists"),
        (lambda: _flat_twice(), ValueError, "y has been created before"),
        (lambda: _mesh()._flatten("y", "gloo"), NotImplementedError, "backend_override"),
        (lambda: _mesh().get_group("x"), KeyError, "Mesh dimension 'x' does not exist"),
        (lambda: _mesh().get_group(), RuntimeError, "have 2 dimensions"),
        (lambda: _mesh().get_group(2), IndexError, "out of range"),
    ],
)
def test_meshes_that_cannot_be(make: Any, error: Any, message: str) -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        with pytest.raises(error, match=message):
            make()

    ranks(body, 2)


def _flat_twice() -> None:
    mesh = _mesh()
    mesh["tp"]._flatten("y")
    mesh["dp"]._flatten("y")


def test_dimensions_made_flat() -> None:
    """Names, ranks and errors as torch 2.13 gives them."""

    def body(rank: int, ctx: kb.Context) -> None:
        mesh = init_device_mesh("cuda", (2, 2, 2), mesh_dim_names=("pp", "dp", "tp"))
        pp, dp, tp = mesh.get_coordinate()
        assert mesh["tp"]._flatten() == mesh["tp"]
        flat = mesh["pp", "dp"]._flatten()
        line = [tp, tp + 2, tp + 4, tp + 6]
        assert flat.mesh_dim_names == ("pp_dp",) and flat.mesh.tolist() == line
        assert members(flat.get_group()) == members(mesh.get_group("pp_dp")) == line
        assert flat.get_local_rank() == mesh.get_local_rank("pp_dp") == 2 * pp + dp
        assert mesh["pp_dp"] == flat and mesh["pp", "dp"]._flatten() is flat
        both = mesh["pp_dp", "tp"]
        assert both.mesh.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
        assert both.get_group(0) is flat.get_group() and both["tp"] == mesh["tp"]
        assert mesh["pp", "tp"]._flatten("d").mesh.tolist() == [2 * dp + i for i in (0, 1, 4, 5)]
        every = mesh._flatten("all")
        assert every.get_group() is dist.group.WORLD and every.size() == 8
        with pytest.raises(RuntimeError, match="overlapping dim_names"):
            mesh["pp_dp", "dp"]
        with pytest.raises(KeyError, match=r"Valid mesh_dim_names are \['dp', 'tp'\]"):
            mesh["dp", "tp"]["pp_dp"]
        x = torch.full((1,), float(rank), device="cuda")
        dist.all_reduce(x, group=flat.get_group())
        assert x.item() == float(sum(line))

    ranks(body, 8)


def _mesh() -> DeviceMesh:
    return init_device_mesh("cuda", (2, 1), mesh_dim_names=("dp", "tp"))


# --- collectives with derivatives -----------------------------------------------------------------


def _derived(name: str, rank: int, place: str) -> tuple[list[Any], list[float]]:
    """Run one of three ranks; return its results, and the gradient of their weighted sum."""
    x = (torch.arange(3.0, device=place) + 10 * rank).requires_grad_()
    parts = list(x.chunk(3))
    like = [torch.zeros(1, device=place) for _ in range(3)]
    outs = {
        "all_reduce": lambda: functional.all_reduce(x),
        "broadcast": lambda: functional.broadcast(x, 1),
        "reduce": lambda: functional.reduce(x, 1),
        "gather": lambda: functional.gather(x, 1),
        "scatter": lambda: functional.scatter(parts, 1),
        "all_gather": lambda: functional.all_gather(x),
        "reduce_scatter": lambda: functional.reduce_scatter(like[0], parts),
        "all_to_all": lambda: functional.all_to_all(like, parts),
        "all_to_all_single": lambda: functional.all_to_all_single(torch.zeros(3, device=place), x),
    }[name]()
    outs = outs if isinstance(outs, tuple) else (outs,)
    total = sum((out * (rank + 1.0 + 10 * i)).sum() for i, out in enumerate(outs))
    total.backward()
    return [out.tolist() for out in outs], x.grad.tolist()


# Rank r has [10 r, 10 r + 1, 10 r + 2]; its i-th result counts r + 1 + 10 i times.
DERIVED: dict[str, tuple[list[Any], list[Any]]] = {
    "all_reduce": ([[[30.0, 33.0, 36.0]]] * 3, [[6.0] * 3] * 3),
    "broadcast": ([[[10.0, 11.0, 12.0]]] * 3, [[0.0] * 3, [6.0] * 3, [0.0] * 3]),
    "reduce": ([[[0.0, 1.0, 2.0]], [[30.0, 33.0, 36.0]], [[20.0, 21.0, 22.0]]], [[2.0] * 3] * 3),
    "gather": (
        [
            [[0.0] * 3] * 3,
            [[0.0, 1.0, 2.0], [10.0, 11.0, 12.0], [20.0, 21.0, 22.0]],
            [[0.0] * 3] * 3,
        ],
        [[2.0] * 3, [12.0] * 3, [22.0] * 3],
    ),
    "all_gather": (
        [[[0.0, 1.0, 2.0], [10.0, 11.0, 12.0], [20.0, 21.0, 22.0]]] * 3,
        [[6.0] * 3, [36.0] * 3, [66.0] * 3],
    ),
    "scatter": ([[[10.0]], [[11.0]], [[12.0]]], [[0.0] * 3, [1.0, 2.0, 3.0], [0.0] * 3]),
    "reduce_scatter": ([[[30.0]], [[33.0]], [[36.0]]], [[1.0, 2.0, 3.0]] * 3),
    "all_to_all": (
        [[[0.0 + r], [10.0 + r], [20.0 + r]] for r in range(3)],
        [[10.0 * r + 1, 10.0 * r + 2, 10.0 * r + 3] for r in range(3)],
    ),
    "all_to_all_single": (
        [[[0.0 + r, 10.0 + r, 20.0 + r]] for r in range(3)],
        [[1.0, 2.0, 3.0]] * 3,
    ),
}


@pytest.mark.parametrize("backend", ["nccl", "gloo"])
@pytest.mark.parametrize("name", DERIVED)
def test_derivatives_of_collectives(name: str, backend: str) -> None:
    outs, grads = DERIVED[name]
    found = ranks(lambda rank, ctx: _derived(name, rank, "cuda"), 3, backend=backend)
    assert found == {r: (outs[r], grads[r]) for r in range(3)}


def test_who_does_not_broadcast_has_no_gradient_even_where_it_is_infinite() -> None:
    def body(rank: int, ctx: Any) -> list[float]:
        x = torch.ones(2, device="cuda", requires_grad=True)
        (functional.broadcast(x, 1) * float("inf")).sum().backward()
        return x.grad.tolist()

    assert ranks(body, 2) == {0: [0.0, 0.0], 1: [float("inf")] * 2}


def test_a_broadcast_can_be_derived_twice() -> None:
    def body(rank: int, ctx: Any) -> list[float]:
        x = torch.full((2,), 3.0, device="cuda", requires_grad=True)
        cubes = functional.broadcast(x, 1) ** 3
        (first,) = torch.autograd.grad(cubes.sum(), x, create_graph=True)
        first.sum().backward()
        return x.grad.tolist()

    assert ranks(body, 2) == {0: [0.0, 0.0], 1: [36.0, 36.0]}


@pytest.mark.parametrize("name", ["reduce", "gather"])
def test_derivatives_of_collectives_to_one_rank(name: str) -> None:
    """What others get is theirs to define: zeros of a gather, their own of a reduce."""
    found = ranks(lambda rank, ctx: _derived(name, rank, "cpu"), 3, backend="gloo")
    if name == "reduce":
        assert found[1][0] == [[30.0, 33.0, 36.0]]
        assert [found[r][1] for r in range(3)] == [[2.0] * 3] * 3
    else:
        assert found[1][0] == [[0.0, 1.0, 2.0], [10.0, 11.0, 12.0], [20.0, 21.0, 22.0]]
        assert [found[r][1] for r in range(3)] == [[2.0] * 3, [12.0] * 3, [22.0] * 3]


def test_what_is_not_there_says_what_to_use() -> None:
    for name, advice in [
        ("fsdp", "DistributedDataParallel"),
        ("tensor", r"kernbench\.tp"),
        ("checkpoint", r"torch\.save"),
        ("rpc", "send, recv"),
        ("AllreduceOptions", "calls of torch.distributed themselves"),
        ("ProcessGroupNCCL", "new_group"),
        ("algorithms.join", "communication hook"),
        ("algorithms.ddp_comm_hooks.powerSGD_hook", "write a hook"),
    ]:
        with pytest.raises(NotImplementedError, match=rf"torch\.distributed\.{name}\..*{advice}"):
            attrgetter(name)(dist).anything()
