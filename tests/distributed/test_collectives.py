"""The other collectives: values against NumPy, shapes and errors as torch's (ADR-0059)."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np
import pytest
from machines import ranks

import kernbench as kb
import kernbench.torch as torch
from kernbench import distributed as dist
from kernbench.errors import ProcessExitedException

BACKENDS = ["nccl", "gloo"]
N = 3


def data(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(sum(shape))
    return rng.integers(-9, 9, (N, *shape)).astype(np.float32)


def same(found: dict[int, Any], wanted: Any) -> None:
    for rank in range(N):
        exact = wanted(rank)
        if exact is None:
            continue
        got, exact = np.asarray(found[rank]), np.asarray(exact)
        assert got.shape == exact.shape and np.array_equal(got, exact), (rank, got, exact)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [1, 777])
class TestValues:
    """Each collective, on each backend, at a size that does and one that does not divide."""

    def test_broadcast(self, backend: str, n: int) -> None:
        x = data(n)

        def body(rank: int, ctx: kb.Context) -> Any:
            mine = ctx.tensor(x[rank])
            dist.broadcast(mine, src=1)
            other = ctx.tensor(x[rank])
            dist.broadcast(other, group_src=2)
            return [mine.tolist(), other.tolist()]

        same(ranks(body, backend=backend), lambda rank: [x[1], x[2]])

    def test_reduce(self, backend: str, n: int) -> None:
        x = data(n)

        def body(rank: int, ctx: kb.Context) -> Any:
            mine = ctx.tensor(x[rank])
            dist.reduce(mine, dst=2, op=dist.ReduceOp.MAX)
            return mine.tolist()

        same(ranks(body, backend=backend), lambda r: x.max(0) if r == 2 else x[r])

    def test_all_gather(self, backend: str, n: int) -> None:
        x = data(n)

        def body(rank: int, ctx: kb.Context) -> Any:
            mine = ctx.tensor(x[rank])
            outputs = [ctx.zeros(n) for _ in range(N)]
            outputs[rank] = mine  # as picotron does: its own place is its input
            dist.all_gather(outputs, mine)
            return [each.tolist() for each in outputs]

        same(ranks(body, backend=backend), lambda rank: x)

    def test_all_gather_of_sizes_that_differ(self, backend: str, n: int) -> None:
        x = data(n + 5)

        def body(rank: int, ctx: kb.Context) -> Any:
            outputs = [ctx.zeros(n + r) for r in range(N)]
            dist.all_gather(outputs, ctx.tensor(x[rank][: n + rank]))
            return np.concatenate([each.numpy() for each in outputs])

        wanted = np.concatenate([x[r][: n + r] for r in range(N)])
        same(ranks(body, backend=backend), lambda rank: wanted)

    def test_all_gather_into_tensor(self, backend: str, n: int) -> None:
        x = data(n)

        def body(rank: int, ctx: kb.Context) -> Any:
            flat, stacked = ctx.zeros(N * n), ctx.zeros((N, n))
            dist.all_gather_into_tensor(flat, ctx.tensor(x[rank]))
            dist.all_gather_into_tensor(stacked, ctx.tensor(x[rank]))
            assert flat.tolist() == stacked.view(-1).tolist()
            return stacked.tolist()

        same(ranks(body, backend=backend), lambda rank: x)

    def test_several_in_one_call(self, backend: str, n: int) -> None:
        x, y = data(n), data(2, 3)

        def body(rank: int, ctx: kb.Context) -> Any:
            lines = [[ctx.zeros(n), ctx.zeros((2, 3)), ctx.zeros(0)] for _ in range(N)]
            mine = [ctx.tensor(x[rank]), ctx.tensor(y[rank]), ctx.zeros(0)]
            dist.all_gather_coalesced(lines, mine)
            assert [each[0].tolist() for each in lines] == x.tolist()
            assert [each[1].tolist() for each in lines] == y.tolist()
            dist.all_reduce_coalesced(mine, op=dist.ReduceOp.MAX)
            future = dist.all_reduce_coalesced(ctx.tensor(x[rank]), async_op=True)
            return mine[0].tolist(), mine[1].tolist(), future.wait()[0].tolist()

        wanted = x.max(0).tolist(), y.max(0).tolist(), x.sum(0).tolist()
        assert ranks(body, backend=backend) == dict.fromkeys(range(N), wanted)

    def test_calls_that_are_waited_for_together(self, backend: str, n: int) -> None:
        x = data(n)

        def body(rank: int, ctx: kb.Context) -> Any:
            a, b, c = (ctx.tensor(x[rank]) for _ in range(3))
            whole = ctx.zeros(N * n)
            with dist._coalescing_manager() as manager:
                dist.all_reduce(a)
                dist.all_gather_into_tensor(whole, b)
            assert manager.works == []
            with dist._coalescing_manager(async_ops=True) as manager:
                dist.all_reduce(b)
                dist.all_reduce(c, op=dist.ReduceOp.MIN)
            assert len(manager.works) == 2
            manager.wait()
            return [each.tolist() for each in (a, b, c, whole)]

        wanted = [x.sum(0).tolist(), x.sum(0).tolist(), x.min(0).tolist(), x.reshape(-1).tolist()]
        assert ranks(body, backend=backend) == dict.fromkeys(range(N), wanted)

    def test_reduce_scatter_tensor(self, backend: str, n: int) -> None:
        x = data(N, n)

        def body(rank: int, ctx: kb.Context) -> Any:
            output = ctx.zeros(n)
            dist.reduce_scatter_tensor(output, ctx.tensor(x[rank]))
            return output.tolist()

        same(ranks(body, backend=backend), lambda rank: x.sum(0)[rank])

    def test_reduce_scatter(self, backend: str, n: int) -> None:
        x = data(N, n + 2)

        def body(rank: int, ctx: kb.Context) -> Any:
            output = ctx.zeros(n + rank)
            inputs = [ctx.tensor(x[rank, r, : n + r]) for r in range(N)]
            dist.reduce_scatter(output, inputs)
            return output.tolist()

        same(ranks(body, backend=backend), lambda rank: x.sum(0)[rank, : n + rank])

    def test_gather_and_scatter(self, backend: str, n: int) -> None:
        x = data(n)

        def body(rank: int, ctx: kb.Context) -> Any:
            mine = ctx.tensor(x[rank])
            outputs = [ctx.zeros(n) for _ in range(N)] if rank == 1 else None
            dist.gather(mine, outputs, dst=1)
            back = ctx.zeros(n)
            dist.scatter(back, outputs[::-1] if outputs else None, src=1)
            return back.tolist()

        same(ranks(body, backend=backend), lambda rank: x[N - 1 - rank])

    def test_all_to_all(self, backend: str, n: int) -> None:
        x = data(N, n)

        def body(rank: int, ctx: kb.Context) -> Any:
            outputs = [ctx.zeros(n) for _ in range(N)]
            dist.all_to_all(outputs, [ctx.tensor(part) for part in x[rank]])
            single = ctx.zeros((N, n))
            dist.all_to_all_single(single, ctx.tensor(x[rank]))
            assert [each.tolist() for each in outputs] == single.tolist()
            return single.tolist()

        same(ranks(body, backend=backend), lambda rank: x[:, rank])

    def test_all_to_all_of_sizes_that_differ(self, backend: str, n: int) -> None:
        def size(i: int, j: int) -> int:
            return (i + 2 * j) % 4 * (n > 1) + (i == j)

        x = data(N, 4)

        def body(rank: int, ctx: kb.Context) -> Any:
            given = [size(rank, j) for j in range(N)]
            taken = [size(i, rank) for i in range(N)]
            source = np.concatenate([x[rank, j, : given[j]] for j in range(N)])
            output = ctx.zeros(sum(taken))
            dist.all_to_all_single(output, ctx.tensor(source), taken, given)
            return output.tolist()

        def wanted(rank: int) -> Any:
            return np.concatenate([x[i, rank, : size(i, rank)] for i in range(N)])

        same(ranks(body, backend=backend), wanted)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int32", "int64", "uint8"])
def test_other_dtypes(dtype: str) -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        kind = getattr(torch, dtype)
        x = torch.full((37,), rank + 1, dtype=kind, device="cuda")
        dist.all_reduce(x)
        gathered = torch.zeros((N, 37), dtype=kind, device="cuda")
        dist.all_gather_into_tensor(gathered, x)
        assert gathered.dtype is kind
        return gathered.tolist()

    same(ranks(body), lambda rank: np.full((N, 37), 6))


def test_premultiplied_sums() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x = ctx.tensor([1.0, 2.0])
        dist.all_reduce(x, op=dist.PremulSum(0.5))
        return x.tolist()

    same(ranks(body), lambda rank: [1.5, 3.0])


@pytest.mark.parametrize("call", ["all_reduce", "reduce", "reduce_scatter_tensor"])
def test_a_sum_is_no_premultiplied_one(call: str) -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        op = dist.ReduceOp.SUM if rank == 1 else dist.PremulSum(2.0)
        given = {
            "all_reduce": lambda: dist.all_reduce(ctx.zeros(4), op),
            "reduce": lambda: dist.reduce(ctx.zeros(4), 0, op),
            "reduce_scatter_tensor": lambda: dist.reduce_scatter_tensor(
                ctx.zeros(1), ctx.zeros(N), op
            ),
        }
        given[call]()

    with pytest.raises(kb.SpawnException, match="op sum") as caught:
        ranks(body)
    assert "op premul_sum" in str(caught.value)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: dist.all_reduce_coalesced([]), ValueError, "at least one tensor, got none"),
        (lambda x: dist.all_reduce_coalesced("x"), TypeError, "List"),
        (lambda x: dist.all_reduce_coalesced([x, x[2:]]), ValueError, "tensors: .* 0 and 1, which"),
        (
            lambda x: dist.all_reduce_coalesced([x, x.to(kb.int32)]),
            ValueError,
            "different dtypes",
        ),
        (
            lambda x: dist.all_gather_coalesced([[x]] * 2, [x]),
            ValueError,
            "output_tensor_lists: expected 3 tensors",
        ),
        (lambda x: dist.all_gather_coalesced(([x],) * 3, [x]), TypeError, "should be a list"),
        (lambda x: dist.all_gather_coalesced([[x]] * 3, [x]), ValueError, "0 and 1, which overlap"),
        (lambda x: dist.all_gather_coalesced([[x]] * 3, []), ValueError, "got none"),
        (
            lambda x: dist.all_gather_coalesced([[x[:1]], [x[1:2]], [x[2:]]], [x[:1]]),
            ValueError,
            r"output_tensor_lists\[2\]: expected tensors of \[1\] elements, .* got \[2\]",
        ),
    ],
)
def test_lists_of_calls_of_several_that_do_not_fit(call: Any, error: Any, message: str) -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        with pytest.raises(error, match=message):
            call(ctx.zeros(4))

    ranks(body)


def test_managers_of_calls_that_cannot_be() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        group = dist.new_group([0, 1])
        nested = dist._coalescing_manager()
        with pytest.raises(ValueError, match="another one"), dist._coalescing_manager(), nested:
            pass
        if rank == 2:
            with pytest.raises(ValueError, match="not a member"), dist._coalescing_manager(group):
                pass
        x = ctx.zeros(1) + 1
        with pytest.raises(KeyError), dist._coalescing_manager():
            raise KeyError
        dist.all_reduce(x)
        assert x.tolist() == [3.0]

    ranks(body)


def test_who_waits_at_the_end_of_a_manager_is_told_in_the_script() -> None:
    """And not in contextlib, whose frames lie between."""

    def body(rank: int, ctx: Any) -> None:
        x = ctx.ones(2)
        with dist._coalescing_manager():
            dist.all_reduce(x)
            if rank:
                dist.all_reduce(x)

    with pytest.raises(kb.DeadlockError, match=r"call 3 of .*, at test_collectives\.py:\d+, since"):
        ranks(body, n=2, backend="gloo")


def test_host_tensors_of_every_collective() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x = torch.full((5,), float(rank))
        lists = [torch.zeros(5) for _ in range(N)]
        dist.all_gather(lists, x)
        whole = torch.zeros(N, 5)
        dist.all_gather_into_tensor(whole, x)
        assert [each.tolist() for each in lists] == whole.tolist()
        dist.broadcast(x, 2)
        assert x.tolist() == [2.0] * 5
        part = torch.zeros(5)
        dist.reduce_scatter(part, [each.clone() for each in lists])
        assert part.tolist() == [3.0 * rank] * 5
        swapped = [torch.zeros(5) for _ in range(N)]
        dist.all_to_all(swapped, [torch.full((5,), 10.0 * rank + j) for j in range(N)])
        dist.gather(part, [torch.zeros(5) for _ in range(N)] if rank == 0 else None)
        dist.scatter(part, lists if rank == 0 else None)
        assert part.tolist() == [float(rank)] * 5
        return [each[0].item() for each in swapped]

    same(ranks(body, backend="gloo"), lambda rank: [10.0 * i + rank for i in range(N)])


def test_works_of_every_collective() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x, whole = ctx.tensor([float(rank)]), ctx.zeros(N)
        works = [
            dist.all_gather_into_tensor(whole, x, async_op=True),
            dist.broadcast(ctx.zeros(1), 0, async_op=True),
            dist.reduce(ctx.zeros(1), 0, async_op=True),
            dist.all_gather([ctx.zeros(1) for _ in range(N)], x, async_op=True),
            dist.reduce_scatter_tensor(ctx.zeros(1), ctx.zeros(N), async_op=True),
            dist.all_to_all_single(ctx.zeros(N), ctx.zeros(N), async_op=True),
            dist.barrier(async_op=True),
        ]
        assert all(work is not None and work.wait() is True for work in works)
        return whole.tolist()

    for backend in BACKENDS:
        same(ranks(body, backend=backend), lambda rank: [0.0, 1.0, 2.0])


def test_zero_sizes() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        none = ctx.zeros(0)
        dist.broadcast(none, 0)
        dist.all_gather([ctx.zeros(0) for _ in range(N)], none)
        dist.all_gather_into_tensor(ctx.zeros(0), none)
        dist.reduce_scatter_tensor(none, ctx.zeros(0))
        dist.all_to_all_single(ctx.zeros(0), none)
        dist.all_to_all([ctx.zeros(0) for _ in range(N)], [ctx.zeros(0) for _ in range(N)])

    ranks(body)


BAD = [
    (
        lambda d, c, r: d.broadcast(c.zeros(1), 7),
        r"src: Global rank 7 is not part .* one of \[0, 1",
    ),
    (lambda d, c, r: d.broadcast(c.zeros(1), "1"), "src: Global rank '1' is not part of group"),
    (lambda d, c, r: d.broadcast(c.zeros(1)), "group_rank: expected src or group_src"),
    (lambda d, c, r: d.broadcast(c.zeros(1), 0, group_src=0), "Can't specify both"),
    (lambda d, c, r: d.all_gather([c.zeros(1)], c.zeros(1)), "expected 3 tensors"),
    (lambda d, c, r: d.all_gather([c.zeros(2)] * 3, c.zeros(1)), "gives 1 elements"),
    (lambda d, c, r: d.all_gather_into_tensor(c.zeros(4), c.zeros(2)), "world_size times input"),
    (lambda d, c, r: d.reduce_scatter_tensor(c.zeros(4), c.zeros(2)), "output size times world"),
    (lambda d, c, r: d.reduce_scatter(c.zeros(4), [c.zeros(2)] * 3), "output of 2 elements"),
    (
        lambda d, c, r: d.all_gather_into_tensor(c.zeros(3, dtype=kb.float16), c.zeros(1)),
        "Invalid usage of tensors with different dtypes",
    ),
    (
        lambda d, c, r: d.gather(c.zeros(1), [c.zeros(1)] * 3 if r else None),
        r"gather_list.* must (NOT )?be specified on (non-)?destination rank",
    ),
    (
        lambda d, c, r: d.scatter(c.zeros(1), [c.zeros(1)] * 3 if r else None),
        r"scatter_list.* must (NOT )?be specified on (non-)?source rank",
    ),
    (lambda d, c, r: d.all_to_all([c.zeros(1)] * 2, [c.zeros(1)] * 3), "expected 3 tensors"),
    (lambda d, c, r: d.all_to_all_single(c.zeros(4), c.zeros(4)), "does not divide equally"),
    (
        lambda d, c, r: d.all_to_all_single(c.zeros(3), c.zeros(3), [1, 2], [3]),
        "not equal to group",
    ),
    (lambda d, c, r: d.all_to_all_single(c.zeros(3), c.zeros(3), [1, 1, 2]), "match total dim 0"),
    (lambda d, c, r: d.monitored_barrier(), "only implemented for GLOO"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_arguments_that_do_not_fit(call: Any, message: str) -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        with pytest.raises(ValueError, match=message):
            call(dist, ctx, rank)

    ranks(body)


def test_sizes_that_do_not_fit_are_errors_of_both_classes() -> None:
    """Of torch's backends gloo raises RuntimeError for them, nccl ValueError."""

    def body(rank: int, ctx: kb.Context) -> None:
        for kind in (ValueError, RuntimeError):
            with pytest.raises(kind, match="world_size times input"):
                dist.all_gather_into_tensor(ctx.zeros(4), ctx.zeros(2))

    ranks(body)


