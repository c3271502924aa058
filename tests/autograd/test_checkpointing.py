"""torch.utils.checkpoint: the gradients of the plain function, without what it saved."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import pytest

import kernbench as kb
import kernbench.torch as torch
from kernbench.autograd.node import Saved
from kernbench.torch import nn
from kernbench.torch.utils.checkpoint import (
    CheckpointError,
    checkpoint,
    checkpoint_sequential,
)


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * x * grad


def inner(x: Any) -> Any:
    return checkpoint(lambda y: y.exp() * y, x.tanh(), use_reentrant=False).sin()


FUNCTIONS: list[Callable[[Any], Any]] = [
    lambda x: x.exp() * x.sin(),
    lambda x: Square.apply(x).exp() + x,
    lambda x: nn.functional.dropout(x, 0.5, True) * x,
    lambda x: (x * 2).tanh().sum(),
    inner,
]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_gradients_are_those_of_the_plain_function(
    ctx: kb.Context, function: Callable[[Any], Any], reentrant: bool, device: str
) -> None:
    found = []
    for run in (function, lambda x: checkpoint(function, x, use_reentrant=reentrant)):
        torch.manual_seed(0)
        x = torch.randn(2, 3, device=device).requires_grad_()
        result = run(x)
        result.sum().backward()
        found.append((result.tolist(), x.grad.tolist(), torch.rand(2).tolist()))
    assert found[0] == found[1]


def test_nothing_is_kept_until_backward() -> None:
    calls = []

    def function(x: Any) -> Any:
        calls.append(1)
        return (x.exp() * x).sin()

    x = torch.ones(2, requires_grad=True)
    result = checkpoint(function, x, use_reentrant=False)
    saved = [each for each in result.grad_fn.saved if isinstance(each, Saved)]
    assert saved and all(each._tensor is None for each in saved)
    result.sum().backward(retain_graph=True)
    assert len(calls) == 2 and all(each._tensor is not None for each in saved)
    result.sum().backward()
    assert len(calls) == 2
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        result.sum().backward()


def test_parameters_get_gradients_without_an_argument_that_does() -> None:
    linear = nn.Linear(2, 2)
    x = torch.ones(1, 2)
    checkpoint(linear, x, use_reentrant=False).sum().backward()
    assert linear.weight.grad is not None and linear.weight.grad.tolist() == [[1.0, 1.0]] * 2
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad"):
        assert not checkpoint(linear, x, use_reentrant=True).requires_grad
    with pytest.warns(UserWarning, match="should be passed explicitly"):
        checkpoint(linear, x.requires_grad_())
    with torch.no_grad():
        assert not checkpoint(linear, x, use_reentrant=False).requires_grad


def test_grad_several_results_keywords_and_higher_derivatives() -> None:
    x = torch.full((2,), 2.0, requires_grad=True)
    a, b = checkpoint(lambda y, factor: (y * factor, y), x, factor=3.0, use_reentrant=False)
    assert torch.autograd.grad((a * b).sum(), x)[0].tolist() == [12.0, 12.0]
    cube = checkpoint(lambda y: y.pow(3).sum(), x, use_reentrant=False)
    (first,) = torch.autograd.grad(cube, x, create_graph=True)
    first.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [12.0, 12.0]


def test_contexts_of_both_runs() -> None:
    seen: list[str] = []

    @contextlib.contextmanager
    def noting(name: str) -> Any:
        seen.append(name)
        yield

    x = torch.ones(2, requires_grad=True)
    contexts = lambda: (noting("first"), noting("again"))  # noqa: E731
    checkpoint(torch.exp, x, use_reentrant=False, context_fn=contexts).sum().backward()
    assert seen == ["first", "again"]


def test_a_chain_in_segments() -> None:
    torch.manual_seed(0)
    chain = nn.Sequential(*[nn.Sequential(nn.Linear(3, 3), nn.Tanh()) for _ in range(5)])
    found = []
    for run in (chain, lambda x: checkpoint_sequential(chain, 2, x, use_reentrant=False)):
        chain.zero_grad()
        x = torch.ones(2, 3, requires_grad=True)
        run(x).sum().backward()
        found.append([x.grad.tolist(), *(p.grad.tolist() for p in chain.parameters())])
    assert found[0] == found[1]


def test_a_function_that_does_something_else_again() -> None:
    calls = []

    def function(x: Any) -> Any:
        calls.append(1)
        return x.exp() if len(calls) == 1 else x.exp().sin()

    x = torch.ones(2, requires_grad=True)
    with pytest.raises(CheckpointError, match="different number of tensors was saved"):
        checkpoint(function, x, use_reentrant=False, early_stop=False).sum().backward()
    calls.clear()
    checkpoint(function, x, use_reentrant=False).sum().backward()  # what it had saved is there
    more = [torch.sin]
    with pytest.raises(CheckpointError, match=r"forward: 2\n.*recomputation: 1"):
        checkpoint(
            lambda x: more.pop()(x.exp()) if more else x.exp(), x, use_reentrant=False
        ).sum().backward()


@pytest.mark.parametrize(
    ("reentrant", "early", "runs"),
    [(False, True, "abc ab"), (False, False, "abc abc"), (True, True, "abc abc")],
)
def test_the_second_run_ends_when_it_has_saved_the_last(
    reentrant: bool, early: bool, runs: str
) -> None:
    """As torch's does, so a sum over ranks at the end is not made again."""
    seen = []

    def function(x: Any) -> Any:
        seen.append("a")
        y = x.exp()
        seen.append("b")
        z = y * y
        seen.append("c")
        return z + 1

    x = torch.ones(2, requires_grad=True)
    result = checkpoint(function, x, use_reentrant=reentrant, early_stop=early)
    seen.append(" ")
    result.sum().backward()
    assert "".join(seen) == runs
    assert x.grad is not None and x.grad.tolist() == pytest.approx([2 * math.exp(2)] * 2)


def test_one_in_another_ends_early_too() -> None:
    seen = []

    def within(x: Any) -> Any:
        seen.append("i")
        y = x.sin().exp()
        seen.append("j")
        return y

    def around(x: Any) -> Any:
        seen.append("o")
        y = checkpoint(within, x, use_reentrant=False)
        seen.append("p")
        z = y.cos()
        seen.append("q")
        return z + 1

    x = torch.ones(2, requires_grad=True)
    checkpoint(around, x, use_reentrant=False).sum().backward()
    assert "".join(seen) == "oijpqoijpi"  # torch 2.13's order
    y = torch.ones(2, requires_grad=True)
    y.sin().exp().cos().sum().backward()
    assert x.grad is not None and y.grad is not None and x.grad.tolist() == y.grad.tolist()


def test_a_function_whose_tensors_are_of_another_shape_again() -> None:
    rows = [3, 2]

    def function(x: Any) -> Any:
        return (torch.ones(rows.pop(), 2) * x).exp()

    x = torch.ones(2, requires_grad=True)
    with pytest.raises(CheckpointError, match=r"(?s)different metadata.*\[2, 2\].*\[3, 2\]"):
        checkpoint(function, x, use_reentrant=False).sum().backward()
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(function, x, use_reentrant=False, determinism_check="odd")
    with pytest.raises(NotImplementedError, match=r"debug=True.*names the tensors"):
        checkpoint(function, x, use_reentrant=False, debug=True)
