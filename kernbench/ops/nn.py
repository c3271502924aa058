"""What ``torch.nn.functional`` does: activations, norms, losses, embeddings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernbench.ops import functions as fn
from kernbench.ops import kernels, special
from kernbench.ops.launching import launch, pes_of
from kernbench.ops.pointwise import Pointwise, compute
from kernbench.ops.rows import as_rows, tile_of, work_dtype
from kernbench.ops.support import deliver, from_host, new_empty, on_machine
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.dtypes import as_dtype
from kernbench.runtime.geometry import wrap_dim
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


def _softmax(self: Tensor, dim: int, log: bool) -> Tensor:
    place = wrap_dim(dim, self.ndim)
    if self._dtype.is_integral:
        last = "_lastdim" if place == self.ndim - 1 else ""
        name = f"{'log_' if log else ''}softmax{last}_kernel_impl"
        raise NotImplementedError(f"\"{name}\" not implemented for '{self._dtype.label}'")
    if not on_machine(self):
        x = self._values()
        x = x.reshape(1) if not self._shape else x
        with np.errstate(all="ignore"):
            centred = x - x.max(axis=place, keepdims=True) if x.size else x
            powers = np.exp(centred)
            total = powers.sum(axis=place, keepdims=True)
            found = centred - np.log(total) if log else powers / total
        return from_host(found.reshape(self._shape), self._dtype)
    made = new_empty(self._shape, self._dtype, self.device)
    if not made.numel():
        return made
    seen, target = as_rows(self, (place,)), as_rows(made, (place,))
    if seen.sizes != target.sizes:
        seen = as_rows(call("contiguous", self), (place,))
    work = work_dtype(self._dtype).element
    height, width = tile_of(seen.rows, seen.cols, pes_of(self))
    launch(
        kernels.softmax_rows,
        self,
        -(-seen.rows // height),
        (made, seen.tensor, *seen.arguments, *target.strides, target.step),
        LOG=log,
        WT=work,
        ROWS=height,
        COLS=width,
    )
    return made


def _softmax_name(name: str, log: bool) -> None:
    @register(f"_{name}")
    def primitive(self: Tensor, dim: int) -> Tensor:
        return _softmax(self, dim, log)

    @register(name, "composite")
    def softmax(
        self: Tensor,
        dim: Any = None,
        dtype: Any = None,
        *,
        out: Any = None,
        _stacklevel: int = 3,
    ) -> Any:
        if dim is None:
            dim = 0 if self.ndim in (0, 1, 3) else 1
        x = self if dtype is None else call("to", self, as_dtype(dtype))
        return deliver(call(f"_{name}", x, dim), out)

    primitive.__doc__ = softmax.__doc__ = f"Do ``torch.{name}``."


_softmax_name("softmax", False)
_softmax_name("log_softmax", True)


@register("softmin", "composite")
def softmin(self: Tensor, dim: Any = None) -> Any:
    """Softmax of the negated elements."""
    return call("softmax", call("neg", self), dim)


def _gelu(x: Any) -> Any:
    return (x * 0.5 * (1.0 + special.erf(x * x.dtype.type(math.sqrt(0.5))))).astype(x.dtype)


def _gelu_tanh(x: Any) -> Any:
    inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)
    return (0.5 * x * (1.0 + np.tanh(inner))).astype(x.dtype)


def _silu(x: Any) -> Any:
    return x / (1 + np.exp(-x))


_GELU = Pointwise(
    "gelu", _gelu, fn.gelu, refuses=frozenset({"int64", "int32", "bool"}), label="GeluKernelImpl"
)
_GELU_TANH = Pointwise("gelu_tanh", _gelu_tanh, fn.gelu_tanh)
_SILU = Pointwise(
    "silu", _silu, fn.silu, refuses=frozenset({"int64", "int32", "bool"}), label="silu_cpu"
)
_SOFTPLUS = Pointwise("softplus", lambda x: np.where(x > 20, x, np.log1p(np.exp(x))), fn.softplus)


@register("gelu")
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Gaussian error linear units."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError("approximate argument must be either none or tanh.")
    return compute(_GELU if approximate == "none" else _GELU_TANH, (input,))


@register("silu")
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``x * sigmoid(x)``."""
    return compute(_SILU, (input,), input if inplace else None)