def test_results_that_overlap() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        y, x = ctx.zeros(6), ctx.zeros(2)
        cut = [y[0:2], y[2:4], y[3:5]]
        with pytest.raises(
            ValueError, match=r"tensor_list: expected .* got 1 and 2, which overlap"
        ):
            dist.all_gather(cut, x)
        with pytest.raises(ValueError, match=r"output_tensor_list: .* got 1 and 2, which overlap"):
            dist.all_to_all(cut, [x, x, x])
        with pytest.raises(ValueError, match="all_to_all: expected input and output that lie"):
            dist.all_to_all_single(y[1:4], y[0:3], [1] * 3, [1] * 3)

    ranks(body)


def test_results_that_interleave_lie_apart() -> None:
    """Columns of a matrix are no neighbours, and share nothing; shifted ones do."""

    def body(rank: int, ctx: kb.Context) -> Any:
        y = ctx.zeros((4, N))
        dist.all_gather([y[:, r] for r in range(N)], ctx.zeros(4) + rank)
        crossing = [y[:, 0], y[1], y[3:, 1]]
        with pytest.raises(ValueError, match="got 0 and 1, which overlap"):
            dist.all_to_all(crossing, [ctx.zeros(1)] * N)
        return y.tolist()

    same(ranks(body, backend="gloo"), lambda rank: [[0.0, 1.0, 2.0]] * 4)


