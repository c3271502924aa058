"""The tensor cases: methods and functions of public scripts, over dtypes, shapes, strides."""

from __future__ import annotations

import random

from torch_case import Given, TensorCase
from torch_cases_fixed import fixed_cases

FLOATS = ("float32", "float64", "float16", "bfloat16")
INTS = ("uint8", "int8", "int16", "int32", "int64")
EVERY = (*FLOATS, *INTS, "bool")
LAYOUTS = (
    ("x", lambda s: s),
    ("x.T", lambda s: s[::-1]),
    ("x[::2]", lambda s: (s[0] * 2, *s[1:])),
    ("x[..., 1:]", lambda s: (*s[:-1], s[-1] + 1)),
    ("x.transpose(0, -1)", lambda s: (s[-1], *s[1:-1], s[0]) if len(s) > 1 else s),
    ("x.expand(*SHAPE)", lambda s: (1, *s[1:])),
)
UNARY_EXACT = [
    "abs",
    "neg",
    "floor",
    "ceil",
    "trunc",
    "frac",
    "sign",
    "relu",
    "square",
    "positive",
    "isnan",
    "isinf",
    "isfinite",
    "logical_not",
    "sqrt",
    "reciprocal",
    "signbit",
    "isposinf",
    "isneginf",
    "round",
]
UNARY_CLOSE = [
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "tanh",
    "sinh",
    "cosh",
    "sigmoid",
    "erf",
    "erfc",
    "rsqrt",
    "asin",
    "acos",
    "atan",
    "asinh",
    "acosh",
    "atanh",
]
BINARY_EXACT = [
    "add",
    "sub",
    "mul",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "logical_and",
    "logical_or",
    "logical_xor",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "div",
    "true_divide",
    "floor_divide",
    "remainder",
    "fmod",
]
REDUCTIONS = [
    "sum",
    "mean",
    "prod",
    "amax",
    "amin",
    "any",
    "all",
    "argmax",
    "argmin",
    "std",
    "var",
    "norm",
    "count_nonzero",
    "logsumexp",
]
NO_KERNEL_ULPS = 4.0


def layout(rng: random.Random, shape: tuple[int, ...]) -> tuple[tuple[int, ...], str]:
    """Choose how an input of a shape lies: the shape of its base, and the view."""
    if not shape:
        return shape, "x"
    view, base = rng.choice(LAYOUTS)
    if "expand" in view:
        view = f"x.expand({', '.join(map(str, shape))})"
    return base(shape), view


def given(rng: random.Random, shape: tuple[int, ...], dtype: str, **more: object) -> Given:
    base, view = layout(rng, shape)
    return Given(base, dtype, view, **more)  # type: ignore[arg-type]


def shape_of(rng: random.Random) -> tuple[int, ...]:
    ndim = rng.choice((0, 1, 1, 2, 2, 2, 3, 3, 4))
    return tuple(rng.choice((1, 2, 3, 4, 5, 7)) for _ in range(ndim))


def broadcast_of(rng: random.Random, shape: tuple[int, ...]) -> tuple[int, ...]:
    cut = rng.randint(0, len(shape)) if rng.random() < 0.3 else 0
    return tuple(1 if rng.random() < 0.2 else n for n in shape[cut:])


