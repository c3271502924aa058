"""Operations on the machine against NumPy: sizes of many programs, dimensions, strides, parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kernbench as kb
import kernbench.torch as torch

RNG = np.random.default_rng(5)


def array(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    if np.dtype(dtype).kind == "f":
        return RNG.standard_normal(shape).astype(dtype)
    return RNG.integers(-50, 50, shape).astype(dtype)


@pytest.mark.parametrize(
    "shape", [(1,), (4097,), (33, 129), (3, 5, 7, 9), (2, 3, 1, 4, 5), (70000,)]
)
def test_elementwise_of_any_size(ctx: kb.Context, shape: tuple[int, ...]) -> None:
    a, b = array(*shape), array(*shape)
    x, y = torch.from_numpy(a).cuda(), torch.from_numpy(b).cuda()
    assert np.array_equal((x + y).numpy(), a + b)
    assert np.array_equal((x * y - x).numpy(), a * b - a)
    assert np.array_equal((x > y).numpy(), a > b)


def test_broadcast_and_strides_meet(ctx: kb.Context) -> None:
    a, b = array(40, 1, 30), array(50, 30)
    x, y = torch.from_numpy(a).cuda(), torch.from_numpy(b).cuda()
    assert np.array_equal((x + y).numpy(), a + b)
    assert np.array_equal(
        (x.transpose(0, 2) * y.T[:, :1]).numpy(), a.transpose(2, 1, 0) * b.T[:, :1]
    )
    assert np.array_equal((x[::3, :, 1::2] - 1).numpy(), a[::3, :, 1::2] - 1)
    assert np.array_equal(
        (y.expand(3, 50, 30) + y[0]).numpy(), np.broadcast_to(b, (3, 50, 30)) + b[0]
    )


def test_dimensions_that_do_not_merge_may_be_many(ctx: kb.Context) -> None:
    a = array(2, 3, 2, 3, 2, 3, 2)
    x = torch.from_numpy(a).cuda()
    turned = a.transpose(6, 5, 4, 3, 2, 1, 0)
    assert np.array_equal((x.permute(6, 5, 4, 3, 2, 1, 0) + 1).numpy(), turned + 1)
    b = array(2, 3, 2, 3, 2, 3, 2)
    y = torch.from_numpy(b).cuda().permute(0, 5, 2, 3, 4, 1, 6)
    assert np.array_equal((x + y).numpy(), a + b.transpose(0, 5, 2, 3, 4, 1, 6))
    assert np.allclose(x.sum((0, 2, 4)).numpy(), a.sum((0, 2, 4)), atol=1e-5)


@pytest.mark.parametrize("dims", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_reductions_over_any_dimensions(ctx: kb.Context, dims: tuple[int, ...]) -> None:
    a = array(6, 35, 130)
    x = torch.from_numpy(a).cuda()
    close = {"rtol": 1e-5, "atol": 1e-5}
    assert np.allclose(x.sum(dims).numpy(), a.astype(np.float64).sum(dims), **close)
    assert np.allclose(x.mean(dims, keepdim=True).numpy(), a.mean(dims, keepdims=True), **close)
    assert np.array_equal(x.amax(dims).numpy(), a.max(dims))
    moved = a.transpose(2, 0, 1)
    assert np.array_equal(x.permute(2, 0, 1).amin(dims).numpy(), moved.min(dims))


def test_long_rows_are_cut_into_parts() -> None:
    """A sum over everything uses every PE, and is right where the parts do not divide it."""
    with kb.Context("default") as ctx:
        for size in (1 << 18, (1 << 18) + 1, 130_001):
            a = array(size)
            x = torch.from_numpy(a).cuda()
            before = len(ctx.launches)
            assert np.isclose(x.sum().item(), a.astype(np.float64).sum(), rtol=1e-4, atol=1e-2)
            assert len(ctx.launches) - before >= 2
            assert x.amax().item() == a.max() and x.argmax().item() == a.argmax()
        whole = torch.arange(200_000, device="cuda")
        assert whole.sum().item() == 199_999 * 100_000
        assert (whole % 7 == 0).sum().item() == 28_572


def test_nan_wins_in_extremes(ctx: kb.Context) -> None:
    a = array(4, 300)
    a[1, 250] = np.nan
    x = torch.from_numpy(a).cuda()
    values, places = x.max(1)
    assert np.isnan(values.numpy()[1]) and places.numpy()[1] == 250
    assert np.array_equal(places.numpy()[[0, 2, 3]], a[[0, 2, 3]].argmax(1))
    assert np.isnan(x.amin().item())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (17, 65, 33), (130, 200, 70), (5, 0, 3)])
def test_products(ctx: kb.Context, dtype: Any, m: int, k: int, n: int) -> None:
    a, b = array(m, k, dtype=dtype), array(k, n, dtype=dtype)
    x, y = torch.from_numpy(a).cuda(), torch.from_numpy(b).cuda()
    exact = a.astype(np.float64) @ b.astype(np.float64)
    bound = 16 * np.finfo(dtype).eps * (np.abs(a).astype(np.float64) @ np.abs(b) + 1)
    assert (np.abs((x @ y).numpy() - exact) <= bound).all()
    assert (np.abs((y.T @ x.T).numpy() - exact.T) <= bound.T).all()


def test_batches_of_products(ctx: kb.Context) -> None:
    a, b = array(3, 1, 20, 30), array(4, 30, 10)
    x, y = torch.from_numpy(a).cuda(), torch.from_numpy(b).cuda()
    assert np.allclose((x @ y).numpy(), a @ b, atol=1e-4)
    assert np.allclose((x[0, 0] @ y).numpy(), a[0, 0] @ b, atol=1e-4)


def test_integer_products_are_refused_as_on_a_gpu(ctx: kb.Context) -> None:
    x = torch.ones(2, 2, dtype=torch.int64, device="cuda")
    with pytest.raises(NotImplementedError, match="addmm_cuda"):
        x @ x


def test_rows_normalised(ctx: kb.Context) -> None:
    a = array(37, 300)
    x = torch.from_numpy(a).cuda()
    exact = np.exp(a - a.max(1, keepdims=True))
    assert np.allclose(torch.softmax(x, 1).numpy(), exact / exact.sum(1, keepdims=True), atol=1e-6)
    assert np.allclose(
        torch.softmax(x.T, 0).numpy(), (exact / exact.sum(1, keepdims=True)).T, atol=1e-6
    )
    normed = torch.nn.functional.layer_norm(x, (300,))
    assert np.allclose(
        normed.numpy(), (a - a.mean(1, keepdims=True)) / a.std(1, keepdims=True), atol=1e-4
    )


def test_scans_and_picks(ctx: kb.Context) -> None:
    a = array(9, 40, dtype=np.int64)
    x = torch.from_numpy(a).cuda()
    assert np.array_equal(x.cumsum(1).numpy(), a.cumsum(1))
    assert np.array_equal(x.T.cumsum(0).numpy(), a.T.cumsum(0))
    places = RNG.integers(0, 9, 1000)
    assert np.array_equal(x[torch.from_numpy(places).cuda()].numpy(), a[places])
    columns = RNG.integers(0, 40, (9, 5))
    found = x.gather(1, torch.from_numpy(columns).cuda())
    assert np.array_equal(found.numpy(), np.take_along_axis(a, columns, 1))
    rows = torch.from_numpy(places[:7]).cuda()
    assert np.array_equal(x[rows, 3].numpy(), a[places[:7], 3])
    assert np.array_equal(x[rows, rows].numpy(), a[places[:7], places[:7]])


def test_masks_and_assignment(ctx: kb.Context) -> None:
    a = array(20, 30)
    x = torch.from_numpy(a.copy()).cuda()
    assert np.array_equal(x[x > 0].numpy(), a[a > 0])
    x[x > 1] = 1
    x[3:5, ::2] = torch.zeros(2, 15, device="cuda")
    x[7] = x[8]
    x[[1, 2], [3, 4]] = 9.0
    a[a > 1] = 1
    a[3:5, ::2] = 0
    a[7] = a[8]
    a[[1, 2], [3, 4]] = 9
    assert np.array_equal(x.numpy(), a)


def test_operations_cost_time_on_the_machine_alone(ctx: kb.Context) -> None:
    host = torch.ones(1000)
    start = ctx.now_fs
    (host * 2 + host).sum().item()
    assert ctx.now_fs == start
    on_machine = host.cuda()
    copied = ctx.now_fs
    assert copied > start
    first = on_machine * 2
    ctx.synchronize()
    assert ctx.now_fs > copied
    before = ctx.now_fs
    view = first.view(10, 100)[2:].T
    assert ctx.now_fs == before and view.shape == (100, 8)


def test_what_has_no_kernel_crosses_the_link_in_time(ctx: kb.Context) -> None:
    x = torch.tensor([3.0, 1.0, 2.0], device="cuda")
    ctx.synchronize()
    copies = len(ctx.oplog)
    values, places = x.sort()
    assert values.device.type == "cuda" and values.tolist() == [1.0, 2.0, 3.0]
    assert places.tolist() == [1, 2, 0] and len(ctx.oplog) > copies


def test_timing_alone_launches_and_has_no_values() -> None:
    with kb.Context("small", data=False) as ctx:
        x = torch.empty(64, 64, device="cuda")
        y = torch.softmax(x @ x + 1, -1).sum(0)
        ctx.synchronize()
        assert ctx.now_fs > 0 and len(ctx.launches) == 4
        assert repr(y) == "tensor(..., device='cuda:0', size=(64,))"
        with pytest.raises(kb.DataUnavailableError):
            y.tolist()


def test_timing_alone_keeps_integers_for_kernels_that_decide_by_them() -> None:
    with kb.Context("small", data=False) as ctx:
        x = torch.empty(8, 4, device="cuda")
        y = x[torch.tensor([1, 3]).cuda()]
        ctx.synchronize()
        assert y.shape == (2, 4)
        x[torch.tensor([9]).cuda()]
        with pytest.raises(kb.KernbenchError, match="index out of bounds"):
            ctx.synchronize()


def test_timing_alone_stages_too_in_the_same_time() -> None:
    def run(data: bool) -> int:
        with kb.Context("small", data=data) as ctx:
            x = torch.arange(64, device="cuda").float() * 2
            values, places = x.sort(descending=True)
            assert values.shape == places.shape == (64,)
            ctx.synchronize()
            taken = ctx.now_fs
            if not data:
                with pytest.raises(kb.DataUnavailableError):
                    x.unique()
                with pytest.raises(kb.DataUnavailableError):
                    x[x > 3]
            return taken

    assert run(True) == run(False) > 0


def test_equal_runs_have_equal_bits_and_times() -> None:
    def run() -> tuple[bytes, int]:
        with kb.Context("small", seed=3) as ctx:
            torch.manual_seed(3)
            x = torch.randn(100, 100, device="cuda")
            y = (x @ x).softmax(1).std(0)
            return y.numpy().tobytes(), ctx.now_fs

    assert run() == run()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_view_as_generated_code_makes_it(device: str) -> None:
    with kb.Context("small"):
        x = torch.arange(12.0, device=device)[2:]
        view = torch.ops.inductor._reinterpret_tensor(x, (2, 3), (3, 1), 1)
        assert view.tolist() == [[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]
        assert view.storage_offset() == 3
    with pytest.raises(NotImplementedError, match=r"torch\.ops\.aten\.add"):
        torch.ops.aten.add(1)
