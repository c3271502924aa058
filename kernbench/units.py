"""Quantities with units, as people write them: durations, sizes and rates.

Inside kernbench a duration is an integer number of femtoseconds and a size an integer number of
bytes; floats appear only here, when a quantity is shown.  Parsing is exact: decimal, never binary.

Examples
--------
>>> parse_duration_fs("1.5 us")
1500000000
>>> parse_nbytes("64 KiB")
65536
>>> parse_rate_bytes_per_s("819.2 GB/s")
819200000000
>>> format_duration(1_500_000_000), format_nbytes(65536), format_rate(819_200_000_000)
('1.5 us', '64 KiB', '819.2 GB/s')
"""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = [
    "format_duration",
    "format_nbytes",
    "format_rate",
    "fs_to_ns",
    "ns_to_fs",
    "parse_duration_fs",
    "parse_nbytes",
    "parse_rate_bytes_per_s",
]

_FS_PER_UNIT = {
    "fs": 1,
    "ps": 10**3,
    "ns": 10**6,
    "us": 10**9,
    "µs": 10**9,
    "ms": 10**12,
    "s": 10**15,
}
_DECIMAL_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BINARY_BYTES = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_BYTES_PER_UNIT = {**_DECIMAL_BYTES, **_BINARY_BYTES}

_QUANTITY = re.compile(r"([+-]?(?:\d[\d_]*)(?:\.\d+)?(?:[eE][+-]?\d{1,2})?)\s*(\S+)")


def parse_duration_fs(text: str) -> int:
    """Femtoseconds of a duration such as ``"1.5 us"``.

    Raises
    ------
    ValueError
        For text without number or unit, and for a duration that is no whole number of femtoseconds.
    """
    return _parse(text, _FS_PER_UNIT, "a duration", "fs")


def parse_nbytes(text: str) -> int:
    """Bytes of a size such as ``"64 KiB"`` (1024) or ``"64 kB"`` (1000)."""
    return _parse(text, _BYTES_PER_UNIT, "a size", "bytes")


def parse_rate_bytes_per_s(text: str) -> int:
    """Bytes per second of a rate such as ``"819.2 GB/s"``."""
    units = {f"{unit}/s": nbytes for unit, nbytes in _BYTES_PER_UNIT.items()}
    return _parse(text, units, "a rate", "bytes/s")


def format_duration(duration_fs: int) -> str:
    """Text of a duration, in the largest unit that leaves at least 1 before the point."""
    units = {unit: value for unit, value in _FS_PER_UNIT.items() if unit != "µs"}
    return _format(duration_fs, units)


def format_nbytes(nbytes: int) -> str:
    """Text of a size, in binary units."""
    return _format(nbytes, {"B": 1, **_BINARY_BYTES})


def format_rate(bytes_per_s: int) -> str:
    """Text of a rate, in decimal units per second."""
    units = {unit: value for unit, value in _DECIMAL_BYTES.items() if unit != "KB"}
    return _format(bytes_per_s, {f"{unit}/s": value for unit, value in units.items()})


def fs_to_ns(duration_fs: int) -> float:
    """Nanoseconds, for people; exact below 2**53 fs."""
    return duration_fs / 10**6


def ns_to_fs(duration_ns: float) -> int:
    """Femtoseconds nearest to that many nanoseconds."""
    return round(Decimal(repr(duration_ns)) * 10**6)


def _parse(text: str, units: dict[str, int], what: str, base: str) -> int:
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in units:
        raise ValueError(
            f"expected {what} with a unit ({', '.join(units)}), such as '1.5 {next(iter(units))}'; "
            f"got {text!r}"
        )
    value = Decimal(match[1].replace("_", "")) * units[match[2]]
    if value != value.to_integral_value():
        raise ValueError(
            f"expected {what} of a whole number of {base}; got {text!r}, {value} {base}"
        )
    return int(value)


def _format(value: int, units: dict[str, int]) -> str:
    unit, scale = next(iter(units.items()))
    for candidate, candidate_scale in units.items():
        if abs(value) >= candidate_scale:
            unit, scale = candidate, candidate_scale
    quotient = Decimal(value) / scale
    text = f"{quotient:.4g}" if abs(quotient) < 1000 else f"{quotient:.0f}"
    if "e" in text or "E" in text:
        text = f"{Decimal(text):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {unit}"
