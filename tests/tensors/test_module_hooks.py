"""Hooks of modules and optimizers, and containers that change: as torch 2.13 has them."""

from __future__ import annotations

from typing import Any

import pytest

import kernbench.torch as torch
from kernbench.torch import nn


def lists(grads: Any) -> list[Any]:
    return [None if each is None else each.tolist() for each in grads]


class Mixed(nn.Module):
    """Two results of two arguments."""

    def forward(self, a: Any, b: Any, factor: float = 1.0) -> Any:
        return a * b * factor, a + b


def test_backward_hooks_see_the_gradients_of_their_module() -> None:
    seen: list[Any] = []
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Tanh())
    model[0].weight.data.fill_(2.0)
    for name, module in model.named_children():
        module.register_full_backward_pre_hook(
            lambda module, outs, name=name: seen.append((name, "before", lists(outs)))
        )
        module.register_full_backward_hook(
            lambda module, ins, outs, name=name: seen.append((name, lists(ins), lists(outs)))
        )
    x = torch.zeros(1, 1, requires_grad=True)
    (model(x).sum() * 3 + x.sum()).backward()
    assert seen == [
        ("1", "before", [[[3.0]]]),
        ("1", [[[3.0]]], [[[3.0]]]),
        ("0", "before", [[[3.0]]]),
        ("0", [[[6.0]]], [[[3.0]]]),  # and not that of x, which is used elsewhere, too
    ]
    assert x.grad is not None and x.grad.tolist() == [[7.0]]


def test_backward_hooks_change_gradients() -> None:
    module = Mixed()
    a, b = torch.ones(2, requires_grad=True), torch.full((2,), 3.0, requires_grad=True)
    before = module.register_full_backward_pre_hook(lambda module, outs: (outs[0] * 2, outs[1]))
    with module.register_full_backward_hook(lambda module, ins, outs: (ins[0] * 10, None)):
        product, total = module(a, b)
        (product + total).sum().backward()
        assert (a.grad.tolist(), b.grad) == ([70.0, 70.0], None)
    before.remove()
    a.grad = None
    module(a, b)[0].sum().backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([3.0, 3.0], [1.0, 1.0])


class Apart(nn.Module):
    def forward(self, a: Any, b: Any) -> Any:
        return a * 2, b * 3


def test_what_backward_does_not_reach_is_none_outside_of_a_module_and_zeros_inside() -> None:
    seen: list[Any] = []
    module = Apart()
    module.register_full_backward_pre_hook(lambda module, outs: seen.append(lists(outs)))
    module.register_full_backward_hook(lambda module, ins, outs: seen.append(lists(ins)))
    a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    module(a, b)[0].sum().backward()
    assert seen == [[[1.0, 1.0], None], [[2.0, 2.0], [0.0, 0.0]]]
    assert b.grad.tolist() == [0.0, 0.0]
    module.register_full_backward_pre_hook(lambda module, outs: (None, outs[1] * 5))
    x, y = module(a, b)
    (x.sum() + y.sum()).backward()
    assert seen[-1] == [[0.0, 0.0], [15.0, 15.0]]
    module.register_full_backward_pre_hook(lambda module, outs: outs[:1])
    with pytest.raises(RuntimeError, match="invalid number of grad_output, got 1, but expected 2"):
        sum(module(a, b)).sum().backward()
    with pytest.raises(NotImplementedError, match="use register_full_backward_hook"):
        module.register_backward_hook(print)


def test_backward_hooks_of_what_has_no_gradients() -> None:
    seen: list[Any] = []
    module = Mixed()
    module.register_full_backward_hook(lambda module, ins, outs: seen.append(lists(ins)))
    a, b = torch.ones(2, requires_grad=True), torch.ones(2)
    with torch.no_grad():
        assert module(a, b)[0].grad_fn is None
    module(a, b)[0].sum().backward()
    assert seen == [[[1.0, 1.0], [0.0, 0.0]]]
    module(a, 3.0)[1].sum().backward()
    assert seen[-1] == [[1.0, 1.0], None]
    linear = nn.Linear(2, 2)
    linear.register_full_backward_hook(lambda module, ins, outs: seen.append(ins))
    with pytest.warns(UserWarning, match="no inputs require gradients"):
        linear(torch.ones(2)).sum().backward()
    assert seen[-1] == (None,)
    linear.register_full_backward_hook(lambda module, ins, outs: (outs[0],))
    with (
        pytest.warns(UserWarning, match="no inputs"),
        pytest.raises(RuntimeError, match="should always return None"),
    ):
        linear(torch.ones(2)).sum().backward()
    wrong = Mixed()
    wrong.register_full_backward_hook(lambda module, ins, outs: (ins[0],))
    with pytest.raises(RuntimeError, match="got 1, but expected 2"):
        wrong(a, b)[0].sum().backward()


