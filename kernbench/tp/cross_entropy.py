"""Cross entropy of logits whose vocabulary is split over the ranks."""

from __future__ import annotations

from typing import Any

from kernbench import distributed as dist
from kernbench.autograd import Function
from kernbench.runtime import Tensor
from kernbench.runtime.dispatch import call
from kernbench.runtime.dtypes import BY_NAME
from kernbench.tp.utils import VocabUtility, get_tensor_model_parallel_group_if_none

__all__ = ["vocab_parallel_cross_entropy"]


def _part(label_smoothing: float, width: int) -> float:
    return label_smoothing * width / (width - 1)


class _VocabParallelCrossEntropy(Function):
    @staticmethod
    def forward(ctx: Any, logits: Any, target: Any, label_smoothing: float, group: Any) -> Any:
        logits = call("to", logits, dtype=BY_NAME["float32"])
        highest = call("amax", logits, -1)
        dist.all_reduce(highest, op=dist.ReduceOp.MAX, group=group)
        logits = logits - highest.unsqueeze(-1)

        width = logits.shape[-1]
        first, last = VocabUtility.vocab_range_from_per_partition_vocab_size(
            width, group.rank(), group.size()
        )
        elsewhere = (target < first) | (target >= last)
        own = call("where", elsewhere, 0, target - first)
        predicted = call("gather", logits, -1, own.unsqueeze(-1)).squeeze(-1)
        predicted = call("where", elsewhere, 0.0, predicted)
        dist.all_reduce(predicted, op=dist.ReduceOp.SUM, group=group)

        shares = call("exp", logits)
        total = call("sum", shares, -1)
        dist.all_reduce(total, op=dist.ReduceOp.SUM, group=group)
        loss = call("log", total) - predicted
        shares = shares / total.unsqueeze(-1)

        ctx.label_smoothing, ctx.width = label_smoothing, width
        if label_smoothing > 0:
            # Each of this rank's labels gets eps / (K - 1) of the weight, K of them; the target the
            # rest.
            part = _part(label_smoothing, width)
            mean = call("mean", call("log", shares), -1)
            loss = loss * (1.0 - part) - mean * part
        ctx.save_for_backward(shares, elsewhere, own)
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        shares, elsewhere, own = ctx.saved_tensors
        hit = call("where", elsewhere, 0.0, 1.0).unsqueeze(-1)
        part = 0.0
        if ctx.label_smoothing > 0:
            part = _part(ctx.label_smoothing, ctx.width)
        found = call("scatter_add", shares, -1, own.unsqueeze(-1), -hit * (1.0 - part))
        if part:
            found = found - part / ctx.width
        return found * grads[0].unsqueeze(-1), None, None, None


def vocab_parallel_cross_entropy(
    vocab_parallel_logits: Tensor,
    target: Tensor,
    label_smoothing: float = 0.0,
    tp_group: Any = None,
) -> Any:
    """Return the cross entropy of each target, over three collectives.

    Parameters
    ----------
    vocab_parallel_logits : Tensor
        Shape ``(s, b, V / tp)``: this rank's part of the vocabulary.
    target : Tensor
        Shape ``(s, b)``: labels out of the whole vocabulary, int64.
    label_smoothing : float
        Weight that is spread over labels, in [0, 1).

    Returns
    -------
    Tensor
        Shape ``(s, b)``, float32; without smoothing equal on all ranks.

    Raises
    ------
    AssertionError
        When `label_smoothing` is not in [0, 1).

    Notes
    -----
    As Megatron's, smoothing is over a rank's own part of the vocabulary, without a collective of
    its own: over several ranks, each has another loss.
    """
    assert 0.0 <= label_smoothing < 1.0, (
        f"label_smoothing: expected a number in [0, 1), got {label_smoothing}"
    )
    expected = tuple(vocab_parallel_logits.shape[:-1])
    assert tuple(target.shape) == expected, (
        f"target: expected the shape {expected} of the logits without their last dimension, got "
        f"{tuple(target.shape)}"
    )
    group = get_tensor_model_parallel_group_if_none(tp_group)
    return _VocabParallelCrossEntropy.apply(vocab_parallel_logits, target, label_smoothing, group)