@register("softplus")
def softplus(input: Tensor, beta: float = 1, threshold: float = 20) -> Any:
    """``log(1 + exp(x))``."""
    if beta == 1 and threshold == 20:
        return compute(_SOFTPLUS, (input,))
    scaled = call("mul", input, beta)
    smooth = call("true_div", call("log1p", call("exp", scaled)), beta)
    return call("where", call("gt", scaled, threshold), input, smooth)


@register("leaky_relu", "composite")
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """Elements, scaled where they are negative."""
    return call("where", call("gt", input, 0), input, call("mul", input, negative_slope))


@register("elu", "composite")
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Any:
    """Elements, or ``alpha * (exp(x) - 1)`` where they are negative."""
    return call("where", call("gt", input, 0), input, call("mul", call("expm1", input), alpha))


@register("relu6", "composite")
def relu6(input: Tensor, inplace: bool = False) -> Any:
    """Elements kept between 0 and 6."""
    return call("clamp", input, 0, 6)


@register("hardtanh", "composite")
def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Any:
    """Elements kept within bounds."""
    return call("clamp", input, min_val, max_val)


@register("hardsigmoid", "composite")
def hardsigmoid(input: Tensor, inplace: bool = False) -> Any:
    """Return a sigmoid of straight pieces."""
    return call("true_div", call("clamp", call("add", input, 3), 0, 6), 6)


@register("hardswish", "composite")
def hardswish(input: Tensor, inplace: bool = False) -> Any:
    """``x * hardsigmoid(x)``."""
    return call("mul", input, call("hardsigmoid", input))


@register("logsigmoid", "composite")
def logsigmoid(input: Tensor) -> Any:
    """Logarithm of the sigmoid."""
    return call("neg", call("softplus", call("neg", input)))


@register("mish", "composite")
def mish(input: Tensor, inplace: bool = False) -> Any:
    """``x * tanh(softplus(x))``."""
    return call("mul", input, call("tanh", call("softplus", input)))


@register("glu", "composite")
def glu(input: Tensor, dim: int = -1) -> Any:
    """One half times the sigmoid of the other."""
    a, b = call("chunk", input, 2, dim)
    return call("mul", a, call("sigmoid", b))


