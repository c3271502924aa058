"""Parallel layers against the same layers in one piece (ADR-0027 D3, D4; T2, T6)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from parallel_ranks import ranks

import kernbench.torch as torch
from kernbench import tp

S, B, IN, OUT = 4, 2, 6, 12


def numbered(*shape: int, seed: int = 0) -> Any:
    """Small multiples of 1/8: sums of products of them are exact in float32."""
    draw = np.random.default_rng(seed).integers(-8, 9, shape)
    return torch.from_numpy((draw / 8).astype(np.float32))


def fill(seed: int) -> Any:
    """Return an init_method that gives the whole weight the same numbers on every rank."""

    def method(weight: Any) -> None:
        weight.copy_(numbered(*weight.shape, seed=seed))

    return method


def config(n: int, **options: Any) -> tp.ModelParallelConfig:
    return tp.ModelParallelConfig(
        tensor_model_parallel_size=n, use_cpu_initialization=True, **options
    )


def arrays(*tensors: Any) -> tuple[Any, ...]:
    return tuple(None if t is None else t.detach().cpu().numpy().copy() for t in tensors)


def whole(weight: Any, bias: Any, x: Any, grad: Any) -> tuple[Any, ...]:
    """Return the layer in one piece, and its gradients: NumPy's."""
    w, b, x, g = (t.numpy() for t in (weight, bias, x, grad))
    rows, given = g.reshape(-1, g.shape[-1]), x.reshape(-1, x.shape[-1])
    return x @ w.T + b, g @ w, rows.T @ given, rows.sum(0)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("gather", [True, False])
