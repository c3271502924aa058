"""``torch.testing.assert_close``: with torch's tolerances and torch's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kernbench.runtime.dispatch import call
from kernbench.runtime.dtypes import BY_NAME, dtype, from_compute, to_compute
from kernbench.runtime.promotion import promote_types
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
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(
            f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}."
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
    if _is_number(actual) and _is_number(expected):
        fault = _numbers(actual, expected, rtol, atol, equal_nan, check_dtype)
    elif _is_arrays(actual) and _is_arrays(expected):
        fault = _tensors(actual, expected, *options)
    else:
        raise TypeError(
            f"No comparison pair was able to handle inputs of type {type(actual)} and "
            f"{type(expected)}."
        )
    return None if fault is None else fault + end


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, complex, np.number, np.bool_))


def _is_arrays(value: Any) -> bool:
    return isinstance(value, (Tensor, np.ndarray)) or _is_number(value)


def _numbers(
    actual: Any,
    expected: Any,
    rtol: float | None,
    atol: float | None,
    equal_nan: bool,
    check_dtype: bool,
) -> str | None:
    if isinstance(actual, (bool, np.bool_)) and isinstance(expected, (bool, np.bool_)):
        same = bool(actual) == bool(expected)
        return None if same else f"Booleans mismatch: {actual} is not {expected}"
    if check_dtype and type(actual) is not type(expected):
        return f"The (d)types do not match: {type(actual)} != {type(expected)}."
    if rtol is None or atol is None:
        exact = isinstance(actual, int) and isinstance(expected, int)
        rtol, atol = (0.0, 0.0) if exact else _TOLERANCES["float64"]
    if actual == expected or (equal_nan and actual != actual and expected != expected):
        return None
    gap = abs(actual - expected)
    if np.isfinite(gap) and gap <= atol + rtol * abs(expected):
        return None
    return _scalar_fault(actual, expected, rtol, atol)


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
    a, b = (
        each if isinstance(each, Tensor) else call("tensor", each) for each in (actual, expected)
    )
    if a._shape != b._shape:
        return _attribute("shape", a._shape, b._shape)
    if check_device and a.device != b.device:
        return _attribute("device", a.device, b.device)
    if check_dtype and a._dtype is not b._dtype:
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
    if not a._shape:
        return _scalar_fault(x.item(), y.item(), rtol, atol)
    kind = promote_types(a._dtype, b._dtype)
    kind = BY_NAME["float32"] if kind.is_integral else kind
    return _tensor_fault(x, y, near, rtol, atol, kind)


def _attribute(name: str, actual: Any, expected: Any) -> str:
    return f"The values for attribute '{name}' do not match: {actual} != {expected}."


def _scalar_fault(actual: Any, expected: Any, rtol: float, atol: float) -> str:
    gap = abs(actual - expected)
    relative = float("inf") if expected == 0 else abs(gap / expected)
    exact = rtol == 0 and atol == 0
    lines = [
        f"Scalars are not {'equal' if exact else 'close'}!",
        "",
        f"Expected {expected} but got {actual}.",
        f"Absolute difference: {gap}" + ("" if exact else f" (up to {atol} allowed)"),
        f"Relative difference: {relative}" + ("" if exact else f" (up to {rtol} allowed)"),
    ]
    return "\n".join(lines)


def _tensor_fault(x: Any, y: Any, near: Any, rtol: float, atol: float, kind: dtype) -> str:
    def rounded(values: Any) -> Any:
        if x.dtype == np.int64 and values.dtype == np.int64:
            return values
        return to_compute(from_compute(values, kind), kind).astype(np.float64)

    with np.errstate(all="ignore"):
        gap = rounded(np.where(near, 0, np.abs(x - y)))
        relative = rounded(np.where(near, 0.0, gap / np.abs(y)))

    def greatest(values: Any) -> tuple[Any, tuple[int, ...]]:
        flat = values.reshape(-1)
        bad = np.isnan(flat)
        place = int(bad.argmax()) if bad.any() else int(flat.argmax())
        return flat[place].item(), tuple(int(i) for i in np.unravel_index(place, values.shape))

    (far, far_at), (wide, wide_at) = greatest(gap), greatest(relative)
    exact, count = rtol == 0 and atol == 0, int((~near).sum())
    tails = ("", "") if exact else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
    lines = [
        f"Tensor-likes are not {'equal' if exact else 'close'}!",
        "",
        f"Mismatched elements: {count} / {x.size} ({count / x.size:.1%})",
        f"Greatest absolute difference: {far} at index {far_at}{tails[0]}",
        f"Greatest relative difference: {wide} at index {wide_at}{tails[1]}",
    ]
    return "\n".join(lines)
