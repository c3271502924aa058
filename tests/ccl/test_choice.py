"""Which algorithm is chosen: by the caller, the environment, a file, or the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import groups
import pytest

import kernbench as kb
from kernbench import ccl
from kernbench.ccl import phases
from kernbench.ccl.choice import VARIABLE, choose, configured
from kernbench.ccl.launch import make_call


def call(
    ctx: kb.Context, collective: str = "all_reduce", size: int = 8, count: int = 8
) -> ccl.Call:
    x = ctx.empty(count)
    return make_call(ctx, collective, ccl.Group(range(size)), 0, x, x)


def chosen(kind: str, count: int, size: int = 8) -> str:
    with kb.Context(groups.machine(size, kind), data=False) as ctx:
        return choose(call(ctx, size=size, count=count)).name


def test_small_tensors_take_few_steps_and_large_ones_few_bytes() -> None:
    assert chosen("ring", 8) == "one_shot"
    assert chosen("ring", 1 << 24) in ("ring", "bidirectional_ring")
    assert chosen("switch", 8) == "one_shot"
    assert chosen("switch", 1 << 24) in ("two_shot", "halving_doubling", "ring")


def test_large_groups_are_not_looked_at_pair_by_pair() -> None:
    assert chosen("ring", 1 << 18, size=100) in ccl.algorithms("all_reduce")


@pytest.mark.parametrize(
    ("text", "collective", "name"),
    [
        ("", "all_reduce", None),
        ("ring", "all_reduce", "ring"),
        ("ring", "all_to_all", None),
        ("ring_default_ws", "all_reduce", "ring_default_ws"),
        ("all_reduce=two_shot, broadcast=tree", "all_reduce", "two_shot"),
        ("all_reduce=two_shot, broadcast=tree", "reduce", None),
        ("ring,broadcast=tree", "broadcast", "tree"),
        ("ring,broadcast=tree", "reduce", "ring"),
        ("auto", "reduce", "auto"),
    ],
)
def test_the_environment(monkeypatch: Any, text: str, collective: str, name: str | None) -> None:
    monkeypatch.setenv(VARIABLE, text)
    assert configured(collective) == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rign", r"KERNBENCH_CCL: expected the name of .*double_tree.*did you mean 'ring'"),
        ("all_reduce=rign", r"KERNBENCH_CCL: all_reduce: .*did you mean 'ring'"),
        ("al_reduce=ring", r"KERNBENCH_CCL: expected a collective.*did you mean 'all_reduce'"),
        ("nowhere.yaml", r"KERNBENCH_CCL: nowhere.yaml: .*No such file"),
    ],
)
def test_an_environment_that_is_wrong(monkeypatch: Any, text: str, message: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ValueError, match=message):
        configured("all_reduce")


def test_a_file(monkeypatch: Any, tmp_path: Path) -> None:
    path = tmp_path / "ccl.yaml"
    monkeypatch.setenv(VARIABLE, str(path))
    path.write_text("---\n# by hand\nall_reduce: two_shot  # short\nbroadcast: 'tree'\n\n")
    assert configured("all_reduce") == "two_shot"
    assert configured("broadcast") == "tree"
    assert configured("reduce") is None
    path.write_text("all_reduce: two_shot\nbroadcast\n")
    with pytest.raises(ValueError, match=r"ccl.yaml:2: expected a line such as"):
        configured("all_reduce")


def test_the_caller_counts_most(monkeypatch: Any) -> None:
    monkeypatch.setenv(VARIABLE, "ring")
    with kb.Context(groups.machine(4), data=False) as ctx:
        assert choose(call(ctx, size=4)).name == "ring"
        assert choose(call(ctx, size=4), "two_shot").name == "two_shot"
        assert choose(call(ctx, size=4), "ring_default_ws").name == "ring"
        assert choose(call(ctx, size=4), "auto").name == "one_shot"


def test_an_algorithm_that_makes_no_plan_is_named() -> None:
    @ccl.algorithm("all_reduce", "idle")
    def idle(call: ccl.Call) -> ccl.Plan:
        return None  # type: ignore[return-value]

    try:
        with pytest.raises(TypeError, match="all_reduce: expected a Plan of 'idle', got None"):
            groups.check("all_reduce", 2, 100, algorithm="idle")
    finally:
        ccl.remove("all_reduce", "idle")


def test_algorithms_of_users() -> None:
    @ccl.algorithm("all_reduce", "mine", fits=lambda call: call.size == 2)
    def mine(call: ccl.Call) -> ccl.Plan:
        return ccl.find("all_reduce", "ring").plan(call)

    try:
        groups.check("all_reduce", 2, 100, algorithm="mine")
        with pytest.raises(ValueError, match="'mine' does not serve a group of 3; expected one of"):
            groups.check("all_reduce", 3, 100, algorithm="mine")
    finally:
        ccl.remove("all_reduce", "mine")
    with pytest.raises(ValueError, match="expected an algorithm"):
        ccl.find("all_reduce", "mine")


def test_the_machine_is_read_once_for_all_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[Any]()
    real = phases._Fabric
    monkeypatch.setattr(phases, "_Fabric", lambda topology: made.append(topology) or real(topology))
    with kb.Context(groups.machine(8), data=False) as ctx:
        for first in (0, 2, 4):
            x = ctx.empty(64, sip=first)
            choose(make_call(ctx, "all_reduce", ccl.Group([first, first + 1]), 0, x, x))
        assert made == [ctx.topology]