def test_column(n: int, gather: bool) -> None:
    x, grad, bias = numbered(S, B, IN), numbered(S, B, OUT, seed=1), numbered(OUT, seed=2)

    def body(rank: int) -> Any:
        layer = tp.ColumnParallelLinear(
            IN, OUT, config=config(n), init_method=fill(3), gather_output=gather
        ).cuda()
        part = slice(rank * OUT // n, (rank + 1) * OUT // n)
        with torch.no_grad():
            layer.bias.copy_(bias[part])
        given = x.cuda().requires_grad_()
        out, no_bias = layer(given)
        assert no_bias is None
        out.backward((grad if gather else grad[..., part]).cuda())
        return arrays(out, given.grad, layer.weight, layer.weight.grad, layer.bias.grad)

    expected = whole(numbered(OUT, IN, seed=3), bias, x, grad)
    for rank, (out, of_x, weight, of_weight, of_bias) in enumerate(ranks(body, n, tp=n)):
        part = slice(rank * OUT // n, (rank + 1) * OUT // n)
        assert (weight == numbered(OUT, IN, seed=3).numpy()[part]).all()
        assert (out == (expected[0] if gather else expected[0][..., part])).all()
        assert (of_x == expected[1]).all()
        assert (of_weight == expected[2][part]).all()
        assert (of_bias == expected[3][part]).all()


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("parallel", [True, False])
def test_row(n: int, parallel: bool) -> None:
    x, grad, bias = numbered(S, B, IN), numbered(S, B, OUT, seed=1), numbered(OUT, seed=2)

    def body(rank: int) -> Any:
        layer = tp.RowParallelLinear(
            IN,
            OUT,
            config=config(n),
            init_method=fill(3),
            bias=True,
            input_is_parallel=parallel,
            skip_bias_add=False,
        ).cuda()
        part = slice(rank * IN // n, (rank + 1) * IN // n)
        with torch.no_grad():
            layer.bias.copy_(bias)
        given = (x[..., part] if parallel else x).cuda().requires_grad_()
        out, _ = layer(given)
        out.backward(grad.cuda())
        return arrays(out, given.grad, layer.weight, layer.weight.grad, layer.bias.grad)

    expected = whole(numbered(OUT, IN, seed=3), bias, x, grad)
    for rank, (out, of_x, weight, of_weight, of_bias) in enumerate(ranks(body, n, tp=n)):
        part = slice(rank * IN // n, (rank + 1) * IN // n)
        assert (weight == numbered(OUT, IN, seed=3).numpy()[:, part]).all()
        assert (out == expected[0]).all()
        assert (of_x == (expected[1][..., part] if parallel else expected[1])).all()
        assert (of_weight == expected[2][:, part]).all()
        assert (of_bias == expected[3]).all()


def test_row_is_the_product_of_what_the_ranks_hold() -> None:
    """T2: shapes, and the sum over ranks is the concatenated inputs by the concatenated weights.

    Of numbers that are not exact in half precision: each rank's product is rounded, then their sum.
    """
    n = 3
    draw = np.random.default_rng(7).standard_normal
    x, master = draw((S, B, IN)).astype(np.float16), draw((OUT, IN)).astype(np.float16)

    def body(rank: int) -> Any:
        layer = tp.RowParallelLinear(
            IN, OUT, config=config(n, params_dtype=torch.float16),
            init_method=lambda weight: weight.copy_(torch.from_numpy(master)),
            bias=False, input_is_parallel=True, skip_bias_add=False,
        ).cuda()  # fmt: skip
        part = torch.from_numpy(x)[..., rank * IN // n : (rank + 1) * IN // n].cuda()
        out, bias = layer(part)
        assert bias is None
        return arrays(part, layer.weight, out)

    parts, weights, outs = zip(*ranks(body, n, tp=n), strict=True)
    assert [each.shape for each in parts] == [(S, B, IN // n)] * n
    assert [each.shape for each in weights] == [(OUT, IN // n)] * n
    assert [each.shape for each in outs] == [(S, B, OUT)] * n
    assert (np.concatenate(parts, -1) == x).all() and (np.concatenate(weights, 1) == master).all()
    assert all((each == outs[0]).all() for each in outs)
    exact = x.astype(np.float64) @ master.T.astype(np.float64)
    np.testing.assert_allclose(outs[0], exact, rtol=2e-3, atol=n * 2e-3)


def test_sequence_parallel_pair() -> None:
    """Each rank has a part of the sequence outside of the pair of layers."""
    n = 2
    x, grad = numbered(S, B, IN), numbered(S, B, IN, seed=1)

    def body(rank: int) -> Any:
        options = config(n, sequence_parallel=True)
        up = tp.ColumnParallelLinear(
            IN, OUT, config=options, init_method=fill(3), bias=False
        ).cuda()
        down = tp.RowParallelLinear(
            OUT, IN, config=options, init_method=fill(4), bias=True,
            input_is_parallel=True, skip_bias_add=True,
        ).cuda()  # fmt: skip
        part = slice(rank * S // n, (rank + 1) * S // n)
        given = x[part].cuda().requires_grad_()
        hidden, _ = up(given)
        out, bias = down(torch.relu(hidden))
        assert bias is down.bias
        out.backward(grad[part].cuda())
        return arrays(out, given.grad, up.weight.grad, down.weight.grad)

    w1, w2 = numbered(OUT, IN, seed=3).numpy(), numbered(IN, OUT, seed=4).numpy()
    hidden = x.numpy() @ w1.T
    active = np.maximum(hidden, 0)
    of_hidden = (grad.numpy() @ w2) * (hidden > 0)
    expected_x = of_hidden @ w1
    expected_w1 = of_hidden.reshape(-1, OUT).T @ x.numpy().reshape(-1, IN)
    expected_w2 = grad.numpy().reshape(-1, IN).T @ active.reshape(-1, OUT)
    for rank, (out, of_x, of_w1, of_w2) in enumerate(ranks(body, n, tp=n)):
        part = slice(rank * S // n, (rank + 1) * S // n)
        mine = slice(rank * OUT // n, (rank + 1) * OUT // n)
        np.testing.assert_allclose(out, (active @ w2.T)[part], rtol=1e-6)
        np.testing.assert_allclose(of_x, expected_x[part], rtol=1e-6)
        np.testing.assert_allclose(of_w1, expected_w1[mine], rtol=1e-6)
        np.testing.assert_allclose(of_w2, expected_w2[:, mine], rtol=1e-6)


@pytest.mark.parametrize("scatter", [False, True])
def test_embedding(scatter: bool) -> None:
    n, rows, width = 2, 10, 4
    ids = torch.tensor([[0, 9, 4], [5, 5, 1]])  # (b, s)
    if scatter:
        ids = torch.tensor([[0, 9, 4, 2], [5, 5, 1, 7]])
    table = numbered(rows, width, seed=5)

    def body(rank: int) -> Any:
        layer = tp.VocabParallelEmbedding(
            rows,
            width,
            init_method=fill(5),
            config=config(n),
            reduce_scatter_embeddings=scatter,
        ).cuda()
        out = layer(ids.cuda())
        out.backward(torch.ones_like(out))
        return arrays(out, layer.weight.grad)

    expected = table.numpy()[ids.numpy()]
    counts = np.bincount(ids.numpy().reshape(-1), minlength=rows).astype(np.float32)
    for rank, (out, of_table) in enumerate(ranks(body, n, tp=n)):
        if scatter:
            half = expected.transpose(1, 0, 2)[2 * rank : 2 * rank + 2]
            assert (out == half).all()
        else:
            assert (out == expected).all()
        mine = counts[rank * 5 : rank * 5 + 5, None] * np.ones(width)
        assert (of_table == mine).all()


def test_two_layers_have_equal_bits_on_all_ranks() -> None:
    """T6: an MLP with deterministic weights, on every rank what one machine computes."""

    def body(rank: int) -> Any:
        options = config(3, params_dtype=torch.float16)
        up = tp.ColumnParallelLinear(IN, OUT, config=options, init_method=fill(3)).cuda()
        down = tp.RowParallelLinear(
            OUT, IN, config=options, init_method=fill(4), bias=True,
            input_is_parallel=True, skip_bias_add=False,
        ).cuda()  # fmt: skip
        with torch.no_grad():
            hidden, _ = up(numbered(S, B, IN).half().cuda())
            out, _ = down(torch.relu(hidden))
        return out.cpu().numpy().copy()

    found = ranks(body, 3, tp=3)
    assert all((each == found[0]).all() for each in found)
    w1, w2 = numbered(OUT, IN, seed=3).numpy(), numbered(IN, OUT, seed=4).numpy()
    expected = np.maximum(numbered(S, B, IN).numpy() @ w1.T, 0) @ w2.T
    np.testing.assert_allclose(found[0], expected, rtol=4e-3, atol=4e-3)


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_two_layers_train_as_one_machine_does(n: int) -> None:
    """T6: forward and backward of the MLP, of numbers whose sums are exact: equal to NumPy's."""
    x, grad = numbered(S, B, IN), numbered(S, B, IN, seed=1)

    def body(rank: int) -> Any:
        up = tp.ColumnParallelLinear(IN, OUT, config=config(n), init_method=fill(3)).cuda()
        down = tp.RowParallelLinear(
            OUT, IN, config=config(n), init_method=fill(4), bias=True,
            input_is_parallel=True, skip_bias_add=False,
        ).cuda()  # fmt: skip
        given = x.cuda().requires_grad_()
        out, _ = down(torch.relu(up(given)[0]))
        out.backward(grad.cuda())
        return arrays(out, given.grad, up.weight.grad, down.weight.grad, down.bias.grad)

    w1, w2 = numbered(OUT, IN, seed=3).numpy(), numbered(IN, OUT, seed=4).numpy()
    rows, of_out = x.numpy().reshape(-1, IN), grad.numpy().reshape(-1, IN)
    hidden = rows @ w1.T
    of_hidden = (of_out @ w2) * (hidden > 0)
    for rank, (out, of_x, of_w1, of_w2, of_bias) in enumerate(ranks(body, n, tp=n)):
        part = slice(rank * OUT // n, (rank + 1) * OUT // n)
        assert np.array_equal(out.reshape(-1, IN), np.maximum(hidden, 0) @ w2.T)
        assert np.array_equal(of_x.reshape(-1, IN), of_hidden @ w1)
        assert np.array_equal(of_w1, (of_hidden.T @ rows)[part])
        assert np.array_equal(of_w2, (of_out.T @ np.maximum(hidden, 0))[:, part])
        assert np.array_equal(of_bias, of_out.sum(0))


def test_frozen_weights() -> None:
    """The input's gradient is added up over the ranks, the weight has none."""

    def body(rank: int) -> Any:
        weight = torch.eye(8)[rank * 2 : rank * 2 + 2].cuda()
        x = torch.ones(8, 8, device="cuda").requires_grad_()
        out = tp.linear_with_frozen_weight(x, weight, None, False, True, False)
        out.backward(torch.ones_like(out))
        return arrays(out, x.grad)

    for out, grad in ranks(body, 4, tp=4):
        assert (out == 1).all() and out.shape == (8, 2)
        assert (grad == 1).all()


def test_gradients_added_in_the_gemm() -> None:
    def body(rank: int) -> Any:
        options = config(2, gradient_accumulation_fusion=True)
        layer = tp.ColumnParallelLinear(
            IN, OUT, config=options, init_method=fill(3), bias=False
        ).cuda()
        x = numbered(S, B, IN).cuda()
        with pytest.raises(RuntimeError, match=r"expected weight\.main_grad"):
            layer(x.clone().requires_grad_())[0].sum().backward()
        layer.weight.main_grad = torch.ones(OUT // 2, IN, device="cuda")
        layer(x)[0].sum().backward()
        return *arrays(layer.weight.main_grad), layer.weight.grad is None

    expected = 1 + numbered(S, B, IN).numpy().reshape(-1, IN).sum(0)
    for main, none in ranks(body, 2, tp=2):
        assert (main == expected).all()
        assert none


def test_attributes_of_weights() -> None:
    def body(rank: int) -> Any:
        layer = tp.RowParallelLinear(
            IN, OUT, config=config(2), init_method=fill(1), bias=True,
            input_is_parallel=True, skip_bias_add=False,
        )  # fmt: skip
        weight = layer.weight
        with pytest.raises(AssertionError, match="tensor_model_parallel is set already"):
            tp.set_tensor_model_parallel_attributes(weight, True, 0, 1)
        plain = torch.ones(1)
        tp.set_defaults_if_not_set_tensor_model_parallel_attributes(plain)
        other = torch.ones(1)
        tp.copy_tensor_model_parallel_attributes(other, weight)
        counted = tp.param_is_not_tensor_parallel_duplicate
        return (
            (weight.tensor_model_parallel, weight.partition_dim, weight.partition_stride),
            plain.tensor_model_parallel,
            other.partition_dim,
            counted(weight),
            counted(layer.bias),
        )

    found = ranks(body, 2, tp=2)
    assert found == [((True, 1, 1), False, 1, True, rank == 0) for rank in range(2)]


def test_what_is_refused() -> None:
    def body(rank: int) -> None:
        make = {"config": config(2), "init_method": fill(1)}
        with pytest.raises(
            AssertionError, match="7 is not divisible by 2, output_size of ColumnParallelLinear"
        ):
            tp.ColumnParallelLinear(4, 7, **make)
        with pytest.raises(RuntimeError, match="`input_is_parallel` must be `True`"):
            tp.RowParallelLinear(
                4, 4, config=config(2, sequence_parallel=True), init_method=fill(1), bias=False,
                input_is_parallel=False, skip_bias_add=False,
            )  # fmt: skip
        layer = tp.ColumnParallelLinear(4, 8, skip_weight_param_allocation=True, bias=False, **make)
        x = torch.ones(2, 1, 4, device="cuda")
        with pytest.raises(RuntimeError, match="weight was not supplied"):
            layer(x)
        with pytest.raises(RuntimeError, match=r"shape is \(8, 4\), not \(4, 4\) as expected"):
            layer(x, torch.ones(8, 4, device="cuda"))
        out, _ = layer(x, torch.ones(4, 4, device="cuda"), runtime_gather_output=True)
        assert out.shape == (2, 1, 8)
        with pytest.raises(TypeError, match="config to be a ModelParallelConfig, got None"):
            tp.ColumnParallelLinear(4, 8, config=None, init_method=fill(1))
        with pytest.raises(TypeError, match="expected init_method to be a function"):
            tp.ColumnParallelLinear(4, 8, config=config(2), init_method=None)

    ranks(body, 2, tp=2)
    with pytest.raises(ValueError, match="without tensor parallelism"):
        tp.ModelParallelConfig(sequence_parallel=True)