def _normalise(
    input: Tensor, shape: Sequence[int], weight: Any, bias: Any, eps: float, centred: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the normalised rows, their means and the reciprocals of their deviations."""
    work = work_dtype(input._dtype)
    cols = math.prod(shape)
    lead = tuple(input._shape[: input.ndim - len(shape)])
    stats = (*lead, *(1,) * len(shape))
    if not on_machine(input):
        dims = tuple(range(input.ndim - len(shape), input.ndim))
        x = input._values().astype(np.float64)
        mean = x.mean(axis=dims, keepdims=True) if centred else np.zeros(stats)
        rstd = 1 / np.sqrt(((x - mean) ** 2).mean(axis=dims, keepdims=True) + eps)
        found = (x - mean) * rstd
        if weight is not None:
            found = found * weight._values()
        if bias is not None:
            found = found + bias._values()
        return (from_host(found, input._dtype), from_host(mean, work), from_host(rstd, work))
    dense = call("contiguous", input)
    rows = math.prod(lead)
    made = new_empty(input._shape, input._dtype, input.device)
    mean_, rstd_ = (new_empty(stats, work, input.device) for _ in range(2))
    height, width = tile_of(rows, cols, pes_of(input))
    given = [None if each is None else call("contiguous", each) for each in (weight, bias)]
    if rows:
        launch(
            kernels.norm_rows,
            input,
            -(-rows // height),
            (made, mean_, rstd_, dense, *given, rows, cols, float(eps)),
            HAS_WEIGHT=weight is not None,
            HAS_BIAS=bias is not None,
            CENTRED=centred,
            WT=work.element,
            ROWS=height,
            COLS=width,
        )
    return made, mean_, rstd_


def _check_normalized(input: Tensor, shape: Sequence[int], weight: Any, bias: Any) -> None:
    for name, each in (("weight", weight), ("bias", bias)):
        if each is not None and tuple(each._shape) != tuple(shape):
            raise RuntimeError(
                f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
                f"{list(each._shape)} and normalized_shape = {list(shape)}"
            )
    if tuple(input._shape[input.ndim - len(shape) :]) != tuple(shape):
        tail = ", ".join(map(str, shape))
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, {tail}], but got "
            f"input of size{list(input._shape)}"
        )


@register("native_layer_norm")
def native_layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Any, bias: Any, eps: float
) -> Any:
    """Layer norm, and the means and reciprocal deviations of the rows."""
    shape = tuple(normalized_shape)
    _check_normalized(input, shape, weight, bias)
    return _normalise(input, shape, weight, bias, eps, True)


@register("layer_norm", "composite")
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Any:
    """Rows with mean 0 and deviation 1, scaled and shifted."""
    return call("native_layer_norm", input, normalized_shape, weight, bias, eps)[0]


@register("rms_norm", "composite")
def rms_norm(input: Tensor, normalized_shape: Any, weight: Any = None, eps: Any = None) -> Any:
    """Rows with mean square 1, scaled."""
    from kernbench.runtime.dtypes import finfo

    dims = list(range(-len(normalized_shape), 0))
    wide = call("to", input, work_dtype(input._dtype))
    bound = finfo(input._dtype).eps if eps is None else eps
    mean = call("mean", call("square", wide), dims, True)
    found = call("mul", wide, call("rsqrt", call("add", mean, bound)))
    if weight is not None:
        found = call("mul", found, weight)
    return call("to", found, input._dtype)


@register("normalize", "composite")
def normalize(
    input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None
) -> Any:
    """Rows divided by their norms."""
    length = call("clamp", call("norm", input, p, dim, True), eps)
    return deliver(call("true_div", input, length), out)


@register("embedding")
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: Any = None,
    max_norm: Any = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """Rows of `weight` by their places; `sparse` is accepted, and gradients are dense."""
    if max_norm is not None or scale_grad_by_freq:
        raise NotImplementedError(
            "kernbench: torch.nn.functional.embedding: expected max_norm None and "
            f"scale_grad_by_freq False, got {max_norm} and {scale_grad_by_freq}; scale the weight "
            "before, or its gradient after"
        )
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if input._dtype.name not in ("int64", "int32"):
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {call('type', input)} instead (while checking arguments for "
            "embedding)"
        )
    picked = call("index_select", weight, 0, call("reshape", input, -1))
    return call("reshape", picked, (*input._shape, weight._shape[1]))


@register("one_hot", "composite")
def one_hot(tensor: Tensor, num_classes: int = -1) -> Any:
    """Ones at the places that the elements say."""
    classes = int(call("amax", tensor).item()) + 1 if num_classes == -1 else num_classes
    places = call("arange", classes, device=tensor.device)
    return call("to", call("eq", call("unsqueeze", tensor, -1), places), as_dtype("int64"))


def _reduced(loss: Any, reduction: str) -> Any:
    if reduction == "none":
        return loss
    if reduction not in ("mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return call(reduction, loss)


@register("mse_loss", "composite")
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """Squares of differences."""
    return _reduced(call("square", call("sub", input, target)), reduction)


@register("l1_loss", "composite")
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """Sizes of differences."""
    return _reduced(call("abs", call("sub", input, target)), reduction)


@register("smooth_l1_loss", "composite")
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """Squares of small differences, sizes of large ones."""
    gap = call("abs", call("sub", input, target))
    small = call("mul", call("square", gap), 0.5 / beta)
    return _reduced(
        call("where", call("lt", gap, beta), small, call("sub", gap, beta / 2)), reduction
    )


@register("binary_cross_entropy_with_logits", "composite")
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """Cross entropy of truths and logits."""
    loss = call("sub", call("softplus", input), call("mul", input, target))
    return _reduced(loss if weight is None else call("mul", loss, weight), reduction)


@register("nll_loss", "composite")
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """Negative log-likelihoods of classes."""
    dim = 1 if input.ndim > 1 else 0
    kept = call("ne", target, ignore_index)
    safe = call("where", kept, target, 0)
    picked = call("squeeze", call("gather", input, dim, call("unsqueeze", safe, dim)), dim)
    scale = call("to", kept, input._dtype)
    if weight is not None:
        chosen = call("index_select", weight, 0, call("reshape", safe, -1))
        scale = call("mul", scale, call("reshape", chosen, safe._shape))
    loss = call("neg", call("mul", picked, scale))
    if reduction == "mean":
        return call("true_div", call("sum", loss), call("sum", scale))
    return _reduced(loss, reduction)


@register("cross_entropy", "composite")
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Cross entropy of logits and classes, or distributions."""
    dim = 1 if input.ndim > 1 else 0
    logs = call("log_softmax", input, dim)
    classes = input._shape[dim]
    if target._shape == input._shape:
        share = call("add", call("mul", target, 1 - label_smoothing), label_smoothing / classes)
        loss = call("neg", call("sum", call("mul", logs, share), dim))
        if reduction == "mean":
            return call("true_div", call("sum", loss), input.numel() // classes)
        return _reduced(loss, reduction)
    if target._shape != input._shape[:dim] + input._shape[dim + 1 :]:
        raise ValueError(
            f"Expected input batch_size ({input._shape[0]}) to match target batch_size "
            f"({target._shape[0] if target._shape else 0})."
        )
    plain = call("nll_loss", logs, target, weight, ignore_index=ignore_index, reduction=reduction)
    if not label_smoothing:
        return plain
    kept = call("ne", target, ignore_index)
    even = call("mul", call("neg", call("mean", logs, dim)), kept)
    if reduction == "mean":
        even = call("true_div", call("sum", even), call("sum", call("to", kept, input._dtype)))
    elif reduction == "sum":
        even = call("sum", even)
    return call("add", call("mul", plain, 1 - label_smoothing), call("mul", even, label_smoothing))


@register("scaled_dot_product_attention", "composite")
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Values weighted by the softmax of scaled products of queries and keys."""
    factor = 1 / math.sqrt(query._shape[-1]) if scale is None else scale
    if enable_gqa:
        times = query._shape[-3] // key._shape[-3]
        key, value = (call("repeat_interleave", each, times, -3) for each in (key, value))
    scores = call("mul", call("matmul", query, call("transpose", key, -2, -1)), factor)
    if is_causal:
        rows, cols = query._shape[-2], key._shape[-2]
        mask = call("tril", call("ones", (rows, cols), dtype=as_dtype("bool"), device=query.device))
        scores = call("where", mask, scores, float("-inf"))
    if attn_mask is not None:
        if attn_mask._dtype.name == "bool":
            scores = call("where", attn_mask, scores, float("-inf"))
        else:
            scores = call("add", scores, attn_mask)
    shares = call("dropout", call("softmax", scores, -1), dropout_p)
    return call("matmul", shares, value)


@register("pad", "composite")
def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Any:
    """Add places around the last dimensions."""
    if mode != "constant":
        raise NotImplementedError(f"kernbench: torch.nn.functional.pad with mode={mode!r}")
    shape, inner = list(input._shape), input
    starts = []
    for place in range(len(pad) // 2):
        dim = input.ndim - 1 - place
        before, after = pad[2 * place], pad[2 * place + 1]
        if before < 0 or after < 0:
            size = inner._shape[dim]
            inner = call(
                "narrow", inner, dim, max(-before, 0), size - max(-before, 0) - max(-after, 0)
            )
        shape[dim] += before + after
        starts.append((dim, max(before, 0)))
    made = call(
        "full", shape, 0 if value is None else value, dtype=input._dtype, device=input.device
    )
    seen = made
    for dim, start in starts:
        seen = call("narrow", seen, dim, start, inner._shape[dim])
    call("copy_", seen, inner)
    return made
