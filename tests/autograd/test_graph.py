"""The recorded graph: leaves, modes, hooks, functions, and torch's complaints."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import kernbench as kb
import kernbench.torch as torch


def leaf(*values: float) -> Any:
    return torch.tensor(list(values), requires_grad=True)


def test_gradients_add_up_in_the_leaf() -> None:
    x = leaf(1.0, 2.0)
    for expected in ([2.0, 4.0], [4.0, 8.0]):
        (x * x).sum().backward()
        assert x.grad.tolist() == expected


def test_two_leaves_never_share_a_gradient() -> None:
    x, y = leaf(1.0), leaf(2.0)
    (x + y).backward()
    x.grad.zero_()
    assert y.grad.tolist() == [1.0]


def test_the_given_gradient_is_not_taken_over() -> None:
    x, seed = leaf(1.0, 2.0), torch.ones(2)
    (x * 1).backward(seed)
    (x * 1).backward(seed)
    assert seed.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [2.0, 2.0]


def test_names_and_edges() -> None:
    x = leaf(1.0)
    y = x * 2 + 1
    assert y.grad_fn.name() == "AddBackward0"
    assert y.grad_fn.next_functions[0][0].name() == "MulBackward0"
    mul = y.grad_fn.next_functions[0][0]
    assert mul.next_functions[0][0].name() == "AccumulateGrad"
    assert mul.next_functions[0][0].variable is x
    assert x.is_leaf
    assert not y.is_leaf
    assert repr(y) == "tensor([3.], grad_fn=<AddBackward0>)"


def test_modes() -> None:
    x = leaf(1.0)
    with torch.no_grad():
        assert not (x * 2).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()

    @torch.no_grad()
    def silent() -> Any:
        return x * 2

    @torch.no_grad
    def bare() -> Any:
        return x * 2

    assert not silent().requires_grad
    assert not bare().requires_grad
    with torch.set_grad_enabled(False):
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad
    with torch.inference_mode():
        assert not (x * 2).requires_grad


def test_the_mode_comes_back_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), torch.no_grad():
        raise ZeroDivisionError
    assert torch.is_grad_enabled()


def test_backward_twice() -> None:
    x = leaf(1.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()
    z = (x + 1).sum()  # saves nothing
    z.backward()
    z.backward()


def test_in_place_on_a_leaf() -> None:
    x = leaf(1.0)
    with pytest.raises(
        RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"
    ):
        x += 1
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        x[0] = 2.0
    with torch.no_grad():
        x += 1
    assert x.tolist() == [2.0]


def test_a_saved_tensor_that_was_written_to() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    z = (y * y).sum()
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: (x * 2).backward(), "grad can be implicitly created only for scalar outputs"),
        (lambda x: torch.ones(1).backward(), "does not require grad and does not have a grad_fn"),
        (lambda x: (x * 2).backward(torch.ones(3)), "Mismatch in shape"),
        (lambda x: torch.autograd.grad((x * 2).sum(), leaf(1.0)), "appears to not have been used"),
        (lambda x: (x * 2).numpy(), "Can't call numpy"),
        (lambda x: torch.add(x, x, out=torch.empty(2)), "don't support automatic differentiation"),
        (lambda x: torch.tensor([1]).requires_grad_(), "floating point dtype"),
        (lambda x: (x * 2).requires_grad_(False), "only change requires_grad flags of leaf"),
        (lambda x: torch.ones(1).register_hook(print), "doesn't require gradient"),
        (lambda x: torch.lgamma(x).sum().backward(), "derivative of torch.lgamma"),
    ],
)
def test_complaints(call: Any, words: str) -> None:
    with pytest.raises((RuntimeError, NotImplementedError), match=words):
        call(leaf(1.0, 2.0))


def test_grad_leaves_grad_alone() -> None:
    x, y = leaf(2.0), leaf(3.0)
    (gx, gy) = torch.autograd.grad((x * y).sum(), (x, y))
    assert (gx.tolist(), gy.tolist()) == ([3.0], [2.0])
    assert x.grad is None
    unused = torch.autograd.grad(x.sum(), (x, y), allow_unused=True)
    assert unused[1] is None


def test_grad_of_something_in_between() -> None:
    x = leaf(2.0)
    y = x * x
    (of_y,) = torch.autograd.grad((y * 3).sum(), y)
    assert of_y.tolist() == [3.0]


def test_second_derivative() -> None:
    x = leaf(2.0)
    (first,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert second.tolist() == [12.0]


def test_hooks() -> None:
    x = leaf(1.0)
    y = x * 2
    seen = []
    handle = y.register_hook(lambda grad: grad * 10)
    x.register_hook(lambda grad: seen.append(grad.tolist()))
    y.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [20.0]
    assert seen == [[20.0]]
    handle.remove()
    y.sum().backward()
    assert x.grad.tolist() == [22.0]


def test_a_leaf_is_told_as_soon_as_its_gradient_is_there() -> None:
    """Buckets of gradients are sent while backward goes on: the last layer's come first."""
    first, last = leaf(1.0), leaf(1.0)
    order = []
    for name, each in (("first", first), ("last", last)):
        each.register_post_accumulate_grad_hook(lambda t, name=name: order.append(name))
    hidden = first * 2
    hidden.register_hook(lambda grad: order.append("hidden"))
    (hidden * last).sum().backward()
    assert order == ["last", "hidden", "first"]


