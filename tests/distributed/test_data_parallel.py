"""DistributedDataParallel: gradients are those of the whole batch, on every rank."""

from __future__ import annotations

from typing import Any

import pytest
from machines import ranks

import kernbench as kb
import kernbench.torch as torch
from kernbench import distributed as dist
from kernbench.torch import nn
from kernbench.torch.nn.parallel import DistributedDataParallel

N = 3


def model_of(seed: int) -> Any:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def batch() -> Any:
    torch.manual_seed(9)
    return torch.randn(2 * N, 4)


def gradients(model: Any) -> list[Any]:
    return [None if p.grad is None else p.grad.cpu().numpy().copy() for p in model.parameters()]


def whole() -> list[Any]:
    model = model_of(0)
    model(batch()).square().mean().backward()
    return gradients(model)


def close(found: list[Any], expected: list[Any], factor: float = 1.0) -> bool:
    return all(abs(a - factor * b).max() < 1e-6 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("backend", ["nccl", "gloo"])
@pytest.mark.parametrize("as_view", [False, True])
@pytest.mark.parametrize("cap_mb", [25, 1e-5])
def test_gradients_are_of_the_whole_batch(cap_mb: float, as_view: bool, backend: str) -> None:
    """Whatever the buckets; parameters are the first rank's."""

    def body(rank: int, ctx: kb.Context) -> Any:
        device = "cuda" if backend == "nccl" else "cpu"
        inner = model_of(rank).to(device)
        model = DistributedDataParallel(
            inner,
            device_ids=[rank] if backend == "nccl" else None,
            bucket_cap_mb=cap_mb,
            gradient_as_bucket_view=as_view,
        )
        part = batch()[2 * rank : 2 * rank + 2]
        model(part).square().mean().backward()
        first = gradients(model)
        model(part).square().mean().backward()
        return first, gradients(model), inner[0].weight.detach().cpu().numpy()

    found = ranks(body, N, backend=backend)
    expected, weight = whole(), model_of(0)[0].weight.detach().numpy()
    for first, second, own in found.values():
        assert close(first, expected) and close(second, expected, 2) and (own == weight).all()
        assert all((a == b).all() for a, b in zip(first, found[0][0], strict=True))


def test_a_bucket_is_reduced_while_backward_goes_on() -> None:
    """The first all-reduce is issued before the last gradient has come."""

    def body(rank: int, ctx: kb.Context) -> Any:
        inner = model_of(0).cuda()
        model = DistributedDataParallel(inner, bucket_cap_mb=1e-5)
        order: list[str] = []

        def hook(state: Any, bucket: Any) -> Any:
            order.append(f"bucket {bucket.index()}{' last' if bucket.is_last() else ''}")
            line = bucket.buffer() / state
            work = dist.all_reduce(line, async_op=True)
            assert work is not None
            return work.get_future()

        model.register_comm_hook(N, hook)
        inner[0].weight.register_hook(lambda grad: order.append("first layer"))
        model(batch()[2 * rank : 2 * rank + 2].cuda()).square().mean().backward()
        return order, close(gradients(model), whole())

    for order, right in ranks(body, N).values():
        assert right and order.index("bucket 0") < order.index("first layer")
        assert order[-1].endswith("last")


def test_gradients_add_up_without_sync() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        model = DistributedDataParallel(model_of(0))
        part = batch()[2 * rank : 2 * rank + 2]
        with model.no_sync():
            model(part).square().mean().backward()
        alone = gradients(model)
        model(part).square().mean().backward()
        return alone, gradients(model)

    found = ranks(body, N, backend="gloo")
    assert not close(found[0][0], found[1][0])
    assert all(close(both, whole(), 2) for _, both in found.values())


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: Any, which: str) -> Any:
        return {"result": getattr(self, which)(x)}


