"""What the language does not have: one clear error, at its place."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from running import FakeTensor

import kernbench.language as tl
from kernbench.errors import CompilationError, CompileTimeAssertionFailure, KernbenchError


def refused(kernel, *args, **kwargs):
    args = [FakeTensor(a) if isinstance(a, np.ndarray) else a for a in args]
    with pytest.raises(CompilationError) as caught:
        kernel.compile(*args, **kwargs)
    return caught.value


X = np.zeros(64, np.float32)
GLOBAL_LIST = {"a": 1}


def statement(line):
    """Return a kernel whose last statement is `line`."""
    source = (
        "def kernel(x_ptr, n, N: tl.constexpr):\n"
        "    i = tl.arange(0, N)\n"
        "    x = tl.load(x_ptr + i)\n"
        "    a = tl.zeros([16, 32], tl.float16)\n"
        f"    {line}\n"
    )
    scope = {"tl": tl, "GLOBAL_LIST": GLOBAL_LIST, "np": np, "math": math, "helper": refused}
    exec(compile(source, __file__, "exec"), scope)
    kernel = tl.jit(scope["kernel"])
    kernel._unsafe_update_src(source)
    kernel.__dict__["_origin"] = (source, "k.py", 1, 0)
    return kernel


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("for j in range(n): break", 24, "break is not supported"),
        ("import os", 5, "'import' statements are not supported in kernels"),
        ("try: pass\n    finally: pass", 5, "'try' statements are not supported"),
        ("y = [j for j in x]", 9, "a list comprehension is not supported in kernels"),
        ("y = lambda: 3", 9, "a lambda is not supported"),
        ("y = {}", 9, "a dict is not supported"),
        ("y = x @ x", 9, "use tl.dot"),
        ("y = 0 < n < 3", 9, "chained comparisons are not supported"),
        ("y = undefined + 1", 9, "'undefined' is not defined in the kernel"),
        ("y = open", 9, "Python's builtin open is not"),
        ("y = GLOBAL_LIST", 9, "'GLOBAL_LIST' is a dict; a kernel may use numbers"),
        ("y = np.hypot(x, x)", 9, "'hypot' is a ufunc; a kernel may use"),
        ("y = tl.sqrd(x)", 9, "tl.sqrd is not in kernbench.language"),
        ("y = tl.exp(a)", 9, "tl.exp expects fp32 or fp64, got fp16"),
        ("y = tl.arange(0, n)", 9, "at compile time (tl.constexpr) for end, got a scalar int32"),
        ("y = tl.arange(0, n)", 9, "if it is a parameter, annotate that: `n: tl.constexpr`"),
        ("y = tl.arange(0, 12)", 9, "powers of 2, got [12]; take [16], and a mask"),
        ("y = tl.arange(8, 8)", 9, "expected end above start"),
        ("y = tl.zeros([1 << 23], tl.float32)", 9, "at most 4194304 elements"),
        ("y = tl.zeros([0], tl.float32)", 9, "integers of at least 1"),
        ("y = tl.dot(a, a)", 9, "K is 32, and 16"),
        ("y = tl.dot(a, tl.trans(a).to(tl.float32))", 9, "operands of one dtype"),
        ("y = tl.dot(x, x)", 9, "expected operands of 2 dimensions"),
        ("y = tl.dot(a[None], a[None])", 9, "K is 32, and 16"),
        ("y = tl.dot(a, a.T, input_precision='fp8')", 9, "one of ieee, tf32, tf32x3"),
        ("y = x + a", 9, "shapes [64] and [16, 32] do not broadcast"),
        ("y = x_ptr + x", 9, "expected integers to move a pointer by"),
        ("y = x_ptr * 2", 9, "* is not defined between"),
        ("y = x & 1", 9, "& expects integers, got fp32"),
        ("y = tl.load(x)", 9, "expected a pointer or a block of pointers"),
        ("y = tl.load(x_ptr, other=0.0)", 9, "`other` was given without a mask"),
        ("y = tl.load(x_ptr, boundary_check=(0,))", 9, "boundary_check belongs to block pointers"),
        ("y = tl.load()", 9, "missing a required argument: 'pointer'"),
        ("y = tl.load(x_ptr, masc=n)", 9, "unexpected keyword argument 'masc'"),
        ("tl.store(x_ptr, x)", 5, "expected a pointer block to store a tile fp32[64]"),
        (
            "tl.store(x_ptr + i, tl.broadcast_to(x, (16, N)))",
            5,
            "expected pointers of shape [16, 64], as value and mask have together, got a pointer "
            "block pointer<fp32>[64]: several elements would go to one place",
        ),
        ("tl.store(x_ptr + i, x, (i > 3)[:, None])", 5, "expected pointers of shape [64, 64]"),
        ("tl.store(x_ptr, tl.range(3))", 5, "a range, which only a for loop takes"),
        ("y = x[0]", 9, "a tensor can be indexed with ':' and None only"),
        ("y = x[:, :]", 9, "too many indices"),
        ("y = x.foo", 9, "a tensor has no attribute 'foo'"),
        ("y = x.summ()", 9, "a tensor has no attribute 'summ'; did you mean 'sum'?"),
        ("y = x.float()", 9, "a tensor has no attribute 'float'; write x.to(tl.float32)"),
        ("y = x.mean()", 9, "write tl.sum(x, axis) / n"),
        ("y = x_ptr[0]", 9, "use tl.load(pointer + index)"),
        ("y = x_ptr.store(1)", 9, "a pointer has no attribute 'store'; use tl.load and tl.store"),
        ("y = x_ptr.shape[0]", 9, "a pointer and a number have no shape: pass sizes as arguments"),
        ("y = (x,).append(x)", 9, "write tuple = tuple + (item,) in a loop over tl.static_range"),
        ("y = sum(x)", 9, "Python's builtin sum is not a function of kernels; use tl.sum"),
        ("for j in enumerate((1, 2)): pass", 14, "loop over tl.static_range(len(...))"),
        ("y = nn + 1", 9, "'nn' is not defined in the kernel; did you mean 'n'?"),
        ("y = helper(x)", 9, "'helper' is a Python function; decorate it with @kb.jit"),
        (
            "y = math.exp(x)",
            9,
            "math.exp computes at compile time, and got a tile fp32[64]; use tl",
        ),
        ("y = np.exp(x)", 9, "'exp' is a ufunc of Python's world; use tl.exp"),
        ("y = tl.relu(x)", 9, "use tl.maximum(x, 0.0)"),
        ("y = tl.float32(n)", 9, "fp32 is a dtype, no function; use tl.cast(x, dtype)"),
        ("y = tl.tensor(n)", 9, "'tensor' makes no values in kernels; use tl.full"),
        ("y = x.to('float16')", 9, "got 'float16'; write tl.float16"),
        ("y = x.to('float99')", 9, "got 'float99'; did you mean 'tl.float64'?"),
        ("y = x.to(np.float16)", 9, "'numpy.float16'>; write tl.float16"),
        ("y = x.to(tl.int16, bitcast=True)", 9, "their sizes differ; take a type of 32 bits"),
        ("print('x', x, end='')", 5, "tl.device_print(prefix, *args, hex=False): got an un"),
        ("print('x', 'y', x)", 5, "got another text, 'y'; put it into the first"),
        ("tl.static_print(n, file=n)", 5, "got file=scalar int32; leave `file` out"),
        ("print(f'x {x}')", 5, "values, 'x tile fp32[64]'; write them behind it"),
        ("while n > 0: pass\n    else: pass", 5, "write it behind the loop, under an `if`"),
        ("y = x.to(float)", 9, "expected a dtype such as tl.float32, got <float>"),
        ("y = tl.load(x_ptr + i / 2)", 17, "cast with .to(tl.int32), or divide with //"),
        ("y = tl.load(x_ptr + i, mask=n)", 9, "expected truths (int1) as mask, got a scalar int32"),
        ("tl.store(x_ptr + i, x, mask=x)", 5, "got a tile fp32[64]; compare, as in offs < n"),
        (
            "tl.store(x_ptr + i, x_ptr + i)",
            5,
            "expected a number for elements of fp32, got a point",
        ),
        ("y = x if n else None", 9, "the conditional expression is a tile fp32[64] from line 5"),
        ("raise ValueError", 5, "'raise' statements are not supported in kernels; use tl.device_a"),
        ("global X", 5, "pass it as an argument"),
        ("async def f(): pass", 5, "'function' statements are not supported"),
        ("x[i] = 3", 5, "use tl.store"),
        ("y, z = x", 5, "expected 2 values to unpack"),
        ("y = x.to(3)", 9, "expected a dtype such as tl.float32, got 3"),
        ("y = x.reshape(8, 4)", 9, "expected a shape of 64 elements"),
        ("y = tl.sum(x, axis=1)", 9, "expected an axis from -1 to 0, got 1"),
        ("y = tl.program_id(3)", 9, "expected axis 0, 1 or 2, got 3"),
        ("y = 1 // 0", 9, "division by zero"),
        ("y = i + (1 << 40)", 9, "takes place in int32, which does not hold 1099511627776"),
        ("y: tl.constexpr = n", 5, "known at compile time"),
        ("y = n.to(tl.uint32) // n", 9, "differ in signedness"),
        ("return x", 5, "a kernel returns nothing"),
        ("for j in x: pass", 5, "for loops go over range"),
        ("for j in range(0, n, 0): pass", 5, "the step of a range must not be 0"),
        ("for j in tl.static_range(n): pass", 5, "known at compile time"),
        ("while x: pass", 5, "expected one truth as condition, got a tile fp32[64]"),
        ("if x > 0: pass", 5, "expected one truth as condition"),
        ("y = len(3)", 9, "len() expects a tuple"),
        ("y = int('x')", 9, "invalid literal"),
        ("y = tl.inline_asm_elementwise('', '', [x], tl.float32, True, 1)", 9, "PTX"),
        ("y = (lambda: 3)()", 10, "a lambda is not supported"),
    ],
)
def test_refusals_have_a_place_and_a_reason(line, column, message):
    error = refused(statement(line), X, 3, 64)
    assert message in error.message
    assert (error.filename, error.lineno) == ("k.py", 5)
    assert error.column == column
    assert error.source_line == "    " + line.split("\n")[0]
    assert str(error).splitlines()[-1] == " " * (column - 1) + "^"


@pytest.mark.parametrize(
    ("first", "step", "advice"),
    [
        ("0", "x", "begin with tl.full([64], 0, tl.float32)"),
        ("0", "0.5", "write 0.0"),
        ("x.to(tl.float16)", "x", "cast the later one, with .to(tl.float16)"),
        ("x[:, None]", "x[None, :]", "give them one shape and dtype"),
    ],
)
def test_definitions_that_do_not_agree_get_the_change_that_mends_it(first, step, advice):
    error = refused(statement(f"y = {first}\n    for j in range(n): y += {step}"), X, 3, 64)
    assert error.lineno == 6
    assert "from line 5" in error.message and "from line 6" in error.message
    assert error.message.endswith(f"control flow brings both together; {advice}")


def test_the_static_assertion_has_its_own_class():
    error = refused(statement("tl.static_assert(N > 64, f'N is {N}')"), X, 3, 64)
    assert isinstance(error, CompileTimeAssertionFailure)
    assert error.message == "static_assert failed: N is 64"
    assert type(refused(statement("assert N > 64"), X, 3, 64)) is CompileTimeAssertionFailure


@tl.jit
def inner(x):
    return tl.exp(x)


@tl.jit
def outer(x_ptr):
    y = tl.load(x_ptr)
    return inner(y)


def test_errors_in_inlined_functions_name_the_calls():
    error = refused(outer, np.zeros(4, np.float16))
    assert error.lineno == inner.source.first_line + 1
    assert error.source_line == "    return tl.exp(x)"
    assert error.notes == (f"  called from outer, {__file__}:{outer.source.first_line + 2}",)
    assert str(error).endswith(error.notes[0])


@tl.jit
def forever(x):
    return forever(x)


@tl.jit
def recursive(x_ptr):
    forever(tl.load(x_ptr))


def test_recursion():
    assert "recursion cannot be compiled" in refused(recursive, X).message


@tl.jit
def one_path(x_ptr, n):
    if n > 0:
        y = 1
    tl.store(x_ptr, y)


@tl.jit
def after_loop(x_ptr, n):
    for i in range(n):
        y = i
    tl.store(x_ptr, y)


@tl.jit
def counter_after_loop(x_ptr, n):
    for i in range(n):  # noqa: B007 - the counter is what is tested
        pass
    tl.store(x_ptr, i)


def test_names_that_not_every_path_defines():
    line = one_path.source.first_line
    message = refused(one_path, X, 1).message
    assert f"'y' is defined on one path only, in line {line + 2}" in message
    assert "give it a value on the other, or before both" in message
    assert "'y' is first defined inside the loop" in refused(after_loop, X, 1).message
    assert "'i' is the variable of the loop" in refused(counter_after_loop, X, 1).message


def test_compilation_errors_survive_pickling():
    error = refused(statement("import os"), X, 3, 64)
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, KernbenchError)
    assert (str(copy), copy.__dict__) == (str(error), error.__dict__)


def test_functions_of_the_language_refuse_calls_from_the_host():
    with pytest.raises(RuntimeError, match=r"tl.load was called outside a kernel"):
        tl.load(3)
    with pytest.raises(RuntimeError, match=r"outer is a kernel: launch it with outer\[grid\]"):
        outer(X)
    assert (tl.cdiv(7, 2), tl.next_power_of_2(65)) == (4, 128)


@tl.jit
def calls_itself(x_ptr, n):
    if n > 0:
        calls_itself(x_ptr, n - 1)


def test_recursion_is_told_once():
    error = refused(calls_itself, X, 3)
    assert "recursion cannot be compiled" in error.message
    assert len(error.notes) == 1
