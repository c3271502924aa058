"""Operations and arguments for which derivatives are compared with finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import kernbench.torch as torch
from kernbench.runtime.words import words

F = torch.nn.functional


def plain(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 1) -> Any:
    """Make a float64 tensor that requires gradients, its elements apart from each other and 0."""
    count = int(np.prod(shape))
    steps = np.linspace(low, high, count + 2)[1:-1] + 0.013
    order = np.random.default_rng(seed).permutation(count)
    return torch.tensor(steps[order].reshape(shape), requires_grad=True)


def positive(*shape: int) -> Any:
    return plain(*shape, low=0.3, high=2.5)


def unit(*shape: int) -> Any:
    return plain(*shape, low=-0.9, high=0.9)


def ints(*values: Any) -> Any:
    return torch.tensor(values)


Case = tuple[Callable[..., Any], tuple[Any, ...]]
MASK = torch.tensor([[True, False, True], [False, False, True]])

CASES: dict[str, Case] = {
    "add": (lambda x, y: x + y, (plain(2, 3), plain(3, seed=2))),
    "add alpha": (lambda x, y: torch.add(x, y, alpha=2.5), (plain(2, 3), plain(2, 1, seed=2))),
    "sub": (lambda x, y: x - y, (plain(2, 3), plain(1, 3, seed=2))),
    "rsub": (lambda x: 3.0 - x, (plain(2, 3),)),
    "mul": (lambda x, y: x * y, (plain(2, 3), plain(3, seed=2))),
    "mul itself": (lambda x: x * x, (plain(2, 3),)),
    "div": (lambda x, y: x / y, (plain(2, 3), positive(3))),
    "div by a number": (lambda x: x / 3.0, (plain(4),)),
    "number by": (lambda x: 3.0 / x, (positive(4),)),
    "div floor": (lambda x, y: torch.div(x, y, rounding_mode="floor") + x, (plain(3), positive(3))),
    "pow number": (lambda x: x**3, (plain(2, 3),)),
    "pow 0": (lambda x: x**0 + x, (plain(3),)),
    "pow tensor": (lambda x, y: x**y, (positive(2, 3), plain(3))),
    "pow of number": (lambda x: 2.0**x, (plain(3),)),
    "remainder": (lambda x, y: torch.remainder(x, y), (plain(2, 3), positive(3))),
    "fmod": (lambda x, y: torch.fmod(x, y), (plain(2, 3), positive(3))),
    "maximum": (lambda x, y: torch.maximum(x, y), (plain(2, 3), plain(2, 3, seed=2))),
    "minimum": (lambda x, y: torch.minimum(x, y), (plain(2, 3), plain(2, 3, seed=2))),
    "atan2": (lambda x, y: torch.atan2(x, y), (plain(2, 3), plain(2, 3, seed=2))),
    "hypot": (lambda x, y: torch.hypot(x, y), (plain(2, 3), plain(2, 3, seed=2))),
    "logaddexp": (lambda x, y: torch.logaddexp(x, y), (plain(2, 3), plain(3, seed=2))),
    "xlogy": (lambda x, y: torch.xlogy(x, y), (plain(2, 3), positive(3))),
    "copysign": (lambda x, y: torch.copysign(x, y), (plain(2, 3), plain(3, seed=2))),
    "where": (lambda x, y: torch.where(MASK, x, y), (plain(2, 3), plain(3, seed=2))),
    "where number": (lambda x: torch.where(MASK, x, 0.5), (plain(2, 3),)),
    "clamp": (lambda x: x.clamp(-0.7, 0.8), (plain(2, 3),)),
    "clamp min": (lambda x: x.clamp(min=0.1), (plain(2, 3),)),
    "clamp tensors": (
        lambda x, a, b: torch.clamp(x, a, b),
        (plain(2, 3), plain(3, low=-1, high=-0.2), plain(3, low=0.2, high=1)),
    ),
    "lerp": (lambda x, y, w: torch.lerp(x, y, w), (plain(4), plain(4, seed=2), unit(4))),
    "addcmul": (
        lambda x, y, z: torch.addcmul(x, y, z, value=0.5),
        (plain(2, 3), plain(3, seed=2), plain(2, 1, seed=3)),
    ),
    "addcdiv": (
        lambda x, y, z: torch.addcdiv(x, y, z, value=0.5),
        (plain(2, 3), plain(3, seed=2), positive(2, 1)),
    ),
    "masked_fill": (lambda x: x.masked_fill(MASK, 2.0), (plain(2, 3),)),
    "nan_to_num": (lambda x: torch.nan_to_num(x), (plain(3),)),
    "to float32 and back": (lambda x: (x * 4096).round().to(torch.float64) + x, (plain(3),)),
    # views and copies
    "view": (lambda x: x.view(3, 2) * 2, (plain(2, 3),)),
    "reshape of a transpose": (lambda x: x.t().reshape(-1), (plain(2, 3),)),
    "permute": (lambda x: x.permute(2, 0, 1), (plain(2, 3, 2),)),
    "transpose": (lambda x: x.transpose(0, -1), (plain(2, 3, 2),)),
    "squeeze": (lambda x: x.squeeze(1), (plain(2, 1, 3),)),
    "unsqueeze": (lambda x: x.unsqueeze(-1), (plain(2, 3),)),
    "expand": (lambda x: x.expand(4, 2, 3), (plain(2, 1),)),
    "select": (lambda x: x[1], (plain(3, 2),)),
    "slice": (lambda x: x[:, 1:3], (plain(2, 4),)),
    "steps": (lambda x: x[::2], (plain(5),)),
    "none and ellipsis": (lambda x: x[..., None, 0], (plain(2, 3),)),
    "index": (lambda x: x[ints(0, 2, 2)], (plain(3, 2),)),
    "index pairs": (lambda x: x[ints(0, 1, 1), ints(2, 0, 0)], (plain(2, 3),)),
    "mask": (lambda x: x[MASK], (plain(2, 3),)),
    "diagonal": (lambda x: x.diagonal(), (plain(3, 3),)),
    "unfold": (lambda x: x.unfold(0, 3, 1), (plain(5),)),
    "as_strided": (lambda x: x.as_strided((2, 2), (1, 1)), (plain(4),)),
    "cat": (lambda x, y: torch.cat([x, y * 2], 1), (plain(2, 3), plain(2, 2, seed=2))),
    "stack": (lambda x, y: torch.stack([x, y], -1), (plain(2, 3), plain(2, 3, seed=2))),
    "split": (lambda x: torch.split(x, 2, 1)[1], (plain(2, 5),)),
    "chunk": (lambda x: x.chunk(2)[0], (plain(4, 2),)),
    "repeat": (lambda x: x.repeat(2, 1, 2), (plain(2, 3),)),
    "repeat_interleave": (lambda x: x.repeat_interleave(2, 0), (plain(2, 3),)),
    "flip": (lambda x: x.flip([0, 1]), (plain(2, 3),)),
    "roll": (lambda x: x.roll(1, 1), (plain(2, 3),)),
    "tril": (lambda x: x.tril(-1), (plain(3, 3),)),
    "triu": (lambda x: x.triu(), (plain(3, 3),)),
    "gather": (lambda x: x.gather(1, ints([0, 0], [2, 1])), (plain(2, 3),)),
    "index_select": (lambda x: x.index_select(1, ints(2, 0, 0)), (plain(2, 3),)),
    "scatter": (
        lambda x, y: x.scatter(1, ints([0, 1], [2, 1]), y),
        (plain(2, 3), plain(2, 2, seed=2)),
    ),
    "scatter_add": (
        lambda x, y: x.scatter_add(1, ints([0, 0], [2, 1]), y),
        (plain(2, 3), plain(2, 2, seed=2)),
    ),
    "index_add": (
        lambda x, y: x.index_add(0, ints(1, 1), y),
        (plain(2, 3), plain(2, 3, seed=2)),
    ),
    "masked_select": (lambda x: x.masked_select(MASK), (plain(2, 3),)),
    "clone": (lambda x: x.clone(), (plain(3),)),
    "contiguous": (lambda x: x.t().contiguous(), (plain(2, 3),)),
    # reductions
    "sum": (lambda x: x.sum(), (plain(2, 3),)),
    "sum dim": (lambda x: x.sum(1), (plain(2, 3),)),
    "sum dims": (lambda x: x.sum((0, 2), keepdim=True), (plain(2, 3, 2),)),
    "mean": (lambda x: x.mean(), (plain(2, 3),)),
    "mean dim": (lambda x: x.mean(-1), (plain(2, 3),)),
    "prod": (lambda x: x.prod(), (plain(4),)),
    "prod dim": (lambda x: x.prod(1), (plain(2, 3),)),
    "amax": (lambda x: x.amax(1), (plain(2, 3),)),
    "max": (lambda x: x.max(), (plain(2, 3),)),
    "max dim": (lambda x: x.max(1)[0], (plain(2, 3),)),
    "min dim": (lambda x: x.min(dim=0, keepdim=True).values, (plain(2, 3),)),
    "max of two": (lambda x, y: torch.max(x, y), (plain(2, 3), plain(2, 3, seed=2))),
    "median": (lambda x: x.median(1).values, (plain(2, 3),)),
    "kthvalue": (lambda x: x.kthvalue(2, 1).values, (plain(2, 3),)),
    "sort": (lambda x: x.sort(1, descending=True).values, (plain(2, 3),)),
    "topk": (lambda x: x.topk(2).values, (plain(2, 3),)),
    "topk all": (lambda x: x.topk(3).values, (plain(2, 3),)),
    "cummax": (lambda x: x.cummax(0).values, (plain(4),)),
    "var": (lambda x: x.var(), (plain(2, 3),)),
    "var dim": (lambda x: x.var(1, unbiased=False), (plain(2, 3),)),
    "std": (lambda x: x.std(0, keepdim=True), (plain(3, 2),)),
    "logsumexp": (lambda x: x.logsumexp(1), (plain(2, 3),)),
    "norm": (lambda x: x.norm(), (plain(2, 3),)),
    "norm 1": (lambda x: x.norm(1, dim=1), (plain(2, 3),)),
    "norm 3": (lambda x: x.norm(3.0, dim=0), (plain(2, 3),)),
    "cumsum": (lambda x: x.cumsum(1), (plain(2, 3),)),
    "cumprod": (lambda x: x.cumprod(1), (plain(2, 3),)),
    "softmax": (lambda x: x.softmax(-1), (plain(2, 3),)),
    "softmax 0": (lambda x: x.softmax(0), (plain(3, 2),)),
    "log_softmax": (lambda x: x.log_softmax(1), (plain(2, 3),)),
    # products
    "mm": (lambda x, y: torch.mm(x, y), (plain(2, 3), plain(3, 2, seed=2))),
    "bmm": (lambda x, y: torch.bmm(x, y), (plain(2, 2, 3), plain(2, 3, 2, seed=2))),
    "matmul vectors": (lambda x, y: x @ y, (plain(3), plain(3, seed=2))),
    "matmul vector": (lambda x, y: x @ y, (plain(2, 3), plain(3, seed=2))),
    "vector matmul": (lambda x, y: x @ y, (plain(3), plain(3, 2, seed=2))),
    "matmul batch": (lambda x, y: x @ y, (plain(2, 2, 3), plain(3, 2, seed=2))),
    "matmul broadcast": (lambda x, y: x @ y, (plain(2, 1, 2, 3), plain(2, 3, 2, seed=2))),
    "addmm": (
        lambda b, x, y: torch.addmm(b, x, y, beta=0.5, alpha=2.0),
        (plain(2), plain(2, 3), plain(3, 2, seed=2)),
    ),
    "outer": (lambda x, y: torch.outer(x, y), (plain(2), plain(3, seed=2))),
    "dot": (lambda x, y: torch.dot(x, y), (plain(3), plain(3, seed=2))),
    "einsum": (
        lambda x, y: torch.einsum("bij,bkj->bik", x, y),
        (plain(2, 2, 3), plain(2, 2, 3, seed=2)),
    ),
    "linear": (
        lambda x, w, b: F.linear(x, w, b),
        (plain(2, 2, 3), plain(2, 3, seed=2), plain(2, seed=3)),
    ),
    # nn.functional
    "gelu": (lambda x: F.gelu(x), (plain(2, 3),)),
    "gelu tanh": (lambda x: F.gelu(x, approximate="tanh"), (plain(2, 3),)),
    "silu": (lambda x: F.silu(x), (plain(2, 3),)),
    "softplus": (lambda x: F.softplus(x, beta=2.0), (plain(2, 3),)),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.1), (plain(2, 3),)),
    "layer_norm": (
        lambda x, w, b: F.layer_norm(x, (3,), w, b),
        (plain(2, 3), plain(3, seed=2), plain(3, seed=3)),
    ),
    "layer_norm bare": (lambda x: F.layer_norm(x, (2, 3)), (plain(2, 2, 3),)),
    "embedding": (lambda w: F.embedding(ints([0, 2], [2, 1]), w), (plain(3, 2),)),
    "nll_loss": (lambda x: F.nll_loss(x.log_softmax(1), ints(2, 0)), (plain(2, 3),)),
    "cross_entropy": (lambda x: F.cross_entropy(x, ints(2, 0)), (plain(2, 3),)),
    "cross_entropy smooth": (
        lambda x: F.cross_entropy(x, ints(2, 0), label_smoothing=0.1),
        (plain(2, 3),),
    ),
    "cross_entropy ignored": (
        lambda x: F.cross_entropy(x, ints(2, -100), reduction="sum"),
        (plain(2, 3),),
    ),
    "mse_loss": (lambda x, y: F.mse_loss(x, y), (plain(2, 3), plain(2, 3, seed=2))),
    "attention": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        (plain(1, 3, 2), plain(1, 3, 2, seed=2), plain(1, 3, 2, seed=3)),
    ),
    # in place
    "mul_": (lambda x, y: (x * 1).mul_(y), (plain(2, 3), plain(3, seed=2))),
    "exp_": (lambda x: (x * 2).exp_(), (plain(3),)),
    "add_ to a view": (lambda x, y: _added_to_row(x, y), (plain(2, 3), plain(3, seed=2))),
    "copy_": (lambda x, y: (x * 1).copy_(y * 2), (plain(2, 3), plain(3, seed=2))),
    "setitem": (lambda x, y: _set(x, y), (plain(2, 3), plain(2, seed=2))),
    "setitem into zeros": (lambda y: _set(torch.zeros(2, 3, dtype=y.dtype), y), (plain(2),)),
    "setitem index": (lambda x, y: _set_rows(x, y), (plain(3, 2), plain(2, 2, seed=2))),
    "old view of what is written": (lambda x: _old_view(x), (plain(2, 3),)),
    "fill_": (lambda x: _filled(x), (plain(2, 3),)),
    "masked_fill_": (lambda x: (x * 1).masked_fill_(MASK, 0.0) * x, (plain(2, 3),)),
}
for _name in words("""
    neg abs square sin cos atan sinh cosh asinh erf erfc exp exp2 expm1 tan tanh sigmoid relu floor
    ceil trunc round sign frac deg2rad
    """):
    CASES[_name] = (getattr(torch, _name), (plain(2, 3),))
for _name in ["log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal"]:
    CASES[_name] = (getattr(torch, _name), (positive(2, 3),))
for _name in ["asin", "acos", "atanh"]:
    CASES[_name] = (getattr(torch, _name), (unit(2, 3),))
CASES["acosh"] = (torch.acosh, (plain(2, 3, low=1.2, high=3),))


def _added_to_row(x: Any, y: Any) -> Any:
    made = x * 1
    made[0].add_(y)
    return made * made


def _set(x: Any, y: Any) -> Any:
    made = x * 1
    made[:, 1] = y
    return made * made


def _set_rows(x: Any, y: Any) -> Any:
    made = x * 1
    made[ints(2, 0)] = y
    return made * made


def _old_view(x: Any) -> Any:
    made = x * 1
    row = made[1]
    made.mul_(3.0)
    return row * row


def _filled(x: Any) -> Any:
    made = x * 1
    made[0].fill_(2.0)
    return made * x
