"""Derivatives of the operations of ``nn.functional`` that are not made of others."""

from __future__ import annotations

import math
from typing import Any

from kernbench.autograd.recording import rule
from kernbench.runtime.dispatch import call

__all__: list[str] = []


@rule("gelu")
def gelu(save: Any, result: Any, input: Any, approximate: str = "none") -> Any:
    held = save(input)

    def gradient(g: Any) -> Any:
        x = held()
        if approximate == "tanh":
            k = math.sqrt(2 / math.pi)
            t = call("tanh", (x + x * x * x * 0.044715) * k)
            slope = (1 - t * t) * k * (x * x * (3 * 0.044715) + 1)
            return g * ((t + 1) * 0.5 + x * slope * 0.5)
        below = (call("erf", x * math.sqrt(0.5)) + 1) * 0.5
        return g * (below + x * call("exp", x * x * -0.5) / math.sqrt(2 * math.pi))

    return (gradient,)


@rule("silu")
def silu(save: Any, result: Any, input: Any, *more: Any) -> Any:
    held = save(input)

    def gradient(g: Any) -> Any:
        x = held()
        s = call("sigmoid", x)
        return g * s * (x * (1 - s) + 1)

    return (gradient,)


@rule("softplus")
def softplus(save: Any, result: Any, input: Any, beta: float = 1, threshold: float = 20) -> Any:
    held = save(input)

    def gradient(g: Any) -> Any:
        scaled = held() * beta
        return call("where", scaled > threshold, g, g * call("sigmoid", scaled))

    return (gradient,)


@rule("native_layer_norm")
def layer_norm(
    save: Any, result: Any, input: Any, shape: Any, weight: Any, bias: Any, eps: float
) -> Any:
    held, w = save(input), save(weight)
    mean, scale = save(result[1]), save(result[2])
    dims = list(range(input.ndim - len(shape), input.ndim))
    shape_, input_dtype, count = input.shape, input.dtype, math.prod(shape)

    def of_input(grads: Any) -> Any:
        g, of_mean, of_scale = grads
        found = None
        if g is not None:
            y = (held() - mean()) * scale()
            g = g if w() is None else g * w()
            level, along = call("mean", g, dims, True), call("mean", g * y, dims, True)
            found = (g - level - y * along) * scale()
        # Second derivatives go through mean and scale, too.
        for more in (
            None if of_mean is None else of_mean / count,
            None if of_scale is None else of_scale * scale() ** 3 * (mean() - held()) / count,
        ):
            if more is not None:
                more = call("to", call("expand", more, shape_), input_dtype)
                found = more if found is None else found + more
        return found

    def of_weight(grads: Any) -> Any:
        g = grads[0]  # the engine adds up over the rows
        return None if g is None else g * ((held() - mean()) * scale())

    return of_input, None, of_weight, lambda grads: grads[0]


@rule("embedding")
def embedding(
    save: Any, result: Any, input: Any, weight: Any, padding_idx: int | None = None, *more: Any,
    **names: Any,
) -> Any:  # fmt: skip
    ids = save(input)
    rows, width = weight.shape

    def of_weight(g: Any) -> Any:
        flat = ids().reshape(-1)
        g = g.reshape(-1, width)
        if padding_idx is not None:
            g = call("where", (flat == padding_idx % rows).unsqueeze(-1), 0.0, g)
        whole = call("zeros", (rows, width), dtype=g.dtype, device=g.device)
        return call("index_add_", whole, 0, flat, g)

    return None, of_weight
