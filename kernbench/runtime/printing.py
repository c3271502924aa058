"""How tensors print: letter for letter as torch does."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kernbench.runtime.rank_state import rank_state
from kernbench.runtime.storage import HostStorage

if TYPE_CHECKING:
    from kernbench.runtime.tensor import Tensor

__all__ = ["set_printoptions", "text_of"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What ``torch.set_printoptions`` sets."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print, as ``torch.set_printoptions``."""
    options = rank_state().print_options
    if profile is not None:
        options.update(PROFILES[profile])
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    options.update({name: value for name, value in given.items() if value is not None})
    options["sci_mode"] = sci_mode


class _Numbers:
    """The width and the style in which all numbers of a tensor are written."""

    def __init__(self, values: Array, floating: bool, options: Options) -> None:
        self.floating = floating
        self.precision = options.precision
        self.whole, self.scientific, self.width = True, False, 1
        if not floating:
            flat = values.reshape(-1)
            if flat.size and values.dtype.kind in "iu":
                self.width = max(len(str(int(flat.min()))), len(str(int(flat.max()))))
            elif flat.size:
                self.width = max(len(str(bool(value))) for value in np.unique(flat))
            return
        flat = values.reshape(-1).astype(np.float64)
        flat = flat[np.isfinite(flat) & (flat != 0)]
        if not flat.size:
            return
        low, high = float(np.abs(flat).min()), float(np.abs(flat).max())
        self.whole = bool((flat == np.ceil(flat)).all())
        self.scientific = high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4
        if options.sci_mode is not None:
            self.scientific = options.sci_mode
        dot = 1 if self.whole and not self.scientific else 0
        self.width = max(len(self._plain(value)) for value in flat.tolist()) + dot

    def _plain(self, value: float) -> str:
        if self.scientific:
            return f"{value:.{self.precision}e}"
        return f"{value:.0f}" if self.whole else f"{value:.{self.precision}f}"

    def __call__(self, value: Any) -> str:
        if not self.floating:
            return str(value).rjust(self.width)
        text = self._plain(value)
        if self.whole and not self.scientific and math.isfinite(value):
            text += "."
        return text.rjust(self.width)


class _Complex:
    """Two of them, for complex numbers."""

    def __init__(self, values: Array, options: Options) -> None:
        self.real = _Numbers(values.real, True, options)
        self.imag = _Numbers(values.imag, True, options)
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, value: complex) -> str:
        sign = "" if value.imag < 0 else "+"
        return self.real(value.real) + sign + f"{self.imag(value.imag)}j".lstrip()


def _ends(values: Array, edge: int) -> Array:
    """Return the elements that a shortened print shows."""
    for dim in range(values.ndim):
        if values.shape[dim] > 2 * edge:
            picked = [*range(edge), *range(values.shape[dim] - edge, values.shape[dim])]
            values = np.take(values, picked, axis=dim)
    return values


def _nested(values: Array, indent: int, short: bool, form: Any, options: Options) -> str:
    edge = options.edgeitems
    cut = short and values.ndim > 0 and len(values) > 2 * edge
    if values.ndim == 0:
        return str(form(values.item()))
    if values.ndim == 1:
        data = (
            [form(value) for value in values.tolist()]
            if not cut
            else [*map(form, values[:edge].tolist()), " ...", *map(form, values[-edge:].tolist())]
        )
        per_line = max(1, (options.linewidth - indent) // (form.width + 2))
        lines = [", ".join(data[i : i + per_line]) for i in range(0, len(data), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    count = len(values)
    shown = itertools.chain(range(edge), range(count - edge, count)) if cut else range(count)
    parts = [_nested(values[i], indent + 1, short, form, options) for i in shown]
    if cut:
        parts.insert(edge, "...")
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _with_suffixes(text: str, suffixes: Sequence[str], indent: int, linewidth: int) -> str:
    parts = [text]
    width = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if width + len(suffix) + 2 > linewidth:
            parts.append(",\n" + " " * indent + suffix)
            width = indent + len(suffix)
        else:
            parts.append(", " + suffix)
            width += len(suffix) + 2
    return "".join(parts) + ")"


def _suffixes(tensor: Tensor, has_values: bool) -> list[str]:
    found = [] if tensor.is_cpu else [f"device='{tensor.device}'"]
    default = rank_state().default_dtype
    usual = {default, "int64", "bool", "complex128" if default == "float64" else "complex64"}
    if not tensor.numel():
        usual = {default}
    if (not tensor.numel() and tensor.ndim != 1) or (tensor.numel() and not has_values):
        found.append(f"size={tuple(tensor._shape)}")
    if tensor._dtype.name not in usual:
        found.append(f"dtype={tensor._dtype!r}")
    if tensor.grad_fn is not None:
        found.append(f"grad_fn=<{tensor.grad_fn.name()}>")
    elif tensor.requires_grad:
        found.append("requires_grad=True")
    return found


def text_of(tensor: Tensor) -> str:
    """Return what ``print`` shows of a tensor: a host read.

    In a context of timing alone, where there are no values, ``...`` and the size stand for them.
    """
    options = Options(**rank_state().print_options)
    indent, text = len("tensor("), "[]"
    storage = tensor._storage
    has_values = isinstance(storage, HostStorage) or storage.context.data or storage.keep
    if tensor.numel() and not has_values:
        text = "..."
    elif tensor.numel():
        values = tensor._values()
        short = values.size > options.threshold
        seen = _ends(values, options.edgeitems) if short else values
        form: Any
        if tensor._dtype.is_complex:
            form = _Complex(seen, options)
        else:
            form = _Numbers(seen, tensor._dtype.is_floating_point, options)
        text = _nested(values, indent, short, form, options)
    return _with_suffixes(
        "tensor(" + text, _suffixes(tensor, has_values), indent, options.linewidth
    )
