"""autotune and heuristics: chosen by simulated time."""

from __future__ import annotations

from typing import Any

import pytest
from ranks import machine

import kernbench as kb
import kernbench.language as tl
from kernbench import triton


def make(configs: list[triton.Config], **options: Any) -> Any:
    @triton.autotune(configs=configs, key=["n"], **options)
    @triton.jit
    def increment(x_ptr, n, BLOCK: tl.constexpr, ROUNDS: tl.constexpr):  # type: ignore[no-untyped-def]
        tl.static_assert(BLOCK <= 512)
        offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        mask = offs < n
        x = tl.load(x_ptr + offs, mask=mask)
        for _ in range(ROUNDS):
            x = x * 1.0
        tl.store(x_ptr + offs, x + 1.0, mask=mask)

    return increment


def grid(meta: dict[str, Any]) -> tuple[int]:
    return (triton.cdiv(meta["n"], meta["BLOCK"]),)


CONFIGS = [
    triton.Config({"BLOCK": 64, "ROUNDS": 200}),
    triton.Config({"BLOCK": 64, "ROUNDS": 1}, num_warps=8),
    triton.Config({"BLOCK": 1024, "ROUNDS": 0}),
]


def test_the_fastest_is_kept_for_each_key() -> None:
    kernel = make(CONFIGS)
    with machine(1) as ctx:
        x = ctx.zeros(256)
        kernel[grid](x, 256)
        assert kernel.best_config is CONFIGS[1]  # the third does not compile: infinitely slow
        assert x.tolist() == [3.0] * 256  # two were timed, and one was asked for
        kernel[grid](x, 256)
        assert x.tolist() == [4.0] * 256 and len(kernel.cache) == 1
        kernel[grid](x, 128)
        assert len(kernel.cache) == 2


def test_values_are_put_back_or_zeroed() -> None:
    for option, result in (("reset_to_zero", 1.0), ("restore_value", 8.0)):
        kernel = make(CONFIGS, **{option: ["x_ptr"]})
        with machine(1) as ctx:
            x = ctx.tensor([7.0] * 64)
            kernel[grid](x, 64)
            assert x.tolist() == [result] * 64


def test_pruning_and_hooks() -> None:
    seen: list[Any] = []
    configs = [
        triton.Config({"BLOCK": 32 << i, "ROUNDS": 1}, pre_hook=seen.append) for i in range(4)
    ]
    prune = {"perf_model": lambda BLOCK, **_: BLOCK, "top_k": 2}
    kernel = make(configs, prune_configs_by=prune)
    with machine(1) as ctx:
        kernel[grid](ctx.zeros(64), 64)
    assert {each["BLOCK"] for each in seen} == {32, 64} and len(seen) == 3
    kernel = make(configs, prune_configs_by={"early_config_prune": lambda c, named, **kw: []})
    with machine(1) as ctx, pytest.raises(ValueError, match="no configuration is left"):
        kernel[grid](ctx.zeros(64), 64)


def test_nothing_that_compiles() -> None:
    kernel = make([triton.Config({"BLOCK": 1024 << i, "ROUNDS": 1}) for i in range(2)])
    with machine(1) as ctx, pytest.raises(kb.OutOfResources, match="none of its 2 configurations"):
        kernel[grid](ctx.zeros(64), 64)


def test_heuristics_stack_over_and_under() -> None:
    with machine(1) as ctx:
        inner = triton.heuristics({"ROUNDS": lambda args: args["BLOCK"] // 64})(make(CONFIGS).fn)
        tuned = triton.autotune([triton.Config({"BLOCK": 64})], key=["n"])(inner)
        outer = triton.heuristics({"n": lambda args: args["x_ptr"].numel()})(tuned)
        x = ctx.zeros(100)
        outer[grid](x)
        assert x.tolist() == [1.0] * 100 and tuned.best_config.kwargs == {"BLOCK": 64}
        assert outer.kernel.__name__ == "increment"
