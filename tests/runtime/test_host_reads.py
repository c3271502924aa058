"""The host-read barrier: per entry point, and its closed set (ADR-0027 D0.5; T5 of the seeds)."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from ranks import add_some, machine

import kernbench as kb
from kernbench.runtime.barriers import CONDITIONAL_BARRIERS, HOST_READ_BARRIERS, STAGED_BARRIERS
from kernbench.runtime.host_link import HostLink

OTHERS = {"__del__", "__init_subclass__", "__subclasshook__", "__class__", "__reduce__"}
OTHERS |= {"__reduce_ex__", "__getattribute__", "__setattr__", "__delattr__", "__dir__", "__new__"}
OTHERS |= {"__init__", "__deepcopy__", "__copy__", "__getstate__", "__setstate__", "__dlpack__"}
"""Python's own, and what makes an object rather than show values."""


def members() -> list[str]:
    return [name for name in dir(kb.Tensor) if name not in OTHERS]


def touch(tensor: Any, name: str) -> None:
    """Use a member as a script would without arguments; what refuses that, refuses it."""
    with contextlib.suppress(Exception):
        member = getattr(tensor, name)
        if callable(member) and not inspect.isclass(member):
            member(*([""] if name == "__format__" else []))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Host reads that were made."""
    seen: list[Any] = []
    real: Callable[..., Any] = HostLink.read

    def spy(self: HostLink, *args: Any, **kwargs: Any) -> Any:
        seen.append(args)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(HostLink, "read", spy)
    return seen


@pytest.mark.parametrize("name", members())
def test_the_set_of_host_reads_is_closed(name: str, reads: list[Any]) -> None:
    """T5.g: nothing reads that the registry lacks."""
    with machine(1) as ctx:
        x = ctx.tensor([1.0])
        reads.clear()
        touch(x, name)
        assert not reads or name in HOST_READ_BARRIERS | CONDITIONAL_BARRIERS | STAGED_BARRIERS


ARGUMENTS = {"__contains__": (1.0,), "__format__": ("",)}


@pytest.mark.parametrize("name", sorted(HOST_READ_BARRIERS & set(members())))
def test_every_entry_that_the_class_has_reads(name: str, reads: list[Any]) -> None:
    """T5.g: the registry holds nothing that does not read, either."""
    with machine(1) as ctx:
        x = ctx.tensor([1] if name == "__index__" else [1.0])
        reads.clear()
        getattr(x, name)(*ARGUMENTS.get(name, ()))
        assert reads


def test_a_read_waits_for_the_writer_and_shows_what_it_wrote() -> None:
    for read in ("numpy", "tolist", "item"):
        with machine(1) as ctx:
            x = ctx.zeros(128)
            h = add_some[(1,)](x, 77, BLOCK=128)
            y = x[5:6]
            value = getattr(y, read)()
            assert (value if read == "item" else value[0]) == 77.0
            assert ctx.now_fs > h.end_fs


def test_a_read_waits_in_its_rank_alone() -> None:
    """T5: a pending kernel of another rank is no reason to wait."""
    clocks = {}

    def work(rank: int) -> None:
        ctx = kb.current_context()
        x = ctx.zeros(128)
        h = add_some[(1,)](x, (90000, 3)[rank], BLOCK=128)
        assert x[:1].tolist() == [(90000.0, 3.0)[rank]]
        clocks[rank] = (ctx.now_fs, h.end_fs)

    with machine(2) as ctx:
        ctx.multiprocessing.spawn(work, nprocs=2)
    assert clocks[1][0] < clocks[0][1]


def test_views_do_not_read(reads: list[Any]) -> None:
    with machine(1) as ctx:
        x = ctx.zeros((4, 4))
        reads.clear()
        assert x[1:].view(-1)[None].shape == (1, 12) and x.T.shape == (4, 4)
        assert not reads
