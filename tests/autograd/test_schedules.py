"""Schedules of learning rates: the bits that torch 2.13 gives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, cast

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
    (
        lambda o: lr.MultiplicativeLR(o, lambda e: 0.9 + e / 100),
        [
            0.7,
            0.637,
            0.58604,
            0.5450172,
            0.512316168,
            0.4867003596000001,
            0.46723234521600004,
            0.45321537485952,
            0.4441510673623296,
            0.4397095566887063,
            0.4397095566887063,
            0.44410665225559337,
        ],
    ),
    (
        lambda o: lr.CosineAnnealingWarmRestarts(o, 2, 2, 0.01),
        [
            0.7,
            0.355,
            0.7,
            0.5989518395093588,
            0.355,
            0.11104816049064112,
            0.7,
            0.6737384387163938,
            0.5989518395093588,
            0.487025784165956,
            0.355,
            0.22297421583404403,
        ],
    ),
    (
        lambda o: lr.CyclicLR(o, 0.1, [0.5, 0.9], 3, 4),
        [
            0.1,
            0.3666666666666666,
            0.6333333333333331,
            0.9,
            0.7000000000000001,
            0.4999999999999999,
            0.29999999999999993,
            0.1,
            0.3666666666666666,
            0.6333333333333331,
            0.8999999999999997,
            0.7000000000000004,
        ],
    ),
    (
        lambda o: lr.CyclicLR(o, 0.1, 0.5, 3, mode="triangular2"),
        [
            0.1,
            0.2333333333333334,
            0.3666666666666666,
            0.5,
            0.3666666666666668,
            0.23333333333333323,
            0.1,
            0.1666666666666668,
            0.23333333333333323,
            0.30000000000000004,
            0.23333333333333323,
            0.1666666666666668,
        ],
    ),
    (
        lambda o: lr.CyclicLR(o, 0.1, 0.5, 3, mode="exp_range", gamma=0.97),
        [
            0.1,
            0.2293333333333334,
            0.3509066666666666,
            0.46506919999999996,
            0.3360780826666667,
            0.2144978700933332,
            0.1,
            0.2077310459708175,
            0.3089982291833854,
            0.40409242346182606,
            0.2966464338386473,
            0.19537352041174422,
        ],
    ),
    (
        lambda o: lr.CyclicLR(o, 0.1, 0.5, 3, scale_fn=lambda x: 0.5**x, scale_mode="iterations"),
        [
            0.1,
            0.16666666666666669,
            0.16666666666666666,
            0.15000000000000002,
            0.11666666666666668,
            0.10416666666666667,
            0.1,
            0.10104166666666667,
            0.10104166666666667,
            0.10078125,
            0.10026041666666667,
            0.10006510416666667,
        ],
    ),
    (
        lambda o: lr.OneCycleLR(o, 0.8, total_steps=12),
        [
            0.03200000000000003,
            0.2798317233756664,
            0.703428127297703,
            0.7955323483607295,
            0.7464103758731294,
            0.6493965231598104,
            0.5179031981560827,
            0.37010968213358003,
            0.22644879856695938,
            0.10678202415106448,
            0.02765358994031618,
            3.2e-06,
        ],
    ),
    (
        lambda o: lr.OneCycleLR(
            o, 0.8, epochs=3, steps_per_epoch=4, three_phase=True, anneal_strategy="linear"
        ),
        [
            0.032,
            0.3273846153846155,
            0.622769230769231,
            0.6818461538461538,
            0.38646153846153836,
            0.09107692307692294,
            0.027586648275862068,
            0.022069958620689653,
            0.01655326896551724,
            0.011036579310344827,
            0.005519889655172416,
            3.2000000000018125e-06,
        ],
    ),
    (
        lambda o: lr.ChainedScheduler([lr.ConstantLR(o, 0.1, 3), lr.ExponentialLR(o, 0.9)]),
        [
            0.06999999999999999,
            0.063,
            0.0567,
            0.5103,
            0.45927,
            0.413343,
            0.3720087,
            0.33480783000000003,
            0.301327047,
            0.2711943423,
            0.24407490807,
            0.21966741726300001,
        ],
    ),
    (
        lambda o: lr.SequentialLR(
            o, [lr.LinearLR(o), lr.CosineAnnealingWarmRestarts(o, 4, 2, 0.02)], [4]
        ),
        [
            0.2333333333333333,
            0.32666666666666666,
            0.42000000000000004,
            0.5133333333333334,
            0.7,
            0.6004163056034261,
            0.36,
            0.11958369439657386,
            0.7,
            0.6741190410538375,
            0.6004163056034261,
            0.4901123670041305,
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


@pytest.mark.parametrize("place", range(len(RATES)))
def test_a_run_goes_on_from_its_state(place: int) -> None:
    with kb.Context("small"):
        make = RATES[place][0]
        first, second = two_groups(), two_groups()
        one, two = make(first), make(second)
        for _ in range(5):
            one.step()
        two.load_state_dict(one.state_dict())
        second.load_state_dict(first.state_dict())
        one.step(), two.step()
        assert one.get_last_lr() == two.get_last_lr() == [g["lr"] for g in second.param_groups]
        later = lr.StepLR(second, 4, last_epoch=5)
        assert later.last_epoch == 6 and later.get_last_lr() == one.get_last_lr()


# What torch gives at the epochs 5, 1 and 9, when they are told.
CLOSED: list[tuple[Callable[[Any], lr.LRScheduler], list[float]]] = [
    (lambda o: lr.StepLR(o, 3, 0.3), [0.21, 0.7, 0.018899999999999997]),
    (
        lambda o: lr.MultiStepLR(o, [2, 5, 5, 9], 0.2),
        [0.005600000000000001, 0.7, 0.0011200000000000001],
    ),
    (lambda o: lr.ConstantLR(o, 0.3, 4), [0.7, 0.21, 0.7]),
    (lambda o: lr.LinearLR(o, 0.1, 0.9, 6), [0.5366666666666666, 0.16333333333333333, 0.63]),
    (lambda o: lr.ExponentialLR(o, 0.93), [0.48698185851000014, 0.651, 0.3642877580919413]),
    (lambda o: lr.PolynomialLR(o, 7, 1.7), [0.0832113110412049, 0.5386274687400554, 0.0]),
    (lambda o: lr.CosineAnnealingLR(o, 5, 0.01), [0.01, 0.6341108630593568, 0.6341108630593568]),
    (
        lambda o: lr.CosineAnnealingWarmRestarts(o, 2, 2, 0.01),
        [0.11104816049064112, 0.355, 0.487025784165956],
    ),
    (lambda o: lr.CosineAnnealingWarmRestarts(o, 2), [0.35, 0.35, 0.35]),
    (lambda o: lr.LambdaLR(o, lambda e: 0.9**e), [0.413343, 0.63, 0.27119434230000006]),
]


@pytest.mark.parametrize(("make", "rates"), CLOSED)
def test_an_epoch_that_is_told(make: Callable[[Any], lr.LRScheduler], rates: list[float]) -> None:
    with kb.Context("small"):
        schedule = make(two_groups())
        found = []
        falls = isinstance(schedule, lr.CosineAnnealingWarmRestarts)  # it takes epochs for good
        for epoch in (5, 1, 9):
            with nullcontext() if falls else pytest.warns(UserWarning, match="being deprecated"):
                schedule.step(epoch)
            found.append(schedule.get_last_lr()[1])
        assert found == rates and schedule.last_epoch == 9
        with pytest.warns(UserWarning, match="please use `get_last_lr"):
            schedule.get_lr()


@pytest.mark.parametrize(
    ("options", "falls"),  # by how many halves the rate is lower after each figure
    [
        ({}, [0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3]),
        ({"mode": "max"}, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
        (
            {"threshold": 0.02, "threshold_mode": "abs", "cooldown": 1},
            [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3],
        ),
        (
            {"mode": "max", "threshold_mode": "abs", "min_lr": [0.01, 0.175]},
            [0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2],
        ),
    ],
)
def test_a_rate_falls_when_nothing_gets_better(options: dict[str, Any], falls: list[int]) -> None:
    figures = [3.0, 2.5, 2.495, 2.49, 2.489, 2.3, 2.31, 2.32, 2.33, 2.34, 2.35, 2.36]
    with kb.Context("small"):
        schedule = lr.ReduceLROnPlateau(two_groups(), factor=0.5, patience=1, **options)
        found = []
        for figure in figures:
            schedule.step(torch.tensor(figure, dtype=torch.float64))
            found.append(schedule.get_last_lr()[1])
        assert found == [0.7 / 2**times for times in falls]
        other = lr.ReduceLROnPlateau(two_groups())
        other.load_state_dict(schedule.state_dict())
        assert other.__dict__ == {**schedule.__dict__, "optimizer": other.optimizer}


class Called:
    """A function with a state."""

    def __init__(self) -> None:
        self.times = 3

    def __call__(self, epoch: int) -> float:
        return 1 / (epoch + self.times)


@pytest.mark.parametrize(
    "make",
    [
        lambda o, f: lr.LambdaLR(o, [f, lambda e: 1.0]),
        lambda o, f: lr.MultiplicativeLR(o, f),
        lambda o, f: lr.CyclicLR(o, 0.1, 0.5, scale_fn=f),
    ],
)
def test_a_function_s_own_state_is_kept(make: Any) -> None:
    with kb.Context("small"):
        first, second = Called(), Called()
        first.times = 5
        one, two = make(two_groups(), first), make(two_groups(), second)
        two.load_state_dict(one.state_dict())
        assert second.times == 5 and "optimizer" not in one.state_dict()


class Warmup(lr._LRScheduler):
    """A schedule as scripts write them."""

    def __init__(self, optimizer: Any, steps: int, last_epoch: int = -1) -> None:
        self.steps = steps
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch < self.steps:
            return [rate * (self.last_epoch + 1) / self.steps for rate in self.base_lrs]
        return [group["lr"] * 0.5 for group in self.optimizer.param_groups]


def test_a_schedule_of_the_script_s_own() -> None:
    with kb.Context("small"):
        schedule = Warmup(two_groups(), 2)
        found = []
        for _ in range(4):
            found.append(schedule.get_last_lr()[1])
            schedule.step()
        assert found == [0.35, 0.7, 0.35, 0.175]
        with pytest.raises(NotImplementedError):
            lr.LRScheduler(two_groups())


def step_twice(schedule: lr.LRScheduler) -> None:
    schedule.step(), schedule.step()


def test_momentum_goes_the_other_way() -> None:
    with kb.Context("small"):
        weight = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.Adam([weight])
        schedule = lr.OneCycleLR(optimizer, 0.1, total_steps=10, anneal_strategy="linear")
        betas = []
        for _ in range(9):
            schedule.step()
            betas.append(optimizer.param_groups[0]["betas"][0])
        assert betas[1] == 0.85 and betas[-1] == 0.95 and betas[4] == 0.85 + 3 / 7 * (0.95 - 0.85)
        assert abs(schedule.get_last_lr()[0] * 1e4 / (0.1 / 25) - 1) < 1e-10


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
        (lambda o: lr.ChainedScheduler([]), ValueError, "at least one scheduler"),
        (
            lambda o: lr.ChainedScheduler([lr.ReduceLROnPlateau(o)]),
            ValueError,
            "does not support `ReduceLROnPlateau`",
        ),
        (lambda o: lr.ChainedScheduler([lr.StepLR(o, 1)]).step(3), TypeError, "takes no epoch"),
        (lambda o: lr.ReduceLROnPlateau(o, factor=1.0), ValueError, "should be < 1.0"),
        (lambda o: lr.ReduceLROnPlateau(o, "most"), ValueError, "mode most is unknown"),
        (lambda o: lr.ReduceLROnPlateau(o, threshold_mode="r"), ValueError, "mode r is unknown"),
        (lambda o: lr.ReduceLROnPlateau(o, min_lr=[1]), ValueError, "expected 2 min_lrs, got 1"),
        (
            lambda o: lr.MultiplicativeLR(o, cast(Any, 3)),
            TypeError,
            "should be a function, but got int",
        ),
        (lambda o: lr.CosineAnnealingWarmRestarts(o, 0), ValueError, "positive integer T_0"),
        (lambda o: lr.CosineAnnealingWarmRestarts(o, 2, 0), ValueError, "integer T_mult >= 1"),
        (lambda o: lr.CosineAnnealingWarmRestarts(o, 2, 1, "0"), ValueError, "int eta_min"),
        (lambda o: lr.CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "non-negative"),
        (lambda o: lr.CyclicLR(o, 0.1, 0.2, mode="saw"), ValueError, "mode is invalid"),
        (lambda o: lr.CyclicLR(o, [0.1], 0.2), ValueError, "base_lr has 1 values, .* has 2"),
        (lambda o: lr.OneCycleLR(o, 0.1), ValueError, "either total_steps OR"),
        (lambda o: lr.OneCycleLR(o, 0.1, 0), ValueError, "positive integer total_steps"),
        (lambda o: lr.OneCycleLR(o, 0.1, None, 2, 0), ValueError, "integer steps_per_epoch"),
        (lambda o: lr.OneCycleLR(o, 0.1, 9, pct_start=2), ValueError, "between 0 and 1 pct_start"),
        (lambda o: lr.OneCycleLR(o, 0.1, 9, anneal_strategy="no"), ValueError, "'cos' or 'lin"),
        (
            lambda o: step_twice(lr.OneCycleLR(o, 0.1, 1)),
            ValueError,
            "Tried to step 2 times",
        ),
        (lambda o: lr.OneCycleLR(cast(Any, None), 0.1), TypeError, "NoneType is not an Optimizer"),
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