def elementwise() -> list[TensorCase]:
    found = []
    for name in (*UNARY_EXACT, *UNARY_CLOSE):
        rng = random.Random(name)
        exact = name in UNARY_EXACT
        for number in range(10):
            dtype = rng.choice(EVERY) if number >= 4 else FLOATS[number]
            shape = shape_of(rng)
            a = given(rng, shape, dtype, special=number % 3 == 1)
            call = rng.choice((f"a.{name}()", f"torch.{name}(a)"))
            close = 0 if exact else 2 if dtype == "float64" else 3
            found.append(
                TensorCase(
                    f"unary/{name}/{number}",
                    call,
                    (a,),
                    close,
                    0 if exact else 1.0,
                    machine_ulps=close if exact else 24,
                )
            )
        found.append(
            TensorCase(
                f"unary/{name}_/in",
                f"a.{name}_()",
                (given(rng, (3, 4), rng.choice(EVERY)),),
                0 if exact else 3,
                0 if exact else 1.0,
                machine_ulps=0 if exact else 24,
            )
        )
    for name in BINARY_EXACT:
        rng = random.Random(name)
        for number in range(16):
            shape = shape_of(rng)
            kinds = (rng.choice(EVERY), rng.choice(EVERY))
            operands = [
                given(rng, shape, kinds[0], special=number % 5 == 1),
                given(rng, broadcast_of(rng, shape), kinds[1]),
            ]
            form = rng.choice((f"torch.{name}(a, b)", f"a.{name}(b)"))
            found.append(TensorCase(f"binary/{name}/{number}", form, tuple(operands)))
        for number, value in enumerate(("2", "2.5", "-3", "True", "0.1")):
            a = given(rng, shape_of(rng), rng.choice(EVERY))
            found.append(
                TensorCase(f"binary/{name}/number/{number}", f"torch.{name}(a, {value})", (a,))
            )
            found.append(TensorCase(f"binary/{name}_/number/{number}", f"a.{name}_({value})", (a,)))
    for sign in ("+", "-", "*", "/", "//", "%", "==", "!=", "<", "<=", ">", ">=", "&", "|", "^"):
        rng = random.Random(sign)
        for number in range(12):
            shape = shape_of(rng)
            a = given(rng, shape, rng.choice(EVERY))
            b = given(rng, broadcast_of(rng, shape), rng.choice(EVERY))
            text = rng.choice((f"a {sign} b", f"a {sign} 3", f"2.5 {sign} a", f"b {sign} a"))
            found.append(TensorCase(f"operator/{sign}/{number}", text, (a, b)))
    return found


def reductions() -> list[TensorCase]:
    found = []
    for name in REDUCTIONS:
        rng = random.Random(name)
        for number in range(16):
            shape = shape_of(rng) or (3,)
            dtype = rng.choice(
                FLOATS
                if name in ("mean", "std", "var", "norm", "logsumexp") and number % 4
                else EVERY
            )
            a = given(
                rng, shape, dtype, special=number % 7 == 3 and name in ("amax", "amin", "argmax")
            )
            dim = rng.randint(-len(shape), len(shape) - 1)
            two = sorted(rng.sample(range(len(shape)), min(2, len(shape))))
            single = name in ("any", "all", "argmax", "argmin", "prod")
            forms = [
                f"a.{name}()",
                f"a.{name}({dim})",
                f"a.{name}(dim={dim}, keepdim=True)",
                f"torch.{name}(a, dim={dim})",
            ]
            if not single:
                forms.append(
                    f"a.{name}({tuple(two)})" if name != "norm" else f"a.norm(dim={tuple(two)})"
                )
            if name == "norm":
                forms = [f.replace(f"norm({dim})", f"norm(2, {dim})") for f in forms]
            if name == "logsumexp":
                forms = forms[1:]
            if name == "count_nonzero":
                forms = [f for f in forms if "keepdim" not in f]
            found.append(
                TensorCase(
                    f"reduce/{name}/{number}", rng.choice(forms), (a,), 16, 1.0, machine_ulps=24
                )
            )
    for name in (
        "max",
        "min",
        "cumsum",
        "cumprod",
        "sort",
        "topk",
        "median",
        "cummax",
        "cummin",
        "softmax",
        "log_softmax",
        "argsort",
    ):
        rng = random.Random(name)
        for number in range(12):
            shape = shape_of(rng) or (4,)
            smooth = "softmax" in name
            a = given(rng, shape, rng.choice(FLOATS if smooth else EVERY))
            dim = rng.randint(-len(shape), len(shape) - 1)
            more = ", 1" if name == "topk" else ""
            text = f"torch.topk(a, 1, {dim})" if more else f"a.{name}({dim})"
            if name in ("sort", "argsort"):
                text = f"a.{name}({dim}, {rng.choice((True, False))}, stable=True)".replace(
                    f"({dim}, ", f"(dim={dim}, descending="
                )
            if (name in ("max", "min", "median") and a.dtype == "bool") or name in (
                "median",
                "topk",
            ):
                a = Given(a.shape, "float32", "x" if "expand" in a.view else a.view)
            found.append(TensorCase(f"along/{name}/{number}", text, (a,), 16, 1.0, machine_ulps=32))
    return found


