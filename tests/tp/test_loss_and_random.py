"""Cross entropy over a split vocabulary, batches, random states, recomputation, chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parallel_ranks import ranks

import kernbench.torch as torch
from kernbench import tp


def test_cross_entropy_of_megatron_s_test() -> None:
    def body(rank: int) -> Any:
        logits = torch.arange(8.0).repeat(16, 4).cuda()
        target = torch.arange(0, 32, 2).cuda()
        return tp.vocab_parallel_cross_entropy(logits, target).cpu().numpy().copy()

    for loss in ranks(body, 4, tp=4):
        np.testing.assert_allclose(loss, [10.2309, 8.2309, 6.2309, 4.2309] * 4, atol=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_and_its_gradient(smoothing: float) -> None:
    draw = np.random.default_rng(1)
    logits = draw.standard_normal((3, 2, 12)).astype(np.float32)
    target = draw.integers(0, 12, (3, 2))

    def body(rank: int) -> Any:
        mine = torch.from_numpy(logits[..., rank * 4 : rank * 4 + 4].copy()).cuda()
        mine.requires_grad_()
        loss = tp.vocab_parallel_cross_entropy(mine, torch.from_numpy(target).cuda(), smoothing)
        loss.sum().backward()
        return loss.detach().cpu().numpy().copy(), mine.grad.cpu().numpy().copy()

    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    part = smoothing * 4 / 3  # over the 4 labels of a rank, as Megatron has it
    hot = np.eye(12)[target]
    of_logits = np.exp(logs) - hot * (1 - part) - part / 4
    found = ranks(body, 3, tp=3)
    assert smoothing > 0 or all((loss == found[0][0]).all() for loss, _ in found)
    for rank, (loss, grad) in enumerate(found):
        own = slice(rank * 4, rank * 4 + 4)
        expected = -(logs * hot).sum(-1) * (1 - part) - logs[..., own].mean(-1) * part
        np.testing.assert_allclose(loss, expected, rtol=1e-5)
        np.testing.assert_allclose(grad, of_logits[..., own], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_a_smoothing_that_is_none(smoothing: float) -> None:
    def body(rank: int) -> None:
        logits, target = torch.zeros(1, 4).cuda(), torch.zeros(1, dtype=torch.int64).cuda()
        with pytest.raises(AssertionError, match=r"label_smoothing: expected a number in \[0, 1\)"):
            tp.vocab_parallel_cross_entropy(logits, target, smoothing)

    ranks(body, 2, tp=2)


def test_targets_of_another_shape() -> None:
    def body(rank: int) -> None:
        with pytest.raises(AssertionError, match=r"expected the shape \(2, 1\) .* got \(3, 1\)"):
            tp.vocab_parallel_cross_entropy(
                torch.ones(2, 1, 4, device="cuda"),
                torch.zeros(3, 1, dtype=torch.int64, device="cuda"),
            )

    ranks(body, 2, tp=2)


def test_broadcast_data() -> None:
    def body(rank: int) -> Any:
        keys = ["text", "labels"]
        data = None
        if rank % 2 == 0:
            data = {
                "text": torch.arange(6).view(2, 3) + rank,
                "labels": torch.arange(4).view(4) * rank,
            }
        found = tp.broadcast_data(keys, data, torch.int64)
        return found["text"].tolist(), found["labels"].tolist()

    found = ranks(body, 4, tp=2)
    for rank, (text, labels) in enumerate(found):
        first = rank // 2 * 2
        assert text == [[first, first + 1, first + 2], [first + 3, first + 4, first + 5]]
        assert labels == [0, first, 2 * first, 3 * first]


def test_random_states() -> None:
    def body(rank: int) -> Any:
        tp.model_parallel_cuda_manual_seed(123)
        tracker = tp.get_cuda_rng_tracker()
        with pytest.raises(Exception, match="seed 123 already exists"):
            tracker.add("other", 123)
        with pytest.raises(Exception, match="model-parallel-rng already exists"):
            tracker.add("model-parallel-rng", 7)
        with pytest.raises(Exception, match="other is not added"), tracker.fork("other"):
            pass
        outside = torch.rand(2, device="cuda").tolist()
        with tracker.fork():
            first = torch.rand(2, device="cuda").tolist()
        between = torch.rand(2, device="cuda").tolist()
        with tracker.fork():
            second = torch.rand(2, device="cuda").tolist()
        tp.model_parallel_cuda_manual_seed(123)
        torch.rand(2, device="cuda")
        again = torch.rand(2, device="cuda").tolist()
        with tp.get_cuda_rng_tracker().fork():
            of_fork = torch.rand(4, device="cuda").tolist()
        return outside, first, between, second, again, of_fork

    found = ranks(body, 2, tp=2)
    for outside, first, between, second, again, of_fork in found:
        assert outside == found[0][0]  # equal on all ranks outside of the fork
        assert between == again  # a fork does not disturb what is drawn outside
        assert len({*first, *second, *outside}) == 6
        assert of_fork[:2] == first
    assert found[0][1] != found[1][1]


@pytest.mark.parametrize("distribute", [False, True])
def test_checkpoint(distribute: bool) -> None:
    """The same numbers and gradients with less kept, dropout included."""

    def body(rank: int) -> Any:
        def run(x: Any, w: Any) -> Any:
            with tp.get_cuda_rng_tracker().fork():
                return torch.nn.functional.dropout(torch.tanh(x @ w), 0.5)

        results = []
        for checkpointed in (False, True):
            tp.model_parallel_cuda_manual_seed(5)
            x = torch.arange(8.0).view(2, 4).cuda().div(8).requires_grad_()
            w = torch.eye(4).cuda().requires_grad_()
            out = tp.checkpoint(run, distribute, x, w) if checkpointed else run(x, w)
            out.sum().backward()
            results.append([t.detach().cpu().numpy().copy() for t in (out, x.grad, w.grad)])
        return [bool((a == b).all()) for a, b in zip(*results, strict=True)]

    assert ranks(body, 2, tp=2) == [[True] * 3] * 2


def test_a_checkpoint_without_its_output() -> None:
    """The same gradients, dropout included, of a block whose output is let go of."""

    def body(rank: int) -> Any:
        def run(x: Any) -> Any:
            with tp.get_cuda_rng_tracker().fork():
                return torch.nn.functional.dropout(torch.tanh(x), 0.5)

        results = []
        for block in (None, tp.CheckpointWithoutOutput()):
            tp.model_parallel_cuda_manual_seed(5)
            x = torch.arange(8.0).cuda().div(8).requires_grad_()
            after = (run(x) if block is None else block.checkpoint(run, x)).exp()
            if block is not None:
                block.discard_output_and_register_recompute(after)
                with pytest.raises(RuntimeError, match="expected a call of checkpoint before it"):
                    block.discard_output_and_register_recompute(after)
            after.sum().backward()
            results.append((after.tolist(), x.grad.tolist()))
        return results[0] == results[1]

    assert ranks(body, 2, tp=2) == [True, True]


def test_a_checkpoint_records_nothing_for_arguments_without_gradients() -> None:
    def body(rank: int) -> bool:
        w = torch.ones(2, device="cuda", requires_grad=True)
        out = tp.checkpoint(lambda x: x * w, False, torch.ones(2, device="cuda"))
        return bool(out.requires_grad)

    assert ranks(body, 2, tp=2) == [False, False]


def test_chunks_and_ranges() -> None:
    def body(rank: int) -> Any:
        x = torch.arange(12.0).view(3, 4).cuda()
        part = tp.split_tensor_into_1d_equal_chunks(x)
        back = tp.gather_split_1d_tensor(part)
        pieces = tp.split_tensor_along_last_dim(x, 2)
        return part.tolist(), back.tolist(), [p.shape[-1] for p in pieces]

    for rank, (part, back, widths) in enumerate(ranks(body, 3, tp=3)):
        assert part == [4.0 * rank + i for i in range(4)]
        assert back == list(range(12))
        assert widths == [2, 2]
    utility = tp.utils.VocabUtility
    assert utility.vocab_range_from_per_partition_vocab_size(8, 1, 4) == (8, 16)
    assert utility.vocab_range_from_global_vocab_size(32, 3, 4) == (24, 32)
    with pytest.raises(AssertionError, match="33 is not divisible by 4"):
        utility.vocab_range_from_global_vocab_size(33, 3, 4)
