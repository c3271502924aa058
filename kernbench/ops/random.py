"""Random tensors: torch's numbers on CPU, bit for bit.

Those of a device come from that device's own generator, by the same rules; the host draws them, and
they cross the host link.  Differs from torch, whose GPUs draw by Philox.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernbench.ops.support import INT64, deliver, finished, from_host, listed, on_machine, only
from kernbench.runtime.devices import as_device
from kernbench.runtime.dispatch import call, register
from kernbench.runtime.dtypes import as_dtype, dtype
from kernbench.runtime.factories import check_size, default_dtype, empty_on, shape_of
from kernbench.runtime.generator import Generator, default_generator
from kernbench.runtime.geometry import like_strides
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


def _source(generator: Generator | None, where: Any) -> Generator:
    return generator if generator is not None else default_generator(where)


def _fill(made: Tensor, values: Any) -> Tensor:
    """Write drawn numbers, in row-major order, to a tensor."""
    drawn = from_host(values.reshape(made._shape), made._dtype)
    call("copy_", made, drawn)
    return made


def _new(size: tuple[Any, ...], kind: Any, device: Any, names: dict[str, Any]) -> Tensor:
    shape = shape_of(listed("rand", "size", size, names))
    check_size(shape)
    return empty_on(shape, default_dtype() if kind is None else as_dtype(kind), as_device(device))


def _check_floating(name: str, kind: dtype) -> None:
    if kind.is_integral:
        raise NotImplementedError(f"\"{name}\" not implemented for '{kind.label}'")


@register("rand")
def rand(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    generator: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    **names: Any,
) -> Tensor:
    """Draw from [0, 1)."""
    made = _new(size, dtype, device, names)
    _check_floating("check_uniform_bounds", made._dtype)
    uniform_(made, generator=generator)
    return finished(made, requires_grad, out)


@register("randn")
def randn(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    generator: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    **names: Any,
) -> Tensor:
    """Draw from the standard normal distribution."""
    made = _new(size, dtype, device, names)
    _check_floating("normal_kernel_cpu", made._dtype)
    normal_(made, generator=generator)
    return finished(made, requires_grad, out)


@register("randint")
def randint(
    *bounds: Any,
    dtype: Any = None,
    device: Any = None,
    generator: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
    **names: Any,
) -> Tensor:
    """Draw integers from [low, high)."""
    only("randint", names, "low", "high", "size")
    given = list(bounds)
    size = names["size"] if "size" in names else given.pop()
    high = names["high"] if "high" in names else given.pop()
    low = names.get("low", given.pop() if given else 0)
    kind = INT64 if dtype is None else as_dtype(dtype)
    made = _new((size,), kind, device, {})
    if low >= high:
        raise RuntimeError(
            f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
        )
    drawn = _source(generator, made.device).integers(made.numel(), int(low), int(high))
    return finished(_fill(made, drawn), requires_grad, out)


@register("randperm")
def randperm(
    n: int,
    *,
    dtype: Any = None,
    device: Any = None,
    generator: Any = None,
    requires_grad: bool = False,
    out: Any = None,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Draw an order of n things."""
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got{n}")
    made = _new((n,), INT64 if dtype is None else dtype, device, {})
    return finished(_fill(made, _source(generator, made.device).permutation(n)), requires_grad, out)


def _like(name: str) -> None:
    @register(f"{name}_like", "composite")
    def make(
        self: Tensor,
        *bounds: Any,
        dtype: Any = None,
        device: Any = None,
        memory_format: Any = None,
        **names: Any,
    ) -> Any:
        kind = self._dtype if dtype is None else as_dtype(dtype)
        where = self.device if device is None else device
        drawn = call(name, *bounds, self._shape, dtype=kind, device=where, **names)
        strides = like_strides(self._shape, self._strides)
        if strides == drawn._strides:
            return drawn
        return call("copy_", empty_on(self._shape, kind, as_device(where), strides), drawn)

    make.__doc__ = f"Do ``torch.{name}`` with another tensor's shape, dtype and device."


for _name in ("rand", "randn", "randint"):
    _like(_name)


