"""Tensors: creation, views, the way to NumPy and back."""

from __future__ import annotations

from collections.abc import Iterator

import ml_dtypes
import numpy as np
import pytest

import kernbench as kb


@pytest.fixture
def ctx() -> Iterator[kb.Context]:
    with kb.Context("small") as context:
        yield context


@pytest.mark.parametrize(
    "dtype",
    [
        *("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"),
        *(ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2),
    ],
)
def test_round_trip_of_every_dtype(ctx: kb.Context, dtype: object) -> None:
    values = np.arange(-30, 30).reshape(5, 12).astype(dtype)  # type: ignore[call-overload]
    back = ctx.tensor(values).numpy()
    assert back.dtype == values.dtype
    assert back.tobytes() == values.tobytes()
    assert not back.flags.writeable


@pytest.mark.parametrize(
    "placement",
    [kb.Blocked(), kb.Interleaved(4096), kb.Replicated(), kb.Sharded(1), kb.Local(1)],
)
def test_every_placement_holds_the_same_values(ctx: kb.Context, placement: kb.Placement) -> None:
    values = np.random.default_rng(1).standard_normal((96, 130)).astype(np.float32)
    x = ctx.tensor(values, placement=placement)
    assert np.array_equal(x.numpy(), values)
    assert x.placement == placement


def test_conversion_rounds_once_to_nearest_even(ctx: kb.Context) -> None:
    values = np.array([1 + 2**-11, 1 + 3 * 2**-11, 70000.0, np.nan])
    assert ctx.tensor(values, dtype=kb.float16).numpy().tolist()[:3] == [1.0, 1 + 2**-9, np.inf]
    assert ctx.tensor([1.0, 2.5]).dtype == kb.float32
    assert ctx.tensor([1, 2]).dtype == kb.int64
    assert ctx.tensor([0.1], dtype=kb.bfloat16).tolist() == [float(ml_dtypes.bfloat16(0.1))]


def test_views_share_the_storage(ctx: kb.Context) -> None:
    values = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
    x = ctx.tensor(values)
    assert x.stride() == (12, 4, 1) and x.is_contiguous() and x.numel() == 24
    for view, expected in [
        (x.T, values.T),
        (x[1], values[1]),
        (x[:, 1:, ::2], values[:, 1:, ::2]),
        (x[..., None, 0], values[..., None, 0]),
        (x.view(6, -1), values.reshape(6, 4)),
        (x.permute(2, 0, 1)[3], values.transpose(2, 0, 1)[3]),
        (x[1, 2, 3], values[1, 2, 3]),
    ]:
        assert view.shape == expected.shape
        assert np.array_equal(view.numpy(), expected)
    assert x[1, 2, 3].item() == 23
    assert x[1].data_ptr() == x.data_ptr() + 48
    with pytest.raises(RuntimeError, match="contiguous"):
        x.T.view(24)
    with pytest.raises(RuntimeError, match="invalid for input of size 24"):
        x.view(5, 5)
    with pytest.raises(IndexError):
        x[2]
    assert np.array_equal(x[[0, 1]].numpy(), values[[0, 1]])


def test_zeros_are_written_and_empty_is_not(ctx: kb.Context) -> None:
    before = ctx.now_fs
    z = ctx.zeros((3, 5), dtype=kb.float16)
    assert ctx.now_fs == before
    assert not z.numpy().any()
    with pytest.raises(kb.UninitialisedReadError, match="never"):
        ctx.empty(4).numpy()
    assert ctx.empty(0).numpy().shape == (0,)
    with kb.Context("small", uninit="ignore") as other:
        assert other.empty(4).numpy().shape == (4,)


def test_copies_take_simulated_time(ctx: kb.Context) -> None:
    start = ctx.now_fs
    x = ctx.tensor(np.zeros(1 << 20, np.float32))
    copied = ctx.now_fs - start
    link_fs = x.nbytes * 10**6 / 55  # the host link of the preset: 55 GB/s
    assert link_fs < copied < 2 * link_fs
    x.numpy()
    assert ctx.now_fs - start > 2 * link_fs
    kinds = [ctx.oplog.kinds[kind] for kind in ctx.oplog.kind]
    assert kinds == ["copy_in", "copy_out"]


def test_a_view_outlives_tensor_and_context() -> None:
    with kb.Context("small") as ctx:
        values = ctx.tensor([1.0, 2.0, 3.0]).numpy()
        for _ in range(10):
            ctx.tensor(np.full(1000, 9.0))
    del ctx
    assert values.tolist() == [1.0, 2.0, 3.0]


def test_memory_is_given_back(ctx: kb.Context) -> None:
    for _ in range(8):  # 8 x 3 GiB in a stack of 16 GiB
        ctx.empty(3 << 28, dtype=kb.float32)


def test_too_large_a_tensor_is_refused(ctx: kb.Context) -> None:
    with pytest.raises(kb.OutOfMemoryError, match="cube 0"):
        ctx.empty(1 << 40, dtype=kb.float32)
    with pytest.raises(RuntimeError, match="at least 0"):
        ctx.empty(-1)
    assert ctx.tensor([1.0]).item() == 1.0


def test_timing_alone_has_no_values() -> None:
    with kb.Context("small", data=False) as ctx:
        x = ctx.tensor(np.ones(10, np.float32))
        assert ctx.now_fs > 0
        with pytest.raises(kb.DataUnavailableError, match="data=False"):
            x.numpy()


def test_tensors_of_a_closed_or_reset_context_are_refused() -> None:
    with kb.Context("small") as ctx:
        x = ctx.tensor([1.0])
        ctx.reset()
        assert ctx.now_fs == 0 and len(ctx.oplog) == 0
        with pytest.raises(RuntimeError, match="reset"):
            x.numpy()
        y = ctx.tensor([2.0])
    with pytest.raises(RuntimeError, match="closed"):
        y.numpy()
    with pytest.raises(RuntimeError, match="closed"):
        ctx.zeros(3)
