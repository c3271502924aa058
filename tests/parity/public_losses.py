"""Losses as training libraries write them, with their gradients."""

from __future__ import annotations

import numpy as np
from case import Tensor
from public import floats, indices, public, room

TOTAL_VARIATION = """
@jit
def kernel(p_ptr, q_ptr, out_loss, out_grad, labels, V, scale, IGNORE: tl.constexpr,
        B: tl.constexpr,
           REDUCTION: tl.constexpr = "batchmean"):
    row = tl.program_id(0).to(tl.int64)
    p_ptr += row * V
    q_ptr += row * V
    out_grad += row * V
    out_loss += row
    label = tl.load(labels + row)
    offsets = tl.arange(0, B)
    if label == IGNORE:
        for i in range(0, V, B):
            tl.store(out_grad + i + offsets, 0.0, mask=i + offsets < V)
        return
    total = 0.0
    for i in range(0, V, B):
        at = i + offsets
        mask = at < V
        p = tl.load(p_ptr + at, mask=mask, other=0.0)
        q = tl.load(q_ptr + at, mask=mask, other=0.0)
        grad = tl.where(p > q, 0.5, -0.5)
        if REDUCTION == "batchmean":
            grad = grad * scale
        tl.store(out_grad + at, grad, mask=mask)
        total += tl.sum(0.5 * tl.abs(p - q))
    tl.store(out_loss, total)
"""
JENSEN_SHANNON = """
@jit
def kernel(x_ptr, y_ptr, out_loss, out_dx, n_rows, beta: tl.constexpr, V, B: tl.constexpr):
    row = tl.program_id(0)
    x_ptr += row * V
    y_ptr += row * V
    out_dx += row * V
    loss_sum = tl.zeros((B,), dtype=tl.float32)
    for i in range(0, V, B):
        at = i + tl.arange(0, B)
        mask = at < V
        x = tl.load(x_ptr + at, mask=mask, other=float("-inf")).to(tl.float32)
        y = tl.load(y_ptr + at, mask=mask, other=float("-inf")).to(tl.float32)
        if beta == 0.0:
            y_max = tl.max(y, axis=0)
            shift = tl.exp(y_max)
            p = tl.exp(y - y_max) * shift
            loss = p * (y - x)
            dx = -p
        elif beta == 1.0:
            p = tl.exp(x)
            loss = p * (x - y)
            dx = loss + p
        else:
            q = tl.exp(x)
            p = tl.exp(y)
            m = beta * p + (1 - beta) * q
            log_m = tl.log(m)
            loss = beta * p * y + (1 - beta) * q * x - m * log_m
            dx = (1 - beta) * q * (x - log_m)
        loss = tl.where(mask, loss / n_rows, 0.0)
        loss_sum += loss
        tl.store(out_dx + at, dx / n_rows, mask=mask)
    tl.store(out_loss + row, tl.sum(loss_sum, axis=0))
"""
POLICY_RATIO_CLIPPED = """
@jit
def kernel(logits, old_logp, input_ids, advantages, completion_mask, out_loss, out_clipped,
           eps_low, eps_high, temperature, L: tl.constexpr, N: tl.constexpr, B: tl.constexpr):
    b = tl.program_id(0).to(tl.int64)
    t = tl.program_id(1).to(tl.int64)
    if completion_mask is not None:
        if tl.load(completion_mask + b * L + t) == 0:
            return
    row = logits + b * (L + 1) * N + t * N
    target = tl.load(input_ids + b * L + t)
    m_i = float("-inf")
    l_i = 0.0
    for start in range(0, N, B):
        cols = start + tl.arange(0, B)
        x = tl.load(row + cols, mask=cols < N, other=float("-inf")).to(tl.float32) / temperature
        new_m = tl.maximum(m_i, tl.max(x))
        alpha = tl.exp(m_i - new_m)
        l_i = l_i * alpha + tl.sum(tl.exp(x - new_m))
        m_i = new_m
    lse = m_i + tl.log(l_i)
    logp = tl.load(row + target).to(tl.float32) / temperature - lse
    if old_logp is None:
        old = logp
    else:
        old = tl.load(old_logp + b * L + t).to(tl.float32)
    ratio = tl.exp(logp - old)
    clamped = tl.clamp(ratio, 1 - eps_low, 1 + eps_high)
    advantage = tl.load(advantages + b).to(tl.float32)
    first = ratio * advantage
    second = clamped * advantage
    is_low = (ratio < 1 - eps_low) & (advantage < 0)
    is_high = (ratio > 1 + eps_high) & (advantage > 0)
    tl.store(out_loss + b * L + t, -tl.minimum(first, second))
    tl.store(out_clipped + b * L + t, is_low | is_high)
"""
LOGSUMEXP_OF_CHUNKS = """
@jit
def kernel(logits_ptr, stride, out_loss, out_lse, labels_ptr, V: tl.constexpr,
           N_CHUNKS: tl.constexpr, B: tl.constexpr, SCALES: tl.constexpr, scale):
    row = tl.program_id(0)
    chunk = tl.program_id(1)
    logits_ptr += row * stride
    cols = chunk * B + tl.arange(0, B)
    mask = cols < V
    label = tl.load(labels_ptr + row).to(tl.int32)
    logits = tl.load(logits_ptr + cols, mask=mask, other=-float("inf")).to(tl.float32)
    if SCALES:
        logits = scale * logits
    c = tl.max(logits, 0)
    lse = c + tl.log(tl.sum(tl.exp(logits - c), 0))
    if chunk == 0:
        if label != -100:
            x = tl.load(logits_ptr + label).to(tl.float32)
            if SCALES:
                x = scale * x
            loss = -1.0 * x
        else:
            loss = 0.0
        tl.store(out_loss + row, loss)
    pass
    tl.store(out_lse + row * N_CHUNKS + chunk, lse)
"""


