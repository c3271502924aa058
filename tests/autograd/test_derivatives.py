"""Derivatives against central differences: first ones, and second ones where they are smooth."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

import kernbench.torch as torch
from kernbench.runtime.words import words
from tests.autograd.derivatives import CASES

STEPS = frozenset(
    words("floor ceil trunc round sign frac remainder fmod nan_to_num copysign mask masked_select")
)


@pytest.mark.parametrize("name", CASES)
def test_first_derivative(name: str) -> None:
    """Issue: gradients are checked against finite differences."""
    function, arguments = CASES[name]
    assert torch.autograd.gradcheck(function, arguments)


def gradients(
    function: Callable[..., torch.Tensor], arguments: Sequence[torch.Tensor]
) -> list[torch.Tensor | None]:
    """Return what each argument that wants one has as gradient, as a part of the graph."""
    wanted = [each for each in arguments if each.requires_grad]
    total = function(*arguments).sum()
    return list(torch.autograd.grad(total, wanted, create_graph=True, allow_unused=True))


@pytest.mark.parametrize("name", sorted(CASES.keys() - STEPS))
def test_second_derivative(name: str) -> None:
    """Gradients are operations themselves, and can be differentiated.

    Where nothing of a gradient depends on an argument it has no graph, as in torch; then it must be
    the same, to the last bit, somewhere near.
    """
    function, arguments = CASES[name]
    grads = gradients(function, arguments)
    if any(each is not None and each.requires_grad for each in grads):
        seed = torch.ones_like(function(*arguments))
        assert torch.autograd.gradgradcheck(function, arguments, (seed,), atol=1e-4)
        return
    moved = [
        (each.detach() * (1 + 2**-16) + 2**-18).requires_grad_() if each.requires_grad else each
        for each in arguments
    ]
    grads_there = gradients(function, moved)
    for here, there in zip(grads, grads_there, strict=True):
        assert (here is None) == (there is None)
        if here is not None and there is not None:
            assert here.tolist() == there.tolist()
            with pytest.raises(RuntimeError, match="does not require grad"):
                torch.autograd.grad(here.sum(), arguments[0])