@pytest.mark.parametrize("name", ["all_gather", "reduce_scatter"])
def test_uneven_parts_send_no_more_than_there_is(name: str) -> None:
    """Not as if each were as long as the longest: less time than where all are."""

    def taken_fs(rank: int, ctx: kb.Context, sizes: list[int]) -> int:
        parts, mine = [ctx.zeros(size) for size in sizes], ctx.zeros(sizes[rank])
        dist.barrier()
        ctx.synchronize()
        began_fs = ctx.now_fs
        if name == "all_gather":
            dist.all_gather(parts, mine)
        else:
            dist.reduce_scatter(mine, parts)
        ctx.synchronize()
        return ctx.now_fs - began_fs

    def latest_fs(*sizes: int) -> int:
        found = ranks(lambda rank, ctx: taken_fs(rank, ctx, list(sizes)), backend="gloo")
        return max(found.values())

    assert latest_fs(10, 20, 200_000) < 0.7 * latest_fs(200_000, 200_000, 200_000)


def test_lists_of_something_else() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        with pytest.raises(TypeError, match=r"parameter `tensor_list` of type List"):
            dist.all_gather(3, ctx.zeros(1))  # type: ignore[arg-type]

    ranks(body)


def test_uneven_parts_that_do_not_fit_say_which_ranks() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        outputs = [ctx.zeros(2) for _ in range(N)]
        dist.all_to_all(outputs, [ctx.zeros(2 + (rank == 1 and j == 2)) for j in range(N)])

    with pytest.raises(kb.SpawnException) as caught:
        ranks(body)
    assert len(caught.value.errors) == N
    for _, error, _ in caught.value.errors:
        assert isinstance(error, kb.CollectiveMismatchError)
        assert re.search(r"rank 1 gives rank 2 3 elements, which expects 2", str(error))


