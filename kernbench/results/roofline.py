"""Achieved against possible: the roofline of the SIPs that launches ran on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from kernbench import _core
from kernbench.runtime.profile import Columns, of_kind, time_in_launches
from kernbench.tables import format_figure
from kernbench.topology import Topology

__all__ = ["Roofline", "peak_bytes_per_s", "peak_flops", "peak_math_ops", "roofline"]

_FS_PER_S = 10**15
_DTYPES: tuple[str, ...] = tuple(_core.kir_tables()["dtypes"])


def _bits(dtype: str) -> int:
    digits = re.search(r"\d+", dtype)
    return int(digits[0]) if digits else 8


def _gemm_rate(dtype: str) -> str:
    """Return which of PE_GEMM's rates operands of a dtype run at."""
    bits, is_float = _bits(dtype), "float" in dtype
    if bits == 8:
        return "pe_gemm.rate_fp8" if is_float else "pe_gemm.rate_int8"
    return f"pe_gemm.rate_fp{bits}"


def _ratio(system: Mapping[str, Any], key: str) -> Fraction:
    numerator, denominator = system[key]
    return Fraction(numerator, denominator)


def _pes(system: Mapping[str, Any]) -> int:
    return int(system["cubes_x"] * system["cubes_y"] * system["n_pes"])


def peak_flops(system: Mapping[str, Any], dtype: str) -> Fraction:
    """Return the operations a second of all GEMM engines of one SIP; a multiply-add is two.

    Parameters
    ----------
    system : mapping
        `Topology.system`.
    dtype : str
        Of the operands, as the op log names it: ``"float16"``.
    """
    macs = int(system["pe_gemm.m"] * system["pe_gemm.n"] * system["pe_gemm.k"])
    per_cycle = 2 * macs * _ratio(system, _gemm_rate(dtype))
    return _pes(system) * per_cycle * _FS_PER_S / _ratio(system, "pe.clock")


def peak_math_ops(system: Mapping[str, Any], dtype: str) -> Fraction:
    """Return the simple element operations a second of all MATH engines of one SIP."""
    lanes = Fraction(system["pe_math.lane_bits"], _bits(dtype) * system["pe_math.simple_cycles"])
    return _pes(system) * lanes * _FS_PER_S / _ratio(system, "pe.clock")


def peak_bytes_per_s(system: Mapping[str, Any]) -> Fraction:
    """Return the bytes a second of all HBM pseudo-channels of one SIP."""
    pcs = int(system["cubes_x"] * system["cubes_y"] * system["hbm.pcs"])
    return pcs * _FS_PER_S / _ratio(system, "hbm.pc")


@dataclass(frozen=True, slots=True)
class Roofline:
    """What launches achieved while they ran, and what the SIPs that they ran on could do.

    Attributes
    ----------
    engine : {"GEMM", "MATH"}
        Whose operations count: GEMM's when there are any.
    dtype : str
        At whose rate the peak is taken: the dtype of most bytes that were read.
    n_sips : int
        SIPs that ran programs.
    ops, nbytes : int
        Operations (a multiply-add is two), and bytes moved between memories and PEs.
    time_fs : int
        Time during which some launch was under way.
    peak_ops_per_s, peak_bytes_per_s : float
        Of those SIPs together.
    """

    engine: str
    dtype: str
    n_sips: int
    ops: int
    nbytes: int
    time_fs: int
    peak_ops_per_s: float
    peak_bytes_per_s: float

    @property
    def ops_per_s(self) -> float:
        """Achieved operations a second."""
        return self.ops / self.time_fs * _FS_PER_S

    @property
    def bytes_per_s(self) -> float:
        """Achieved bytes a second."""
        return self.nbytes / self.time_fs * _FS_PER_S

    @property
    def intensity(self) -> float:
        """Operations per byte moved; infinite when nothing was."""
        return self.ops / self.nbytes if self.nbytes else float("inf")

    @property
    def ridge(self) -> float:
        """Operations per byte from which on the engines are the limit, not the memory."""
        return self.peak_ops_per_s / self.peak_bytes_per_s

    @property
    def bound(self) -> str:
        """Which roof stands above this intensity: ``"memory"`` or ``"compute"``."""
        return "compute" if self.intensity >= self.ridge else "memory"

    def __str__(self) -> str:
        unit = "TFLOPS" if self.engine == "GEMM" else "Tops"
        ops, peak = self.ops_per_s / 1e12, self.peak_ops_per_s / 1e12
        rate, peak_rate = self.bytes_per_s / 1e9, self.peak_bytes_per_s / 1e9
        sips = f"{self.n_sips} SIP{'s' if self.n_sips > 1 else ''}"
        return (
            f"{format_figure(ops)} of {format_figure(peak)} {unit} ({ops / peak:.1%}), "
            f"{format_figure(rate)} of {format_figure(peak_rate)} GB/s ({rate / peak_rate:.1%}) "
            f"[{self.engine} {self.dtype}, {sips}]\n"
            f"{format_figure(self.intensity)} operations per byte, ridge "
            f"{format_figure(self.ridge)}: {self.bound} is the roof"
        )


def roofline(columns: Columns, topology: Topology) -> Roofline | None:
    """Return the roofline of all launches in an op log.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Columns of the op log.
    topology : Topology
        The machine.

    Returns
    -------
    Roofline or None
        None without a launch that took time, and for a purely explicit graph, which has no peaks.
    """
    system = topology.system
    time_fs = time_in_launches(columns)
    if system is None or time_fs == 0:
        return None
    programs = of_kind(columns, "program")
    sips = np.unique(columns["pe"][programs] // _pes(system))
    macs = int(columns["work"][of_kind(columns, "gemm")].sum())
    elements = int(columns["work"][of_kind(columns, "math", "reduce", "trans", "gather")].sum())
    moves = of_kind(columns, "dma_read", "dma_write")
    dtype = _dtype_of_most_bytes(columns)
    n_sips = max(1, len(sips))
    peak = peak_flops(system, dtype) if macs else peak_math_ops(system, dtype)
    return Roofline(
        engine="GEMM" if macs else "MATH",
        dtype=dtype,
        n_sips=n_sips,
        ops=2 * macs or elements,
        nbytes=int(columns["nbytes"][moves].sum()),
        time_fs=time_fs,
        peak_ops_per_s=float(n_sips * peak),
        peak_bytes_per_s=float(n_sips * peak_bytes_per_s(system)),
    )


def _dtype_of_most_bytes(columns: Columns) -> str:
    reads = of_kind(columns, "dma_read")
    if not reads.any():
        return "float32"
    weights = np.bincount(columns["dtype"][reads], weights=columns["nbytes"][reads])
    return _DTYPES[int(weights.argmax())]