def log_rows(shape, rng):
    """Return rows of logarithms of probabilities."""
    x = rng.standard_normal(shape)
    x -= np.log(np.exp(x).sum(-1, keepdims=True))
    return Tensor("float32", x.astype(np.float32))


CASES = [
    public(
        "total variation distance",
        TOTAL_VARIATION,
        lambda rng: {
            "p_ptr": floats((4, 70), rng, a=0),
            "q_ptr": floats((4, 70), rng, a=0),
            "out_loss": room(4),
            "out_grad": room((4, 70)),
            "labels": indices([3, -100, 0, 5]),
            "V": 70,
            "scale": 0.25,
            "IGNORE": -100,
            "B": 32,
        },
        grid=(4,),
        ulps=16,
    ),
    *(
        public(
            f"jensen-shannon divergence, beta {beta}",
            JENSEN_SHANNON,
            lambda rng, beta=beta: {
                "x_ptr": log_rows((3, 50), rng),
                "y_ptr": log_rows((3, 50), rng),
                "out_loss": room(3),
                "out_dx": room((3, 50)),
                "n_rows": 3,
                "beta": beta,
                "V": 50,
                "B": 64,
            },
            grid=(3,),
            ulps=64,
            scale=0.1,
        )
        for beta in (0.0, 0.5, 1.0)
    ),
    *(
        public(
            f"clipped ratio of policies, {'with' if given else 'without'} the old ones",
            POLICY_RATIO_CLIPPED,
            lambda rng, given=given: {
                "logits": floats((2, 4, 40), rng, a=-3, b=3),
                "old_logp": floats((2, 3), rng, a=-5, b=-2) if given else None,
                "input_ids": indices([[3, 39, 0], [7, 8, 9]], "int64"),
                "advantages": floats(2, rng),
                "completion_mask": indices([[1, 1, 0], [1, 0, 1]]) if given else None,
                "out_loss": room((2, 3)),
                "out_clipped": room((2, 3)),
                "eps_low": 0.2,
                "eps_high": 0.3,
                "temperature": 0.9,
                "L": 3,
                "N": 40,
                "B": 16,
            },
            grid=(2, 3),
            ulps=64,
            scale=1.0,
        )
        for given in (True, False)
    ),
    public(
        "log-sum-exp of chunks of a vocabulary",
        LOGSUMEXP_OF_CHUNKS,
        lambda rng: {
            "logits_ptr": floats((3, 100), rng, a=-4, b=4),
            "stride": 100,
            "out_loss": room(3),
            "out_lse": room((3, 4)),
            "labels_ptr": indices([5, -100, 99], "int64"),
            "V": 100,
            "N_CHUNKS": 4,
            "B": 32,
            "SCALES": True,
            "scale": 0.7,
        },
        grid=(3, 4),
        ulps=8,
    ),
]