def test_a_rank_whose_own_parts_are_equal_among_uneven_ones() -> None:
    """It cannot know that those of others are not (ADR-0059 D9)."""
    sizes = [[2, 2, 2], [2, 3, 1], [2, 5, 4]]

    def body(rank: int, ctx: kb.Context) -> Any:
        outputs = [ctx.zeros(row[rank]) for row in sizes]
        inputs = [ctx.tensor([10.0 * rank + j] * n) for j, n in enumerate(sizes[rank])]
        dist.all_to_all(outputs, inputs)
        return [each.tolist() for each in outputs]

    found = ranks(body)
    for rank in range(N):
        assert found[rank] == [[10.0 * i + rank] * row[rank] for i, row in enumerate(sizes)]


def test_uneven_parts_are_exchanged_on_the_machine_alone() -> None:
    """With nccl, who comes first goes on at once (ADR-0059 D9)."""

    def body(rank: int, ctx: kb.Context) -> Any:
        sizes = [1 + (j == rank) * rank for j in range(N)]  # rank r keeps 1 + r
        source, output = ctx.zeros(sum(sizes)), ctx.zeros(sum(sizes))
        while rank == 2 and ctx.now_fs < 10**11:
            ctx.tensor([1.0])
        began_fs = ctx.now_fs
        work = dist.all_to_all_single(output, source, sizes, sizes, async_op=True)
        assert work is not None
        return began_fs, ctx.now_fs

    found = ranks(body)
    assert max(found[rank][1] for rank in (0, 1)) < found[2][0]


