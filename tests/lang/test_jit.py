"""``@kb.jit``: arguments, specialisation and its cache, grids, and who takes the launch."""

from __future__ import annotations

import numpy as np
import pytest
from running import FakeTensor, run

import kernbench.language as tl
from kernbench.language import reset_launcher, set_launcher

X = FakeTensor(np.zeros(8, np.float16))
FACTOR = 2


@tl.jit
def kernel(x_ptr, n, scale=1.0, BLOCK: tl.constexpr = 8, FLAG: tl.constexpr = None):
    offs = tl.arange(0, BLOCK)
    tl.store(x_ptr + offs, offs * scale * FACTOR, mask=offs < n)


@tl.jit(do_not_specialize=["n"], debug=True)
def with_options(x_ptr, n: tl.int64, num_warps: tl.constexpr = 4):
    tl.store(x_ptr, n * num_warps)


@pytest.fixture
def launches():
    taken = []

    def launcher(launch):
        taken.append(launch)
        return f"handle {len(taken)}"

    token = set_launcher(launcher)
    yield taken
    reset_launcher(token)


def test_a_jit_function_shows_what_triton_shows():
    assert kernel.arg_names == ["x_ptr", "n", "scale", "BLOCK", "FLAG"]
    assert kernel.src.startswith("def kernel(x_ptr, n")
    assert kernel.__name__ == "kernel"
    assert kernel.fn.__name__ == "kernel"
    assert kernel.constexpr_names == {"BLOCK", "FLAG"}
    assert (with_options.debug, tl.jit(kernel) is kernel) == (True, True)


def test_a_launch_reaches_the_launcher(launches):
    assert kernel[(4, 2)](X, 5, FLAG=True) == "handle 1"
    (launch,) = launches
    assert (launch.grid, launch.arguments, launch.function) == ((4, 2), (X, 5, 1.0), kernel)
    params = [(p.name, str(p.dtype)) for p in launch.kernel.params]
    assert params == [("x_ptr", "pointer<fp16>"), ("n", "int32"), ("scale", "fp32")]
    assert launch.kernel.constants == {"BLOCK": 8, "FLAG": True}
    assert launch.kernel.filename == __file__


def test_grids(launches):
    kernel[3](X, 5)
    kernel[[1, 2, 3]](X, 5)
    kernel[lambda meta: (tl.cdiv(meta["n"], meta["BLOCK"]),)](X, 17)
    kernel[np.int64(2)](X, 5)
    each_pe = object()
    kernel[each_pe](X, 5)
    assert [launch.grid for launch in launches] == [(3,), (1, 2, 3), (3,), (2,), each_pe]
    for grid in [(1, 2, 3, 4), (), (-1,), (1.5,)]:
        with pytest.raises(ValueError, match="expected a grid of"):
            kernel[grid](X, 5)
    for grid in (2.0, lambda given: (given["n"] / 2,)):
        with pytest.raises(ValueError, match=r"divide with // or tl\.cdiv"):
            kernel[grid](X, 4)
    with pytest.raises(KeyError, match="the grid asks for argument 'N'; the kernel has x_ptr, n"):
        kernel[lambda given: (given["N"],)](X, 5)


def test_one_kernel_per_specialisation(launches):
    for n, scale, block in [
        (1, 1.0, 8),
        (2, 3, 8),
        (1 << 40, 1.0, 8),
        (5, 1.0, 16),
        (True, 2.0, 8),
    ]:
        kernel[1](X, n, scale, BLOCK=block)
    kernel[1](X, 9, np.float64(3.5), 8)
    kernel[1](FakeTensor(np.zeros(8, np.int8)), 1)
    made = [launch.kernel for launch in launches]
    types = [" ".join(str(p.dtype) for p in one.params[1:]) for one in made]
    assert types == [
        "int32 fp32",
        "int32 int32",
        "int64 fp32",
        "int32 fp32",
        "int1 fp32",
        "int32 fp32",
        "int32 fp32",
    ]
    assert made[5] is made[0]
    assert len({one.digest for one in made}) == 6


def test_a_changed_global_compiles_anew(monkeypatch):
    x = np.zeros(8, np.float32)
    run(kernel, 1, x, 8, 1.0, BLOCK=8)
    monkeypatch.setitem(kernel.fn.__globals__, "FACTOR", 5)
    y = np.zeros(8, np.float32)
    run(kernel, 1, y, 8, 1.0, BLOCK=8)
    np.testing.assert_array_equal([x, y], [2 * np.arange(8), 5 * np.arange(8)])


def test_options_of_a_launch_are_swallowed_unless_they_are_parameters(launches):
    kernel[1](X, 5, num_warps=8, num_stages=3, num_ctas=1)
    with_options[1](X, 5, num_warps=8, num_stages=2)
    assert launches[1].kernel.constants == {"num_warps": 8}
    assert str(launches[1].kernel.params[1].dtype) == "int64"


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((X,), {}, r"kernel\(\): missing a required argument: 'n'"),
        ((X, 1, 1.0, 8, None, 3), {}, r"too many positional arguments"),
        ((X, 1), {"n": 2}, r"multiple values for argument 'n'"),
        ((X, 1), {"BLOK": 8}, r"no parameter 'BLOK'; did you mean 'BLOCK'\?"),
        ((X, "many"), {}, r"argument 'n' is a str; expected a tensor on the device, a number"),
        ((np.zeros(4), 1), {}, r"argument 'x_ptr' is a ndarray; expected a tensor on the device"),
        ((X, 1 << 70), {}, r"argument 'n' = \d+ does not fit 64 bits"),
        ((X, 1), {"BLOCK": {}}, r"constexpr argument 'BLOCK' is a dict"),
    ],
)
def test_arguments_that_do_not_fit(launches, args, kwargs, message):
    with pytest.raises(TypeError, match=message):
        kernel[1](*args, **kwargs)
    assert not launches


def test_an_annotated_integer_must_fit():
    small = tl.jit(with_options.fn)
    small._unsafe_update_src(
        "def with_options(x_ptr, n: tl.int8, num_warps=4):\n    tl.store(x_ptr, n)\n"
    )
    with pytest.raises(TypeError, match="'n' = 300 does not fit int8"):
        small.compile(X, 300)


def test_a_launch_without_context():
    with pytest.raises(RuntimeError, match=r"no kernbench\.Context is active"):
        kernel[1](X, 5)
    assert kernel.warmup(X, 5, grid=(1,)).name == "kernel"


def test_the_source_text_decides(launches):
    changed = tl.jit(kernel.fn)
    before = changed.compile(X, 5)
    changed._unsafe_update_src(changed.src.replace("offs * scale", "offs + scale"))
    assert changed.compile(X, 5).digest != before.digest


def test_jit_of_what_is_no_function():
    with pytest.raises(TypeError, match=r"@kb\.jit expects a function"):
        tl.jit(3)
    scope = {}
    exec("def hidden(x): pass", scope)
    with pytest.raises(TypeError, match="needs the source text of hidden"):
        tl.jit(scope["hidden"]).compile(3)
