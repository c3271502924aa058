"""``torch.testing.assert_close``: with torch's tolerances and torch's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kernbench.runtime.dispatch import call
from kernbench.runtime.dtypes import dtype
from kernbench.runtime.tensor import Tensor

__all__ = ["assert_close", "default_tolerances"]

_TOLERANCES = {
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


def default_tolerances(*kinds: dtype) -> tuple[float, float]:
    """Return the relative and absolute tolerance that torch takes for these dtypes."""
    pairs = [_TOLERANCES.get(kind.name, (0.0, 0.0)) for kind in kinds]
    return max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Raise unless ``|actual - expected| <= atol + rtol * |expected|``: a host read.

    Parameters
    ----------
    actual, expected : tensor, number, or sequence or mapping of them
        What is compared.
    rtol, atol : float, optional
        Both or none; by dtype unless told.

    Raises
    ------
    AssertionError
        With torch's report: how many elements differ, and by how much at most, and where.
    ValueError
        When only one tolerance is given.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> torch.testing.assert_close(torch.ones(2), torch.ones(2))
    """
    if (rtol is None) != (atol is None):
        raise ValueError(
            "rtol and atol must both be specified or both be unspecified, but got "
            f"{'no' if rtol is None else ''} rtol={rtol} and {'no' if atol is None else ''} "
            f"atol={atol}".replace("no rtol=None", "no rtol").replace("no atol=None", "no atol")
        )
    fault = _compare(
        actual, expected, rtol, atol, equal_nan, check_device, check_dtype, check_stride, ""
    )
    if fault is not None:
        raise AssertionError(fault if msg is None else msg(fault) if callable(msg) else msg)


def _compare(
    actual: Any,
    expected: Any,
    rtol: float | None,
    atol: float | None,
    equal_nan: bool,
    check_device: bool,
    check_dtype: bool,
    check_stride: bool,
    place: str,
) -> str | None:
    """Return what is wrong; None when nothing."""
    options = (rtol, atol, equal_nan, check_device, check_dtype, check_stride)
    end = f"\n\nThe failure occurred for item {place}" if place else ""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        if set(actual) != set(expected):
            return _key_fault(actual, expected) + end
        for key in expected:
            fault = _compare(actual[key], expected[key], *options, f"{place}[{key!r}]")
            if fault is not None:
                return fault
        return None
    plain = (str, bytes, Tensor, np.ndarray)
    listed = isinstance(expected, Sequence) and isinstance(actual, Sequence)
    if listed and not isinstance(expected, plain) and not isinstance(actual, plain):
        if len(actual) != len(expected):
            return f"The length of the sequences mismatch: {len(actual)} != {len(expected)}{end}"
        for number, (a, b) in enumerate(zip(actual, expected, strict=True)):
            fault = _compare(a, b, *options, f"{place}[{number}]")
            if fault is not None:
                return fault
        return None
    if actual is None or expected is None:
        return None if actual is expected else f"None mismatch: {actual} is not {expected}{end}"
    fault = _tensors(actual, expected, *options)
    return None if fault is None else fault + end


def _key_fault(actual: Mapping[Any, Any], expected: Mapping[Any, Any]) -> str:
    lines = ["The keys of the mappings do not match:"]
    missing, more = set(expected) - set(actual), set(actual) - set(expected)
    if missing:
        lines.append(f"Missing keys in the actual mapping: {sorted(missing)}")
    if more:
        lines.append(f"Additional keys in the actual mapping: {sorted(more)}")
    return "\n".join(lines)


def _tensors(
    actual: Any,
    expected: Any,
    rtol: float | None,
    atol: float | None,
    equal_nan: bool,
    check_device: bool,
    check_dtype: bool,
    check_stride: bool,
) -> str | None:
    numbers = not isinstance(actual, Tensor) and not isinstance(expected, Tensor)
    a, b = (each if isinstance(each, Tensor) else call("tensor", each)
            for each in (actual, expected))  # fmt: skip
    if a._shape != b._shape:
        return _attribute("shape", a._shape, b._shape)
    if check_device and a.device != b.device:
        return _attribute("device", a.device, b.device)
    if check_dtype and a._dtype is not b._dtype and not numbers:
        return _attribute("dtype", a._dtype, b._dtype)
    if check_stride and a._strides != b._strides:
        return _attribute("stride()", a._strides, b._strides)
    if rtol is None or atol is None:
        rtol, atol = default_tolerances(a._dtype, b._dtype)
    wide: Any = np.complex128 if a._dtype.is_complex else np.float64
    if a._dtype.is_integral and b._dtype.is_integral:
        wide = np.int64
    x, y = (each.cpu()._values().astype(wide) for each in (a.detach(), b.detach()))
    with np.errstate(all="ignore"):
        gap = np.abs(x - y)
        near = (x == y) | ((gap <= atol + rtol * np.abs(y)) & np.isfinite(gap))
        if equal_nan and wide is not np.int64:
            near |= np.isnan(x) & np.isnan(y)
    if near.all():
        return None
    exact = rtol == 0 and atol == 0
    if not a._shape:
        kind = "Booleans" if a._dtype.name == "bool" and numbers else "Scalars"
        return _scalar_fault(kind, x.item(), y.item(), rtol, atol, exact)
    return _tensor_fault(x, y, near, rtol, atol, exact)


def _attribute(name: str, actual: Any, expected: Any) -> str:
    return f"The values for attribute '{name}' do not match: {actual} != {expected}."


def _scalar_fault(
    kind: str, actual: Any, expected: Any, rtol: float, atol: float, exact: bool
) -> str:
    gap = abs(actual - expected)
    relative = float("inf") if expected == 0 else abs(gap / expected)
    word = "equal" if exact else "close"
    lines = [f"{kind} are not {word}!", "", f"Expected {expected} but got {actual}."]
    tails = ("", "") if exact else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
    lines += [f"Absolute difference: {gap}{tails[0]}", f"Relative difference: {relative}{tails[1]}"]
    return "\n".join(lines)


def _tensor_fault(x: Any, y: Any, near: Any, rtol: float, atol: float, exact: bool) -> str:
    count = int((~near).sum())
    with np.errstate(all="ignore"):
        gap = np.where(near, 0, np.abs(x - y))
        relative = np.where(near, 0, gap / np.abs(y))

    def greatest(values: Any) -> tuple[Any, tuple[int, ...]]:
        flat = values.reshape(-1)
        bad = np.isnan(flat)
        place = int(bad.argmax()) if bad.any() else int(flat.argmax())
        return flat[place].item(), tuple(int(i) for i in np.unravel_index(place, values.shape))

    (far, far_at), (wide, wide_at) = greatest(gap), greatest(relative)
    tails = ("", "") if exact else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
    return "\n".join([
        f"Tensor-likes are not {'equal' if exact else 'close'}!",
        "",
        f"Mismatched elements: {count} / {x.size} ({count / x.size:.1%})",
        f"Greatest absolute difference: {far} at index {far_at}{tails[0]}",
        f"Greatest relative difference: {wide} at index {wide_at}{tails[1]}",
    ])  # fmt: skip
