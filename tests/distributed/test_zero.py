"""``ZeroRedundancyOptimizer``: the steps of one optimizer, the state divided among the ranks."""

from __future__ import annotations

from typing import Any

import pytest
from machines import ranks

import kernbench.torch as torch
from kernbench import distributed as dist
from kernbench.distributed.optim import ZeroRedundancyOptimizer
from kernbench.torch import nn
from kernbench.torch.optim import SGD, Adam, lr_scheduler


def network(rank: int) -> Any:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2), nn.Tanh(), nn.Linear(2, 1))
    return net if dist.get_backend() == "gloo" else net.to(f"cuda:{rank}")


def train(net: Any, optimizer: Any, steps: int) -> list[list[float]]:
    schedule = lr_scheduler.StepLR(optimizer, 2, 0.5)
    for step in range(steps):
        optimizer.zero_grad()
        like = next(net.parameters())
        net(torch.ones(2, 3, device=like.device) * step).square().sum().backward()
        optimizer.step()
        schedule.step()
    return [each.flatten().tolist() for each in net.parameters()]


@pytest.mark.parametrize("backend", ["nccl", "gloo"])
def test_steps_are_those_of_one_optimizer(backend: str) -> None:
    def body(rank: int, ctx: Any) -> int:
        net, alone = network(rank), network(rank)
        divided = ZeroRedundancyOptimizer(net.parameters(), Adam, lr=0.1)
        assert train(net, divided, 4) == train(alone, Adam(alone.parameters(), lr=0.1), 4)
        return sum(each["exp_avg"].numel() for each in divided.optim.state.values())

    held = ranks(body, backend=backend)
    assert held == {0: 15, 1: 10, 2: 10}  # of 15 + 5 + 10 + 2 + 2 + 1, the largest first


def test_the_state_is_brought_together_and_divided_again() -> None:
    def body(rank: int, ctx: Any) -> None:
        net, alone = network(rank), network(rank)
        divided = ZeroRedundancyOptimizer(net.parameters(), SGD, lr=0.1, momentum=0.9)
        whole = SGD(alone.parameters(), lr=0.1, momentum=0.9)
        train(net, divided, 3)
        train(alone, whole, 3)
        with pytest.raises(RuntimeError, match=rf"consolidate_state_dict\(to={rank}\)"):
            divided.state_dict()
        divided.consolidate_state_dict(to=1)
        box = [divided.state_dict()] if rank == 1 else [None]
        dist.broadcast_object_list(box, src=1)
        state: Any = box[0]
        assert sorted(state["state"]) == list(range(6))
        assert state["param_groups"][0]["lr"] == whole.param_groups[0]["lr"] == 0.05
        again = ZeroRedundancyOptimizer(net.parameters(), SGD, lr=7.0, momentum=0.9)
        again.load_state_dict(state)
        assert train(net, again, 2) == train(alone, whole, 2)

    ranks(body, backend="gloo")


def test_groups_keep_their_options() -> None:
    def body(rank: int, ctx: Any) -> list[float]:
        first, second = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
        divided = ZeroRedundancyOptimizer([{"params": [first], "lr": 0.5}], SGD, lr=0.25)
        divided.add_param_group({"params": [second]})
        (first + second).sum().backward()
        divided.step()
        return [first.item(), second.item()]

    assert ranks(body, backend="gloo") == {rank: [0.5, 0.75] for rank in range(3)}


def test_what_is_refused() -> None:
    def body(rank: int, ctx: Any) -> None:
        weight = nn.Parameter(torch.ones(1))
        with pytest.raises(NotImplementedError, match=r"overlap_with_ddp=True.*step\(\) after"):
            ZeroRedundancyOptimizer([weight], SGD, overlap_with_ddp=True, lr=1.0)
        with pytest.raises(TypeError, match=r"`params` argument should be an iterable of Tensors"):
            ZeroRedundancyOptimizer(weight, SGD, lr=1.0)
        with pytest.raises(ValueError, match="a group that this rank is in"):
            ZeroRedundancyOptimizer([weight], SGD, process_group=-100, lr=1.0)

    ranks(body, backend="gloo")