def test_roots_that_differ_are_a_mismatch() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        dist.broadcast(ctx.zeros(1), rank % 2)
        ctx.synchronize()

    with pytest.raises(kb.SpawnException) as caught:
        ranks(body)
    assert all(isinstance(e, kb.CollectiveMismatchError) for _, e, _ in caught.value.errors)
    assert len(caught.value.errors) == N


def test_groups_with_ranks_in_common_run_together() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        pairs = [dist.new_group([0, 1]), dist.new_group([1, 2])]
        x = ctx.tensor([float(rank + 1)])
        works = []
        for pair in pairs:
            if pair != dist.GroupMember.NON_GROUP_MEMBER:
                y = ctx.zeros(2)
                works.append((y, dist.all_gather_into_tensor(y, x, group=pair, async_op=True)))
        dist.all_reduce(x)
        for _, work in works:
            assert work is not None
            work.wait()
        return x.tolist(), [y.tolist() for y, _ in works]

    found = ranks(body)
    assert found[0] == ([6.0], [[1.0, 2.0]])
    assert found[1] == ([6.0], [[1.0, 2.0], [2.0, 3.0]])
    assert found[2] == ([6.0], [[2.0, 3.0]])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_rank_that_leaves_early_is_named(backend: str) -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        if rank == 2:
            raise SystemExit(0)
        dist.broadcast(ctx.zeros(1), 0)

    with pytest.raises(
        kb.DeadlockError, match=r"waits for broadcast, call 2.*of 3 ranks, rank 2 has"
    ):
        ranks(body, backend=backend)