def test_forward_hooks_with_options() -> None:
    seen: list[Any] = []
    module = Mixed()
    module.register_forward_pre_hook(
        lambda module, args, kwargs: (args, {"factor": kwargs["factor"] * 10}), with_kwargs=True
    )
    module.register_forward_pre_hook(lambda module, args: (args[0] * 2, args[1]))
    module.register_forward_hook(
        lambda module, args, kwargs, result: seen.append(kwargs), with_kwargs=True
    )
    module.register_forward_hook(lambda module, args, result: seen.append("first"), prepend=True)
    module.register_forward_hook(lambda module, args, result: result[0])
    assert module(torch.ones(1), torch.ones(1), factor=3.0).tolist() == [60.0]
    assert seen == ["first", {"factor": 30.0}]


def test_a_forward_hook_that_is_always_called() -> None:
    seen: list[Any] = []
    module = nn.Module()
    module.register_forward_hook(lambda *args: seen.append(args[2]), always_call=True)
    module.register_forward_hook(lambda *args: seen.append("never"))
    with pytest.raises(NotImplementedError, match='missing the required "forward"'):
        module(1)
    assert seen == [None]


def test_hooks_of_an_optimizer() -> None:
    seen: list[Any] = []
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(len(args)))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(weight.item()))
    weight.sum().backward()
    optimizer.step()
    before.remove()
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 5.0), {}))
    assert optimizer.step() == 5.0
    assert seen[:1] == [1] and len(seen) == 3 and seen[1] == pytest.approx(0.9)


def test_containers_change() -> None:
    chain = nn.Sequential(nn.ReLU(), nn.Tanh())
    chain.insert(1, nn.GELU()).extend([nn.SiLU()])
    assert isinstance(chain.pop(0), nn.ReLU) and len(chain) == 3
    del chain[0]
    chain[-1] = nn.Sigmoid()
    assert [type(each).__name__ for each in chain] == ["Tanh", "Sigmoid"]
    assert list(chain.state_dict()) == [] and [name for name, _ in chain.named_children()] == [
        "0",
        "1",
    ]
    listed = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    assert isinstance(listed.pop(0), nn.ReLU)
    del listed[0]
    assert len(listed) == 0
    named = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Tanh(), "c": nn.GELU()})
    assert isinstance(named.pop("a"), nn.ReLU)
    del named["b"]
    assert list(named) == ["c"]
    named.clear()
    assert len(named) == 0
    assert len(nn.ParameterList([torch.ones(1)]).extend([torch.ones(1)])) == 2


def test_loading_that_assigns() -> None:
    module = nn.Linear(2, 2)
    state = {name: value.double() for name, value in nn.Linear(2, 2).state_dict().items()}
    assert repr(module.load_state_dict(state)) == "<All keys matched successfully>"
    assert module.weight.dtype == torch.float32
    module.load_state_dict(state, assign=True)
    assert module.weight.dtype == torch.float64 and module.weight.requires_grad
    state["weight"].fill_(7.0)
    assert module.weight.tolist() == [[7.0, 7.0], [7.0, 7.0]]
    assert module.to_empty(device="cpu").weight.shape == torch.Size([2, 2])
    module.register_buffer("mask", torch.ones(1))
    assert nn.Sequential(module).get_buffer("0.mask").tolist() == [1.0]
    assert repr(module.load_state_dict({}, strict=False)).startswith("_IncompatibleKeys(missing")


def test_parameters_as_one_vector() -> None:
    module = nn.Linear(2, 1)
    vector = nn.utils.parameters_to_vector(module.parameters())
    assert vector.tolist() == [*module.weight[0].tolist(), module.bias.item()]
    flat = torch.arange(3.0)
    nn.utils.vector_to_parameters(flat, module.parameters())
    assert (module.weight.tolist(), module.bias.tolist()) == ([[0.0, 1.0]], [2.0])
    flat.add_(1)
    assert module.bias.tolist() == [3.0] and module.bias.requires_grad
    with pytest.raises(TypeError, match=r"expected torch\.Tensor, but got: <class 'list'>"):
        nn.utils.vector_to_parameters([1.0], module.parameters())
