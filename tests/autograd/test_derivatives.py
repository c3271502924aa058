"""Derivatives against central differences: first ones, and second ones where they are smooth."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", sorted(CASES.keys() - STEPS))
def test_second_derivative(name: str) -> None:
    """Gradients are operations themselves, and can be differentiated."""
    function, arguments = CASES[name]
    results = function(*arguments)
    wanted = [each for each in arguments if each.requires_grad]
    grads = torch.autograd.grad(results.sum(), wanted, create_graph=True, allow_unused=True)
    if not any(each is not None and each.requires_grad for each in grads):
        return  # the derivative is constant
    seed = torch.ones_like(results)
    assert torch.autograd.gradgradcheck(function, arguments, (seed,), atol=1e-4)
