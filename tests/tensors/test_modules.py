"""Modules, parameters and ``assert_close``: torch's numbers, texts and complaints, as recorded."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest

import kernbench as kb
import kernbench.torch as torch
from kernbench.torch import nn


def network() -> Any:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.LayerNorm(4), nn.Linear(4, 2, bias=False))


def test_a_network_begins_and_computes_as_torchs() -> None:
    """The numbers and the text are those of torch 2.13.0 on CPU, with this seed."""
    net = network()
    assert repr(net) == (
        "Sequential(\n"
        "  (0): Linear(in_features=3, out_features=4, bias=True)\n"
        "  (1): ReLU()\n"
        "  (2): LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)\n"
        "  (3): Linear(in_features=4, out_features=2, bias=False)\n"
        ")"
    )
    assert repr(net(torch.ones(2, 3)).detach()) == (
        "tensor([[ 0.4898, -0.7543],\n        [ 0.4898, -0.7543]])"
    )


def test_a_network_on_the_machine(ctx: kb.Context) -> None:
    net = network()
    x = torch.randn(5, 3)
    here = net(x).detach()
    there = net.cuda()(x.cuda()).detach()
    assert there.is_cuda and all(p.is_cuda for p in net.parameters())
    torch.testing.assert_close(there.cpu(), here)
    assert all(p.dtype == torch.float16 for p in net.half().parameters())


def test_state_is_told_by_name() -> None:
    net, other = network(), network()
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias", "3.weight"]
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) in state_dict: \"0.weight\""):
        net.load_state_dict({})
    other[0].weight.data.zero_()
    net.load_state_dict(other.state_dict())
    assert not net[0].weight.any()
    wrong = {**other.state_dict(), "0.bias": torch.ones(9), "x": torch.ones(1)}
    with pytest.raises(RuntimeError, match=r"(?s)Unexpected key.*size mismatch for 0.bias"):
        net.load_state_dict(wrong)


def test_parameters_are_found_once() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Linear(2, 2)
            self.two = nn.Linear(2, 2)
            self.two.weight = self.one.weight
            self.register_buffer("seen", torch.zeros(1))

    tied = Tied()
    assert [name for name, _ in tied.named_parameters()] == ["one.weight", "one.bias", "two.bias"]
    assert [name for name, _ in tied.named_buffers()] == ["seen"]
    assert [name for name, _ in tied.named_modules()] == ["", "one", "two"]
    twin = copy.deepcopy(tied)
    assert twin.one.weight is twin.two.weight and twin.one.weight is not tied.one.weight
    assert not tied.eval().one.training and tied.train().training


def test_hooks_see_and_change() -> None:
    net = nn.Linear(2, 2)
    seen = []
    hook = net.register_forward_hook(lambda module, args, out: seen.append(out.shape))
    net.register_forward_pre_hook(lambda module, args: (args[0] * 0,))
    torch.testing.assert_close(net(torch.ones(1, 2)).detach(), net.bias.detach()[None])
    hook.remove()
    net(torch.ones(1, 2))
    assert seen == [torch.Size([1, 2])]


def test_saved_and_loaded() -> None:
    file = io.BytesIO()
    net = network()
    torch.save({"net": net.state_dict(), "step": 3}, file)
    file.seek(0)
    found = torch.load(file, map_location="cpu")
    assert found["step"] == 3 and torch.equal(found["net"]["0.bias"], net[0].bias)


def test_a_file_goes_where_map_location_says_at_once(ctx: kb.Context) -> None:
    """Neither by way of where it was, nor there after all."""
    net = nn.Linear(2, 2).cuda()
    file = io.BytesIO()
    torch.save({"x": torch.ones(2, device="cuda"), "nested": [(net.weight,)]}, file)
    for wanted, where in (
        (None, "cuda:0"),
        ("cpu", "cpu"),
        ({"cuda:0": "cpu"}, "cpu"),
        ({"cuda:1": "cpu"}, "cuda:0"),
        (lambda host, name: host, "cpu"),
        (lambda host, name: host.cuda() if name == "cuda:0" else None, "cuda:0"),
        (lambda host, name: None, "cuda:0"),
    ):
        file.seek(0)
        before = len(ctx.oplog)
        found = torch.load(file, map_location=wanted)
        assert str(found["x"].device) == str(found["nested"][0][0].device) == where
        assert (len(ctx.oplog) == before) == (where == "cpu")
        assert isinstance(found["nested"][0][0], nn.Parameter)
        assert found["nested"][0][0].requires_grad and not found["x"].requires_grad


def forgets_init() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.weight = nn.Parameter(torch.ones(1))

    Forgetful()


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (forgets_init, AttributeError, "before Module.__init__"),
    (lambda: setattr(nn.Linear(1, 1), "weight", torch.ones(1)), TypeError, "as parameter 'weight'"),
    (lambda: nn.Module()(1), NotImplementedError, 'missing the required "forward"'),
    (lambda: nn.Linear(1, 1).nothing, AttributeError, "'Linear' object has no attribute 'nothing'"),
    (lambda: nn.Linear(1, 1).to(torch.int32), TypeError, "only accepts floating point"),
    (lambda: nn.Dropout(2), ValueError, "between 0 and 1, but got 2"),
    (lambda: nn.Linear(2, 2)(torch.ones(1, 3)), RuntimeError, "cannot be multiplied"),
    (lambda: nn.Linear(2, 2).register_parameter("a.b", None), KeyError, "contain"),
]


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED)
def test_refusals(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


CLOSE: list[tuple[Any, Any, dict[str, Any], str]] = [
    (
        torch.tensor([1.0, 2.0, 3.0]),
        torch.tensor([1.0, 2.0, 4.0]),
        {},
        "Tensor-likes are not close!\n\nMismatched elements: 1 / 3 (33.3%)\n"
        "Greatest absolute difference: 1.0 at index (2,) (up to 1e-05 allowed)\n"
        "Greatest relative difference: 0.25 at index (2,) (up to 1.3e-06 allowed)",
    ),
    (
        torch.tensor([1, 2]),
        torch.tensor([1, 3]),
        {},
        "Tensor-likes are not equal!\n\nMismatched elements: 1 / 2 (50.0%)\n"
        "Greatest absolute difference: 1 at index (1,)\n"
        "Greatest relative difference: 0.3333333432674408 at index (1,)",
    ),
    (
        1.0,
        2.0,
        {},
        "Scalars are not close!\n\nExpected 2.0 but got 1.0.\n"
        "Absolute difference: 1.0 (up to 1e-07 allowed)\n"
        "Relative difference: 0.5 (up to 1e-07 allowed)",
    ),
    (
        torch.ones(2),
        torch.ones(3),
        {},
        "The values for attribute 'shape' do not match: torch.Size([2]) != torch.Size([3]).",
    ),
    (
        torch.ones(2),
        torch.ones(2).double(),
        {},
        "The values for attribute 'dtype' do not match: torch.float32 != torch.float64.",
    ),
    (True, False, {}, "Booleans mismatch: True is not False"),
    (torch.ones(1), torch.zeros(1), {"msg": "mine"}, "mine"),
]


@pytest.mark.parametrize(("actual", "expected", "options", "text"), CLOSE)
def test_assert_close_reports_as_torch(
    actual: Any, expected: Any, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        torch.testing.assert_close(actual, expected, **options)
    assert str(caught.value) == text


def test_assert_close_passes_and_compares_devices(ctx: kb.Context) -> None:
    x = torch.ones(3)
    torch.testing.assert_close(x, x + 1e-6)
    torch.testing.assert_close([x, {"a": x}], [x, {"a": x.clone()}])
    torch.testing.assert_close(x.half(), x.half() * 1.0005)
    with pytest.raises(AssertionError, match="attribute 'device' do not match: cpu != cuda:0"):
        torch.testing.assert_close(x, x.cuda())
    torch.testing.assert_close(x, x.cuda(), check_device=False)
    with pytest.raises(ValueError, match="got no atol"):
        torch.testing.assert_close(x, x, rtol=1.0)


def test_what_an_embedding_does_not_do_is_refused() -> None:
    for options in ({"max_norm": 1.0}, {"scale_grad_by_freq": True}):
        with pytest.raises(
            NotImplementedError, match=r"max_norm None and scale_grad_by_freq False"
        ):
            nn.Embedding(3, 2, **options)(torch.tensor([1]))
    assert nn.Embedding(3, 2, sparse=True)(torch.tensor([1])).shape == (1, 2)


def test_generators_are_as_they_were_after_a_fork() -> None:
    """Those made within it, and those of a block that raised, as in torch."""
    with kb.Context("small"):
        with torch.random.fork_rng():
            within = torch.rand(2)
        assert torch.equal(torch.rand(2), within)

        def draw() -> None:
            with torch.random.fork_rng():
                drawn.append(torch.rand(2))
                torch.manual_seed(1)
                raise KeyError

        drawn: list[Any] = []
        with pytest.raises(KeyError):
            draw()
        assert torch.equal(torch.rand(2), drawn[0])