def test_who_waits_for_work_behind_a_collective_is_told_which_one() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        x = torch.zeros(4, device="cuda")
        for _ in range(1 + rank):
            dist.all_reduce(x)
        (x + 1).tolist()

    with pytest.raises(kb.DeadlockError) as caught:
        ranks(body, 2)
    lines = str(caught.value).splitlines()
    who = "of 2 ranks, rank 0 has not entered; rank 0 has ended"
    call = f"  all_reduce, call 3 of the default group ({who}), called at test_collectives.py:"
    assert sum(line.startswith(call) for line in lines) == 1


def test_ranks_whose_environment_names_other_algorithms() -> None:
    """Their kernels would wait for each other for ever."""

    def body(rank: int, ctx: kb.Context) -> None:
        os.environ["KERNBENCH_CCL"] = "all_reduce=ring" if rank else "two_shot"
        dist.broadcast(torch.zeros(8, device="cuda"), src=0)  # which neither says anything of
        dist.all_reduce(torch.zeros(4096, device="cuda"))

    wanted = "KERNBENCH_CCL asks for two_shot at rank 0, for ring at rank 1:\n +rank 0 called all"
    with pytest.raises(kb.SpawnException, match=wanted):
        ranks(body, 2)


def test_booleans_are_or_ed_and_sent() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x = torch.tensor([False, rank == 1], device="cuda")
        y = torch.tensor([rank == 2, False], device="cuda")
        dist.all_reduce(x)
        dist.broadcast(y, 2)
        return x.tolist(), y.tolist()

    assert ranks(body) == {r: ([False, True], [True, False]) for r in range(N)}