@register("normal_", "inplace")
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Write numbers from a normal distribution."""
    _check_floating("normal_kernel_cpu", self._dtype)
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    source = _source(generator, self.device)
    dense = self.is_contiguous() or self.is_cuda
    drawn = source.normal(self.numel(), self._dtype.name, mean, std, dense)
    return _fill(self, drawn)


@register("normal", "composite")
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: Any = None,
    device: Any = None,
    out: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Draw from normal distributions."""
    if size is not None:
        made = _new((size,), dtype, device, {})
        drawn = normal_(made, float(mean), float(std), generator=generator)
        return finished(drawn, requires_grad, out)
    model = mean if isinstance(mean, Tensor) else std
    drawn = call(
        "randn", model._shape, dtype=model._dtype, device=model.device, generator=generator
    )
    return call("add", call("mul", drawn, std), mean)


@register("uniform_", "inplace")
def uniform_(
    self: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None, **names: Any
) -> Tensor:
    """Write numbers from [a, b)."""
    only("uniform_", names, "from", "to")
    a, b = names.get("from", a), names.get("to", b)
    _check_floating("check_uniform_bounds", self._dtype)
    if a > b:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={a:g} > to={b:g}"
        )
    drawn = _source(generator, self.device).uniform(self.numel(), self._dtype.name, a, b)
    return _fill(self, drawn)


@register("random_", "inplace")
def random_(self: Tensor, *bounds: Any, generator: Any = None) -> Tensor:
    """Write integers from [from, to)."""
    low, high = (0, None) if not bounds else (0, bounds[0]) if len(bounds) == 1 else bounds
    if high is None:
        mantissa = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8}.get(
            self._dtype.name
        )
        high = (1 << mantissa) + 1 if mantissa else int(np.iinfo(self._dtype.storage).max) + 1
        if self._dtype.name == "int64":
            drawn64 = _source(generator, self.device).raw64(self.numel()) % np.uint64(1 << 63)
            return _fill(self, drawn64.astype(np.int64))
    drawn = _source(generator, self.device).integers(self.numel(), int(low), int(high))
    return _fill(self, drawn)


@register("bernoulli_", "inplace")
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Write 1 with probability p, else 0."""
    chances = p._values() if isinstance(p, Tensor) else np.asarray(p)
    if ((chances < 0) | (chances > 1)).any():
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    source = _source(generator, self.device)
    drawn = source.uniform(self.numel(), "float64").reshape(self._shape)
    return _fill(self, (drawn < np.broadcast_to(chances, self._shape)).astype(np.float64))


@register("bernoulli", "composite")
def bernoulli(self: Tensor, p: Any = None, *, generator: Any = None, out: Any = None) -> Any:
    """Draw 1 with the probability that the element says, else 0."""
    made = call("empty_like", self)
    if p is not None:
        return bernoulli_(made, p, generator=generator)
    source = _source(generator, self.device)
    values = self.cpu()._values()
    if ((values < 0) | (values > 1)).any():
        raise RuntimeError(
            "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error "
            "message be improved?  If so, please report an enhancement request to PyTorch.)"
        )
    name = "float64" if self._dtype.name == "float64" else "float32"
    drawn = source.uniform(self.numel(), name).reshape(self._shape)
    return deliver(_fill(made, (drawn < values).astype(np.float64)), out)


@register("exponential_", "inplace")
def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Write numbers from an exponential distribution."""
    drawn = _source(generator, self.device).uniform(self.numel(), "float64")
    return _fill(self, -np.log1p(-drawn) / lambd)


@register("multinomial")
def multinomial(
    self: Tensor, num_samples: int, replacement: bool = False, *, generator: Any = None
) -> Tensor:
    """Draw places by weight."""
    source = _source(generator, self.device)
    weights = np.atleast_2d(self.cpu()._values().astype(np.float64))
    rows = []
    for row in weights:
        if replacement:
            edges = np.cumsum(row) / row.sum()
            rows.append(np.searchsorted(edges, source.uniform(num_samples, "float64"), "right"))
        else:
            clocks = -np.log1p(-source.uniform(len(row), "float64")) + 1e-300
            rows.append(np.argsort(-(row / clocks), kind="stable")[:num_samples])
    found = np.array(rows, np.int64).reshape((*self._shape[:-1], num_samples))
    made = from_host(found, INT64)
    return made if not on_machine(self) else call("to", made, self.device)


@register("dropout", "composite")
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Write zeros with probability p, and scale what remains."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return call("mul", input, 0.0)
    kept = bernoulli_(call("empty_like", input), 1 - p)
    return call("mul", input, call("true_div", kept, 1 - p))
