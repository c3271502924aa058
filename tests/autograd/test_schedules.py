"""Schedules of learning rates: the bits that torch 2.13 gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import kernbench as kb
import kernbench.torch as torch
from kernbench.optim import SGD
from kernbench.optim import lr_scheduler as lr


def two_groups() -> SGD:
    first, second = (torch.zeros(1, requires_grad=True) for _ in range(2))
    return SGD([{"params": [first], "lr": 0.3}, {"params": [second]}], lr=0.7)


# What torch gives the second group, epoch by epoch.
RATES: list[tuple[Callable[[Any], lr.LRScheduler], list[float]]] = [
    (
        lambda o: lr.StepLR(o, 3, 0.3),
        [0.7, 0.7, 0.7, 0.21, 0.21, 0.21, 0.063, 0.063, 0.063, 0.0189, 0.0189, 0.0189],
    ),
    (
        lambda o: lr.MultiStepLR(o, [2, 5, 5, 9], 0.2),
        [
            0.7,
            0.7,
            0.13999999999999999,
            0.13999999999999999,
            0.13999999999999999,
            0.005600000000000001,
            0.005600000000000001,
            0.005600000000000001,
            0.005600000000000001,
            0.0011200000000000001,
            0.0011200000000000001,
            0.0011200000000000001,
        ],
    ),
    (
        lambda o: lr.MultiStepLR(o, [0, 4], 0.2),
        [
            0.13999999999999999,
            0.13999999999999999,
            0.13999999999999999,
            0.13999999999999999,
            0.027999999999999997,
            0.027999999999999997,
            0.027999999999999997,
            0.027999999999999997,
            0.027999999999999997,
            0.027999999999999997,
            0.027999999999999997,
            0.027999999999999997,
        ],
    ),
    (
        lambda o: lr.ConstantLR(o, 0.3, 4),
        [0.21, 0.21, 0.21, 0.21, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7],
    ),
    (
        lambda o: lr.LinearLR(o, 0.1, 0.9, 6),
        [
            0.06999999999999999,
            0.1633333333333333,
            0.2566666666666666,
            0.3499999999999999,
            0.4433333333333332,
            0.5366666666666665,
            0.6299999999999999,
            0.6299999999999999,
            0.6299999999999999,
            0.6299999999999999,
            0.6299999999999999,
            0.6299999999999999,
        ],
    ),
    (
        lambda o: lr.ExponentialLR(o, 0.93),
        [
            0.7,
            0.651,
            0.60543,
            0.5630499000000001,
            0.5236364070000001,
            0.48698185851000014,
            0.4528931284143002,
            0.4211906094252992,
            0.39170726676552825,
            0.3642877580919413,
            0.3387876150255054,
            0.31507248197372006,
        ],
    ),
    (
        lambda o: lr.PolynomialLR(o, 7, 1.7),
        [
            0.7,
            0.5386274687400554,
            0.3950757555785686,
            0.270354347188651,
            0.1657820497533582,
            0.08321131104120488,
            0.025611285178871405,
            0.0,
            0.0,
            0.0,
            0.0,
            0.0,
        ],
    ),
    (
        lambda o: lr.CosineAnnealingLR(o, 5, 0.01),
        [
            0.7,
            0.6341108630593568,
            0.46161086305935684,
            0.24838913694064313,
            0.07588913694064316,
            0.01,
            0.07588913694064311,
            0.2483891369406432,
            0.461610863059357,
            0.6341108630593572,
            0.7000000000000003,
            0.6341108630593574,
        ],
    ),
    (
        lambda o: lr.CosineAnnealingLR(o, 6),
        [
            0.7,
            0.6531088913245535,
            0.525,
            0.35,
            0.17500000000000007,
            0.04689110867544645,
            0.0,
            0.04689110867544645,
            0.175,
            0.3500000000000002,
            0.5250000000000005,
            0.653108891324554,
        ],
    ),
    (
        lambda o: lr.LambdaLR(o, [lambda e: 0.9**e, lambda e: 1 / (e + 1)]),
        [
            0.7,
            0.35,
            0.2333333333333333,
            0.175,
            0.13999999999999999,
            0.11666666666666665,
            0.09999999999999999,
            0.0875,
            0.07777777777777777,
            0.06999999999999999,
            0.06363636363636363,
            0.05833333333333333,
        ],
    ),
    (
        lambda o: lr.SequentialLR(
            o, [lr.LinearLR(o, 0.1, 1.0, 3), lr.CosineAnnealingLR(o, 4, 0.02)], [3]
        ),
        [
            0.06999999999999999,
            0.2799999999999999,
            0.4899999999999999,
            0.7,
            0.6004163056034261,
            0.36,
            0.11958369439657386,
            0.02,
            0.11958369439657382,
            0.36000000000000004,
            0.6004163056034263,
            0.7000000000000002,
        ],
    ),
    (
        lambda o: lr.SequentialLR(
            o,
            [
                lr.SequentialLR(o, [lr.ExponentialLR(o, 0.9), lr.StepLR(o, 2)], [2]),
                lr.LambdaLR(o, lambda e: e + 0.5),
            ],
            [6],
        ),
        [
            0.63,
            0.7,
            0.7,
            0.06999999999999999,
            0.06999999999999999,
            0.006999999999999999,
            0.35,
            1.0499999999999998,
            1.75,
            2.4499999999999997,
            3.15,
            3.8499999999999996,
        ],
    ),
]


@pytest.mark.parametrize(("make", "rates"), RATES)
def test_rates_have_torch_s_bits(make: Callable[[Any], lr.LRScheduler], rates: list[float]) -> None:
    with kb.Context("small"):
        optimizer = two_groups()
        schedule = make(optimizer)
        found = []
        for _ in rates:
            found.append(schedule.get_last_lr()[1])
            assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
            optimizer.step()
            schedule.step()
        assert found == rates


def test_a_run_goes_on_from_its_state() -> None:
    with kb.Context("small"):
        make = RATES[-2][0]
        first, second = two_groups(), two_groups()
        one, two = make(first), make(second)
        for _ in range(5):
            one.step()
        two.load_state_dict(one.state_dict())
        second.load_state_dict(first.state_dict())
        one.step(), two.step()
        assert one.get_last_lr() == two.get_last_lr()
        later = lr.StepLR(second, 3, last_epoch=5)
        assert later.last_epoch == 6 and later.get_last_lr() == one.get_last_lr()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda o: lr.StepLR(None, 3), TypeError, "NoneType is not an Optimizer"),
        (lambda o: lr.StepLR(o, 3, last_epoch=2), KeyError, r"param_groups\[0\] when resuming"),
        (lambda o: lr.LambdaLR(o, [abs]), ValueError, "Expected 2 lr_lambdas, but got 1"),
        (lambda o: lr.ConstantLR(o, 2.0), ValueError, "between 0 and 1"),
        (lambda o: lr.LinearLR(o, 0.0), ValueError, "Starting multiplicative factor"),
        (lambda o: lr.LinearLR(o, 0.5, 2.0), ValueError, "Ending multiplicative factor"),
        (lambda o: lr.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
        (
            lambda o: lr.SequentialLR(o, [lr.StepLR(two_groups(), 1)], []),
            ValueError,
            "another one's at index 0",
        ),
        (
            lambda o: lr.SequentialLR(o, [lr.StepLR(o, 1)], [2]),
            ValueError,
            "number of schedulers 1 and the number of milestones to be equal to 1",
        ),
        (lambda o: lr.OneCycleLR(o), NotImplementedError, "OneCycleLR .*; use LambdaLR"),
        (lambda o: lr.NoSuchLR(o), AttributeError, "has no attribute 'NoSuchLR'"),
        (lambda o: torch.optim.RMSprop([]), NotImplementedError, "use SGD, Adam or AdamW"),
        (lambda o: torch.optim.Nothing([]), AttributeError, "has no attribute 'Nothing'"),
    ],
)
def test_schedules_that_cannot_be(make: Any, error: type[Exception], message: str) -> None:
    with kb.Context("small"), pytest.raises(error, match=message):
        make(two_groups())


def test_functions_for_torch_jit_stay_what_they_are() -> None:
    def twice(x: int) -> int:
        return 2 * x

    jit = torch.jit
    for mark in (jit.script, jit.export, jit.unused, jit.ignore, jit.script_if_tracing):
        assert mark(twice) is twice
    assert jit.ignore(drop=True)(twice) is twice
    assert not jit.is_scripting() and not jit.is_tracing()
    with pytest.raises(NotImplementedError, match=r"torch\.jit\.trace is not implemented"):
        jit.trace(twice, 1)