def test_outputs_that_hold_the_input() -> None:
    """As FSDP does: a rank's own part of the output is its input."""

    def body(rank: int, ctx: kb.Context) -> Any:
        whole = ctx.zeros(4 * N)
        mine = whole[4 * rank : 4 * rank + 4]
        mine.fill_(rank + 1)
        dist.all_gather_into_tensor(whole, mine)
        gathered = whole.tolist()
        dist.reduce_scatter_tensor(mine, whole)
        return gathered, mine.tolist()

    for rank, (gathered, mine) in ranks(body).items():
        assert gathered == [1.0 + i // 4 for i in range(4 * N)]
        assert mine == [N * (rank + 1.0)] * 4


def test_gloo_takes_strides_and_scalars() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x = torch.full((3, 4), float(rank), device="cuda").t()
        dist.all_reduce(x)
        scalar = torch.tensor(2.0, device="cuda")
        dist.broadcast(scalar, 0)
        return x.tolist(), scalar.item()

    assert ranks(body, backend="gloo")[0] == ([[3.0] * 3] * 4, 2.0)


def test_a_destroyed_group_is_refused() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        group = dist.new_group([0, 1, 2])
        dist.destroy_process_group(group)
        with pytest.raises(ValueError, match="is not registered: it was destroyed"):
            dist.all_reduce(ctx.zeros(1), group=group)
        with pytest.raises(ValueError, match="Invalid process group"):
            dist.destroy_process_group(group)

    ranks(body)


def test_what_is_no_operation_and_what_has_no_bits() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        with pytest.raises(TypeError, match=r"op: expected a ReduceOp such as .*, got 'sum'"):
            dist.all_reduce(ctx.zeros(1), op="sum")
        with pytest.raises(
            RuntimeError, match=r"Cannot use ReduceOp\.BAND with non-integral dtype"
        ):
            dist.all_reduce(ctx.zeros(1), op=dist.ReduceOp.BAND)

    ranks(body, backend="gloo")


def test_the_lowest_rank_at_fault_is_named_first() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        raise ValueError(f"of {rank}")

    with pytest.raises(kb.SpawnException) as caught:
        ranks(body)
    assert caught.value.error_index == 0
    assert [str(error) for _, error, _ in caught.value.errors] == ["of 0", "of 1", "of 2"]


def test_a_rank_that_exits_with_a_status_ends_the_others() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        x = ctx.zeros(1)
        if rank == 1:
            dist.isend(x, 0)  # which nobody receives: no reason to wait for it
            raise SystemExit(3)
        dist.all_reduce(x)
        x.tolist()

    with pytest.raises(ProcessExitedException, match="process 1 terminated with exit code 3"):
        ranks(body)


def test_a_group_of_one_needs_no_peers() -> None:
    from machines import machine

    with machine(1) as ctx:
        dist.init_process_group("nccl", "tcp://localhost:1", rank=0, world_size=1)
        x, y, objects = ctx.tensor([4.0]), ctx.zeros(1), [None]
        dist.all_reduce(x)
        dist.all_gather_into_tensor(y, x)
        dist.barrier()
        dist.all_gather_object(objects, "o")
        assert (x.tolist(), y.tolist(), objects) == ([4.0], [4.0], ["o"])
        dist.destroy_process_group()