def test_retain_grad() -> None:
    x = leaf(1.0)
    y = x * 2
    y.retain_grad()
    (y * 3).sum().backward()
    assert y.grad.tolist() == [3.0]


def test_detach_and_data() -> None:
    x = leaf(1.0)
    y = (x * 2).detach()
    assert not y.requires_grad
    x.data += 1
    assert x.tolist() == [2.0]


def test_nothing_keeps_the_graph_alive() -> None:
    x = leaf(1.0)
    y = x * 2
    node = weakref.ref(y.grad_fn)
    del y
    gc.collect()
    assert node() is None


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, scale: float) -> Any:
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x * x * x * scale

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grad * 3 * x * x * ctx.scale, None


def test_function() -> None:
    x = leaf(2.0)
    y = Cube.apply(x, 0.5)
    assert y.grad_fn.name() == "CubeBackward"
    y.sum().backward()
    assert x.grad.tolist() == [6.0]


def test_function_twice_differentiable() -> None:
    x = leaf(2.0)
    (first,) = torch.autograd.grad(Cube.apply(x, 1.0).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert second.tolist() == [12.0]


class Split(torch.autograd.Function):
    @staticmethod
    def forward(x: Any) -> Any:
        return x * 2, x * 3, (x > 0)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_non_differentiable(output[2])

    @staticmethod
    def backward(ctx: Any, a: Any, b: Any, c: Any) -> Any:
        return a * 2 + b * 3


def test_function_with_several_results() -> None:
    x = leaf(1.0)
    a, b, c = Split.apply(x)
    assert a.requires_grad
    assert not c.requires_grad
    b.sum().backward()  # the gradient of a comes as zeros
    assert x.grad.tolist() == [3.0]


def test_function_that_returns_its_input() -> None:
    class Same(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad * 5

    x = leaf(1.0)
    y = Same.apply(x)
    assert y is not x
    y.sum().backward()
    assert x.grad.tolist() == [5.0]


def test_function_with_the_wrong_number_of_gradients() -> None:
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x + y

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad

    with pytest.raises(RuntimeError, match=r"incorrect number of gradients \(expected 2, got 1\)"):
        Wrong.apply(leaf(1.0), leaf(2.0)).sum().backward()


def test_functions_are_not_made() -> None:
    with pytest.raises(RuntimeError, match="should not be instantiated"):
        Cube()


def test_tensors_written_to_in_no_grad_are_still_views() -> None:
    x = leaf(1.0, 2.0)
    y = x * 1
    with torch.no_grad():
        y[0] = 5.0
    (y * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_on_the_machine(ctx: Any) -> None:
    """Gradients are operations of the machine, and cost time there."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device="cuda", requires_grad=True)
    w = torch.tensor([[0.5, -1.0], [2.0, 1.5]], device="cuda", requires_grad=True)
    loss = torch.relu(x @ w).pow(2).sum()
    before = ctx.now_fs
    loss.backward()
    assert ctx.now_fs > before
    xh, wh = x.detach().cpu().requires_grad_(), w.detach().cpu().requires_grad_()
    torch.relu(xh @ wh).pow(2).sum().backward()
    assert torch.equal(x.grad.cpu(), xh.grad)
    assert torch.equal(w.grad.cpu(), wh.grad)
    assert x.grad.is_cuda


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_first_gradient_lies_as_its_leaf_does(device: str) -> None:
    """However it was computed: collectives of nccl take no strided tensors."""
    with kb.Context("small"):
        layer = torch.nn.Linear(3, 2).to(device)
        layer(torch.ones(4, 3, device=device)).sum().backward()
        turned = torch.ones(3, 2, device=device).t().requires_grad_()
        (turned @ torch.ones(3, 1, device=device)).sum().backward()
        assert layer.weight.grad.stride() == (3, 1) and turned.grad.stride() == (1, 2)
        assert layer.weight.grad.tolist() == [[4.0] * 3] * 2
