"""Bad input to tensors: torch's classes and words; contexts that closed; names that are missing."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

import kernbench as kb
import kernbench.torch as torch
from kernbench.cli.faces import served


def test_devices_that_do_not_fit(ctx: kb.Context) -> None:
    x, y = torch.ones(2), torch.ones(2, device="cuda")
    with pytest.raises(RuntimeError, match="at least two devices, cuda:0 and cpu"):
        x + y
    with pytest.raises(RuntimeError, match="at least two devices"):
        torch.cat([x, y])
    with pytest.raises(RuntimeError, match="at least two devices"):
        torch.ones(2, 2) @ torch.ones(2, 2, device="cuda")
    assert (y + torch.tensor(1.0)).tolist() == [2.0, 2.0]  # a 0-d host tensor goes along
    with pytest.raises(RuntimeError, match=r"invalid device string|start of device string"):
        torch.ones(2, device="gpu")
    with pytest.raises(ValueError, match=r"sip|SIP"):
        torch.ones(2, device="cuda:9")


def test_a_host_tensor_is_no_argument_of_a_kernel(ctx: kb.Context) -> None:
    @kb.jit
    def nothing(x):
        pass

    with pytest.raises(ValueError, match="cannot be accessed from Triton"):
        nothing[(1,)](torch.ones(2))


USES: list[Callable[[torch.Tensor], object]] = [
    lambda x: x + 1,
    lambda x: x.sum(),
    lambda x: x @ x,
    lambda x: x[x > 0],
    lambda x: x.cpu(),
    lambda x: x.numpy(),
    lambda x: repr(x),
    lambda x: x.add_(1),
    lambda x: x.clone(),
    lambda x: x.zero_(),
    lambda x: x.copy_(torch.ones(2, 2)),
    lambda x: torch.softmax(x, 0),
    lambda x: x.tolist(),
]


@pytest.mark.parametrize("use", USES)
def test_a_tensor_used_after_its_context_closed(use: Callable[[torch.Tensor], object]) -> None:
    with kb.Context("small"):
        x = torch.ones(2, 2, device="cuda")
    with pytest.raises(RuntimeError, match=r"closed|no kernbench\.Context is active"):
        use(x)
    with kb.Context("small"):
        assert torch.ones(2, device="cuda").tolist() == [1.0, 1.0]


@pytest.mark.parametrize("use", USES)
def test_a_tensor_of_another_context(use: Callable[[torch.Tensor], object]) -> None:
    with kb.Context("small"):
        x = torch.ones(2, 2, device="cuda")
    with kb.Context("small"), pytest.raises((RuntimeError, ValueError), match=r"closed|context"):
        use(x)


def test_no_context_at_all() -> None:
    with pytest.raises(RuntimeError, match=r"no kernbench\.Context is active"):
        torch.ones(2, device="cuda")
    assert not torch.cuda.is_available() and torch.cuda.device_count() == 0


def test_missing_names_raise_when_called() -> None:
    from kernbench.torch.nn import Conv2d

    with pytest.raises(
        NotImplementedError, match=r"kernbench: torch\.nn\.Conv2d is not implemented"
    ):
        Conv2d(1, 2, 3)
    for ask, advice in (
        (lambda: Conv2d(1, 2, 3), r"; unfold the windows by Tensor\.unfold, and multiply"),
        (lambda: torch.nn.functional.conv1d(None, None), r"; unfold the windows"),
        (lambda: torch.nn.BatchNorm1d(4), r"; use LayerNorm"),
        (lambda: torch.nn.LSTM(2, 2), r"; write the step with nn\.Linear"),
        (lambda: torch.set_autocast_enabled("cuda", True), r"; nothing is cast"),
        (lambda: torch.onnx.export(None), r"torch\.onnx\.export is not implemented; a script"),
        (lambda: torch.ones(2, 2).svd(), r"torch\.svd is not implemented"),
    ):
        with pytest.raises(NotImplementedError, match=advice):
            ask()
    with pytest.raises(NotImplementedError, match=r"kernbench: torch\.fft\.rfft is not"):
        torch.fft.rfft(torch.ones(3))
    with pytest.raises(NotImplementedError, match=r"kernbench: torch\.svd"):
        torch.svd(torch.ones(2, 2))
    with pytest.raises(NotImplementedError, match=r"torch\.digamma"):
        torch.ones(2).digamma()
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = torch.no_such_name
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        torch.ones(2).no_such_name()
    assert not hasattr(torch, "npu") and hasattr(torch, "xpu") and not torch.xpu.is_available()


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: x.reshape(), r'^reshape\(\) missing 1 required positional argument: "shape"'),
        (lambda x: x.view(), r'^view\(\) missing 1 required positional argument: "size"'),
        (lambda x: x.expand(), r"^expand\(\) missing"),
        (lambda x: x.permute(), r'^permute\(\) missing .*"dims"'),
        (lambda x: x.repeat(), r'^repeat\(\) missing .*"repeats"'),
        (lambda x: x.flip(), r"^flip\(\) missing"),
        (lambda x: torch.ones(), r'^ones\(\) missing .*"size"'),
        (lambda x: torch.randn(), r'missing 1 required positional argument: "size"'),
        (lambda x: x.remainder(), r"^remainder\(\) missing 1 .*'other'"),
        (lambda x: x.floor_divide_(), r"^floor_divide_\(\) missing 1 .*'other'"),
        (lambda x: torch.atan2(x), r'^atan2\(\) missing 1 .*"other"'),
        (lambda x: x.mul(1, 2), r"^mul\(\) takes 2 positional arguments but 3 were given"),
        (lambda x: torch.softmax(), r"^softmax\(\) missing"),
    ],
)
def test_a_missing_operand_is_named_with_its_operation(
    call: Callable[[torch.Tensor], object], error: str
) -> None:
    with pytest.raises(TypeError, match=error):
        call(torch.ones(2, 3))


def test_sizes_and_dimensions_go_by_name_too() -> None:
    x = torch.arange(6.0, requires_grad=True)
    y = x.view(size=(2, 3)).flip(dims=[0]).repeat(repeats=(1, 2)).permute(dims=(1, 0))
    assert y.reshape(shape=(12,)).expand(size=(2, 12)).tile(dims=(2,)).shape == (2, 24)
    y[0, 0].backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]


def test_a_class_may_derive_from_a_missing_one() -> None:
    class Mine(torch.nn.Conv2d):
        pass

    with pytest.raises(NotImplementedError, match=r"torch\.nn\.Conv2d"):
        Mine(1, 2, 3)


def test_wrappers_change_nothing_or_refuse() -> None:
    def double(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    assert torch.compile(double) is double and torch.compile(dynamic=False)(double) is double
    assert torch.amp.custom_fwd(device_type="cuda")(double) is double
    assert torch.cuda.amp.custom_bwd(double) is double
    with torch.autocast("cuda", enabled=False):
        assert not torch.is_autocast_enabled()
    with pytest.raises(NotImplementedError, match=r"autocast.*; cast tensors and modules by"):
        torch.autocast("cuda")
    steps: list[int] = []
    optimizer = SimpleNamespace(step=lambda: steps.append(1))
    for scaler in (torch.amp.GradScaler("cuda", enabled=False), torch.GradScaler(enabled=False)):
        loss = scaler.scale(torch.ones(1))
        scaler.unscale_(optimizer), scaler.step(optimizer), scaler.update()
        scaler.load_state_dict(scaler.state_dict())
        assert loss.tolist() == [1.0] and scaler.get_scale() == 1.0 and not scaler.is_enabled()
    assert steps == [1, 1]
    with pytest.raises(NotImplementedError, match=r"GradScaler.*a factor in the loss"):
        torch.cuda.amp.GradScaler()


def test_out_of_memory_says_how_much(ctx: kb.Context) -> None:
    with pytest.raises(torch.OutOfMemoryError, match=r"GiB|bytes|free|expected"):
        torch.empty(1 << 40, device="cuda")
    with pytest.raises(RuntimeError):
        torch.empty(1 << 60)
    assert torch.ones(1, device="cuda").item() == 1


def test_an_index_beyond_the_end_on_the_machine(ctx: kb.Context) -> None:
    x = torch.ones(4, device="cuda")
    with pytest.raises((kb.KernbenchError, IndexError), match="index out of bounds"):
        x[torch.tensor([9], device="cuda")].tolist()


def test_missing_modules_are_imported_and_raise_when_called() -> None:
    with served():
        import torch.backends.cudnn as cudnn
        import torch.fft as fft
        from torch.utils.tensorboard import SummaryWriter

        cudnn.benchmark = True
        assert cudnn.benchmark is True
        with pytest.raises(NotImplementedError, match=r"torch\.utils\.tensorboard\.SummaryWriter"):
            SummaryWriter("runs")
        with pytest.raises(NotImplementedError, match=r"torch\.fft\.rfft"):
            fft.rfft(None)
        with pytest.raises(ModuleNotFoundError, match="no_such_module"):
            import torch.no_such_module as missing  # noqa: F401


UNKNOWN: list[Callable[[torch.Tensor], object]] = [
    lambda x: x.sum(dims=0),
    lambda x: x.mean(dim=0, axis=0),
    lambda x: x.max(keep=True),
    lambda x: torch.max(x, keepdim=True),
    lambda x: x.std(ddof=0),
    lambda x: torch.softmax(x, dimension=0),
    lambda x: x.cumsum(),
    lambda x: torch.add(x, to=1),
    lambda x: x.mul_(by=2),
    lambda x: x.to(dtyp=torch.float16),
    lambda x: x.reshape(sizes=(4,)),
    lambda x: x.permute(order=(1, 0)),
    lambda x: x.split(2, size=1),
    lambda x: x.uniform_(low=0),
    lambda x: torch.cat([x, x], dimension=1),
    lambda x: torch.zeros(2, dtyp=torch.int64),
    lambda x: torch.empty_strided((2,), (1,), typ=3),
    lambda x: torch.arange(stop=3),
    lambda x: torch.rand(2, seed=1),
    lambda x: torch.randint(high=3, shape=(2,)),
    lambda x: torch.normal(0.0, 1.0, (2,), seed=1),
]


@pytest.mark.parametrize("use", UNKNOWN)
def test_an_argument_that_is_spelt_wrongly(use: Callable[[torch.Tensor], object]) -> None:
    """It is not passed over: the result would be another one, and nobody would know."""
    with pytest.raises(TypeError, match=r"argument|keepdim is for"):
        use(torch.ones(2, 2))


def test_numpy_s_names_of_arguments_are_torch_s_too() -> None:
    x = torch.arange(6.0).reshape(2, 3)
    for name in ("sum", "mean", "prod", "amax", "argmin", "logsumexp", "std", "all", "cumsum"):
        assert getattr(torch, name)(x, axis=1).tolist() == getattr(x, name)(dim=1).tolist()
    assert x.argmax(axis=0, keepdims=True).tolist() == [[1, 1, 1]]
    assert torch.stack([x, x], axis=2).shape == torch.Size([2, 3, 2])
    y = x.clone().requires_grad_()
    y.sum(axis=0, keepdims=True).prod(axis=1).sum().backward()
    assert y.grad is not None and y.grad.tolist() == [[35.0, 21.0, 15.0]] * 2