@pytest.mark.parametrize("told_by", ["find_unused_parameters", "static_graph"])
def test_parameters_that_are_not_used(told_by: str) -> None:
    """Used on some ranks: an average; on none: no gradient.  Untold, the next pass says so."""

    def body(rank: int, ctx: kb.Context) -> Any:
        model = DistributedDataParallel(Branches(), **{told_by: True})
        model(torch.ones(1, 2), "a" if rank else "b")["result"].sum().backward()
        found = [each if each is None else each.tolist() for each in gradients(model)][1::2]
        strict = DistributedDataParallel(Branches())
        strict(torch.ones(1, 2), "a")["result"].sum().backward()
        with pytest.raises(
            RuntimeError, match=r"finished reduction.*rank \d: b\.weight, b\.bias, c"
        ):
            strict(torch.ones(1, 2), "a")
        return found

    for a, b, c in ranks(body, N, backend="gloo").values():
        assert a == pytest.approx([2 / 3] * 2) and b == pytest.approx([1 / 3] * 2) and c is None


@pytest.mark.parametrize("name", ["mixed_precision", "device_mesh"])
def test_what_would_change_values_is_refused(name: str) -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        with pytest.raises(NotImplementedError, match=f"{name} is not supported; expected None"):
            DistributedDataParallel(nn.Linear(1, 1), **{name: object()})

    ranks(body, N, backend="gloo")


def test_buffers_are_the_first_rank_s() -> None:
    class Counts(nn.Module):
        def __init__(self, n: float) -> None:
            super().__init__()
            self.linear = nn.Linear(1, 1)
            self.register_buffer("n", torch.tensor([n]))

        def forward(self, x: Any) -> Any:
            return self.linear(x) * self.n

    def body(rank: int, ctx: kb.Context) -> Any:
        model = DistributedDataParallel(Counts(5.0 + rank))
        at_first = model.module.n.item()
        model.module.n += rank
        model(torch.ones(1, 1))
        with model.no_sync():
            model.module.n += rank
            model(torch.ones(1, 1))
        return at_first, model.module.n.item()

    assert ranks(body, 2, backend="gloo") == {0: (5.0, 5.0), 1: (5.0, 6.0)}


def test_what_does_not_fit() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        with pytest.raises(RuntimeError, match="any parameter that requires a gradient"):
            DistributedDataParallel(nn.ReLU())
        with pytest.raises(ValueError, match="contain a single element"):
            DistributedDataParallel(nn.Linear(1, 1), device_ids=[0, 1])
        with pytest.raises(NotImplementedError, match=r"DistributedDataParallel.join.*drop_last"):
            DistributedDataParallel(nn.Linear(1, 1)).join()
        with pytest.raises(ValueError, match="only work with single-device"):
            DistributedDataParallel(nn.Linear(1, 1), device_ids=[0])
        DistributedDataParallel(nn.Linear(1, 1 + rank))

    with pytest.raises(kb.SpawnException) as caught:
        ranks(body, 2, backend="gloo")
    assert all(isinstance(e, kb.CollectiveMismatchError) for _, e, _ in caught.value.errors)
    assert "DistributedDataParallel(parameters [(2, 1), (2,)])" in str(caught.value)


@pytest.mark.parametrize("backend", ["nccl", "gloo"])
@pytest.mark.parametrize("name", ["allreduce_hook", "fp16_compress_hook", "bf16_compress_hook"])
def test_hooks_of_torch_average(name: str, backend: str) -> None:
    """Small integers and their means are exact in every dtype."""

    def body(rank: int, ctx: kb.Context) -> Any:
        hook = getattr(dist.algorithms.ddp_comm_hooks.default_hooks, name)
        model = torch.nn.Linear(3, 2, device="cuda")
        parallel = torch.nn.parallel.DistributedDataParallel(model)
        group = dist.new_group() if name == "allreduce_hook" else None
        parallel.register_comm_hook(group, hook)
        x = torch.arange(3.0, device="cuda").view(1, 3) * (2 * rank + 1)
        parallel(x).sum().backward()
        return model.weight.grad.tolist(), model.bias.grad.tolist()

    wanted = [[0.0, 3.0, 6.0]] * 2, [1.0, 1.0]
    assert ranks(body, 3, backend=backend) == dict.fromkeys(range(3), wanted)
    assert dist.GradBucket.__name__ == "GradBucket"