def products() -> list[TensorCase]:
    found = []
    rng = random.Random("products")
    for number in range(60):
        m, k, n, batch = (rng.randint(1, 9) for _ in range(4))
        dtype = rng.choice(FLOATS if number % 5 else INTS)
        forms = {
            "a @ b": ((m, k), (k, n)),
            "torch.mm(a, b)": ((m, k), (k, n)),
            "a.matmul(b)": ((batch, m, k), (k, n)),
            "torch.matmul(a, b)": ((batch, m, k), (batch, k, n)),
            "torch.bmm(a, b)": ((batch, m, k), (batch, k, n)),
            "torch.mv(a, b)": ((m, k), (k,)),
            "a.dot(b)": ((k,), (k,)),
            "torch.outer(a, b)": ((m,), (n,)),
            "torch.matmul(a, b) ": ((k,), (batch, k, n)),
            "torch.nn.functional.linear(a, b)": ((batch, m, k), (n, k)),
            "torch.matmul(a, b)  ": ((2, 1, m, k), (3, k, n)),
        }
        text = rng.choice(list(forms))
        a, b = forms[text]
        found.append(
            TensorCase(
                f"product/{number}",
                text.strip(),
                (given(rng, a, dtype), given(rng, b, dtype)),
                40,
                4.0,
                machine=dtype in FLOATS,
                machine_ulps=60,
            )
        )
    return found


def by_index() -> list[TensorCase]:
    """Return cases of picking and writing by index, along each dimension, with repeated places."""
    found = []
    forms = (
        "a.gather(D, i)",
        "a.scatter(D, i, v)",
        "a.scatter_add(D, i, v)",
        "a.scatter(D, i, 2)",
        "a.scatter_reduce(D, i, v, 'amax')",
        "a.scatter_reduce(D, i, v, 'prod', include_self=False)",
        "a.index_select(D, r)",
        "a.index_add(D, r, w)",
        "a.index_copy(D, torch.randperm(N)[:2], w.narrow(D, 0, 2))",
        "a.index_fill(D, r, 3)",
        "a.index_put(P, torch.tensor(2).to(a.dtype))",
        "a.index_put(P, torch.tensor(2).to(a.dtype), accumulate=True)",
        "a[S]",
        "a[r, ..., r]",
        "a[:, None][r]",
    )
    for number in range(120):
        rng = random.Random(f"index {number}")
        form = forms[number % len(forms)]
        ndim = rng.choice((1, 2, 2, 3, 3)) if "..." not in form else rng.choice((2, 3))
        shape = tuple(rng.choice((2, 3, 4, 6)) for _ in range(ndim))
        dim = rng.randrange(ndim)
        small = tuple(n if d == dim else rng.randint(1, n) for d, n in enumerate(shape))
        if "scatter(D, i, v)" in form or "index_copy" in form:  # places once: repeats are anyone's
            small = tuple(1 if d == dim else n for d, n in enumerate(small))
        least = min(shape) if "r, ..., r" in form else shape[0] if "None" in form else shape[dim]
        picks = "(None,) * D + (r,)"
        setup = "\n".join([
            f"D, N = {dim}, {shape[dim]}",
            f"i = torch.randint(0, {shape[dim]}, {small})",
            f"v = torch.ones({small}).to(a.dtype) * 3",
            f"r = torch.randint(0, {least}, (3,))",
            f"w = torch.ones({shape[:dim]} + (3,) + {shape[dim + 1:]}).to(a.dtype)",
            "P = " + picks.replace("None", "torch.tensor([1])"),
            "S = (slice(None),) * D + (r,)",
        ])  # fmt: skip
        dtype = rng.choice(("float32", "float64", "int64", "float16"))
        found.append(
            TensorCase(
                f"index/random/{number}: {form}",
                form,
                (given(rng, shape, dtype),),
                0,
                0,
                setup=setup,
                machine_ulps=0,
            )
        )
    return found


def all_tensor_cases() -> list[TensorCase]:
    """Return every case; names are unique."""
    cases = [*elementwise(), *reductions(), *products(), *by_index(), *fixed_cases()]
    assert len({case.name for case in cases}) == len(cases)
    return cases
