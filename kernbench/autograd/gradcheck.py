"""Checking derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernbench.autograd.backward import grad
from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["gradcheck", "gradgradcheck"]


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    **names: Any,
) -> bool:
    """Compare the derivatives of `func` with central differences.

    Parameters
    ----------
    func : callable
        From tensors to a tensor or several.
    inputs : Tensor or sequence
        float64 on the host; those that require gradients are checked.
    eps : float
        Half the difference of the arguments.
    atol, rtol : float
        How far the two may differ.

    Raises
    ------
    RuntimeError
        When they differ by more, unless `raise_exception` is False; it names input and output.
    """
    given = _as_tuple(inputs)
    checked = [each for each in given if isinstance(each, Tensor) and each.requires_grad]
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the "
            "them have requires_grad=True."
        )
    results = [
        each for each in _as_tuple(func(*given)) if isinstance(each, Tensor) and each.requires_grad
    ]
    # All exact ones first: the others change the inputs.
    exacts = [_exact(result, checked) for result in results]
    for number, exact in enumerate(exacts):
        for place, each in enumerate(checked):
            about = _differences(func, given, each, number, exact[place].shape[1], eps)
            if not np.allclose(exact[place], about, rtol, atol):
                if not raise_exception:
                    return False
                raise RuntimeError(
                    f"Jacobian mismatch for output {number} with respect to input {place},\n"
                    f"numerical:{about}\nanalytical:{exact[place]}\n"
                )
    return True


def _exact(result: Tensor, inputs: list[Tensor]) -> list[Any]:
    """Return, for each input, the matrix (elements of input, elements of result)."""
    found = [np.zeros((each.numel(), result.numel())) for each in inputs]
    for place in range(result.numel()):
        one = np.zeros(result.numel())
        one[place] = 1.0
        seed = call("tensor", one.reshape(tuple(result.shape)), dtype=result.dtype)
        grads = grad(result, inputs, seed, retain_graph=True, allow_unused=True)
        for matrix, each in zip(found, grads, strict=True):
            if each is not None:
                matrix[:, place] = each.detach().numpy().reshape(-1)
    return found


def _differences(
    func: Callable[..., Any], given: Any, each: Tensor, number: int, size: int, eps: float
) -> Any:
    def value() -> Any:
        results = [
            one for one in _as_tuple(func(*given)) if isinstance(one, Tensor) and one.requires_grad
        ]
        return results[number].detach().numpy().reshape(-1).copy()

    matrix = np.zeros((each.numel(), size))
    held = each.detach()
    values = held.numpy()
    for row, place in enumerate(np.ndindex(*values.shape)):
        before = float(values[place])
        held[place] = before + eps
        high = value()
        held[place] = before - eps
        low = value()
        held[place] = before
        matrix[row] = (high - low) / (2 * eps)
    return matrix


def gradgradcheck(
    func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, **options: Any
) -> bool:
    """Check the second derivatives likewise."""
    given = _as_tuple(inputs)
    results = [each for each in _as_tuple(func(*given)) if each.requires_grad]
    seeds = (
        [call("randn", each.shape, dtype=each.dtype).requires_grad_() for each in results]
        if grad_outputs is None
        else list(_as_tuple(grad_outputs))
    )

    def first(*all_inputs: Any) -> Any:
        own = all_inputs[: len(given)]
        outs = [each for each in _as_tuple(func(*own)) if each.requires_grad]
        wanted = [each for each in own if isinstance(each, Tensor) and each.requires_grad]
        return grad(outs, wanted, all_inputs[len(given) :], create_graph=True, allow_unused=True)

    return gradcheck(first, (*given, *seeds), **options)
