"""The exception tree, and quantities with units."""

from __future__ import annotations

import doctest
import importlib
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernbench import errors, units

BUILTIN_BASES = {
    "TopologyError": ValueError,
    "OutOfMemoryError": RuntimeError,
    "OutOfBoundsError": IndexError,
    "DeadlockError": RuntimeError,
    "DataUnavailableError": RuntimeError,
}
EXAMPLES = {
    "CompilationError": ("text", "k.py", 3, 5, "    break", ("  called from f, k.py:9",)),
    "CompileTimeAssertionFailure": ("text", "k.py", 3, 5),
    "OutOfResources": (4096, 1024, "TCM", "use smaller tiles"),
    "DeadlockError": ("text", "livelock"),
    "ProcessException": ("text", 1, 42),
    "ProcessRaisedException": ("text", 1, 42),
    "ProcessExitedException": ("text", 1, 42, 3),
    "SpawnException": ("text", 1, 42, ((1, ValueError("x"), "trace"),)),
}


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_a_kernbench_error_and_survives_pickling(name):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.KernbenchError)
    assert issubclass(kind, BUILTIN_BASES.get(name, Exception))
    error = kind(*EXAMPLES.get(name, ("text",)))
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (str(copy), repr(copy.__dict__)) == (str(error), repr(error.__dict__))
    assert "text" in str(error) or name == "OutOfResources"


@pytest.mark.parametrize(
    "module",
    ["errors", "units", "language", "language.dtypes", "language.jit", "language.names"],
)
def test_examples_in_docstrings(module):
    found = importlib.import_module(f"kernbench.{module}")
    assert doctest.testmod(found).failed == 0


@pytest.mark.parametrize(
    ("text", "duration_fs"),
    [
        ("1.5 us", 1_500_000_000),
        ("78.125ps", 78_125),
        ("1_000 ns", 10**9),
        ("-2 fs", -2),
        ("1e-3 s", 10**12),
    ],
)
def test_durations(text, duration_fs):
    assert units.parse_duration_fs(text) == duration_fs


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (units.parse_duration_fs, "0.5 fs", "whole number of fs; got '0.5 fs'"),
        (units.parse_duration_fs, "5", "a duration with a unit"),
        (units.parse_nbytes, "64 KiBs", "a size with a unit"),
        (units.parse_rate_bytes_per_s, "64 GB", "a rate with a unit"),
        (units.parse_nbytes, "1e999999 B", "a size with a unit"),
    ],
)
def test_quantities_that_are_none(parse, text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)


def test_sizes_and_rates():
    assert units.parse_nbytes("64 KiB") == 65536
    assert units.parse_nbytes("64 kB") == 64000
    assert units.parse_rate_bytes_per_s("819.2 GB/s") == 819_200_000_000
    assert units.format_rate(819_200_000_000) == "819.2 GB/s"
    assert units.format_nbytes(3 << 19) == "1.5 MiB"
    assert units.format_duration(999) == "999 fs"
    assert units.format_duration(123_456_789) == "123.5 ns"
    assert units.format_duration(0) == "0 fs"
    assert units.fs_to_ns(1_500_000) == 1.5
    assert units.ns_to_fs(2.5e-6) == 2


@given(st.integers(0, 10**18))
def test_what_is_printed_is_what_was_meant_to_four_digits(duration_fs):
    shown = units.parse_duration_fs(units.format_duration(duration_fs))
    assert abs(shown - duration_fs) <= duration_fs * 5e-4


def test_the_headers_say_what_the_extension_says():
    from kir_headers import header_tables

    from kernbench import _core
    from kernbench.language import TRITON_MAX_TENSOR_NUMEL

    assert header_tables() == _core.kir_tables()
    assert header_tables()["max_tile_elements"] == TRITON_MAX_TENSOR_NUMEL
