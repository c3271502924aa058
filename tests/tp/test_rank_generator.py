"""Which ranks form a group, against counting by hand (ADR-0027 D2)."""

from __future__ import annotations

import itertools
import random

import pytest

from kernbench.tp.rank_generator import RankGenerator

NAMES = ("tp", "pp", "dp", "ep", "cp")


def counted(
    sizes: dict[str, int], order: list[str], wanted: list[str], offset: int
) -> list[list[int]]:
    """Give each rank its coordinates, and put those together that differ only in `wanted`."""
    groups: dict[tuple[int, ...], list[int]] = {}
    coordinates = itertools.product(*(range(sizes[name]) for name in reversed(order)))
    for rank, place in enumerate(coordinates):
        at = dict(zip(reversed(order), place, strict=True))
        key = tuple(at[name] for name in reversed(order) if name not in wanted)
        groups.setdefault(key, []).append(rank + offset)
    return [groups[key] for key in sorted(groups)]


@pytest.mark.parametrize("seed", range(60))
def test_against_counting(seed: int) -> None:
    draw = random.Random(seed)
    sizes = {name: draw.choice([1, 1, 2, 3, 4]) for name in NAMES}
    sizes[draw.choice(["ep", "cp"])] = 1
    order = list(NAMES)
    draw.shuffle(order)
    offset = draw.choice([0, 5])
    grid = RankGenerator(**sizes, order="-".join(order), rank_offset=offset)
    for count in (1, 2, 3):
        wanted = draw.sample(NAMES, count)
        assert grid.get_ranks("-".join(wanted)) == counted(sizes, order, wanted, offset)


@pytest.mark.parametrize(
    ("sizes", "token", "expected"),
    [
        ({"tp": 4, "dp": 2}, "tp", [[0, 1, 2, 3], [4, 5, 6, 7]]),
        ({"tp": 2, "pp": 4, "dp": 2}, "pp", [[i, i + 4, i + 8, i + 12] for i in range(4)]),
        ({"tp": 2, "pp": 4, "dp": 2}, "dp", [[i, i + 2] for i in (0, 1, 4, 5, 8, 9, 12, 13)]),
    ],
)  # fmt: skip
def test_groups_that_megatron_documents(
    sizes: dict[str, int], token: str, expected: list[list[int]]
) -> None:
    sizes = {name: sizes.get(name, 1) for name in NAMES}
    assert RankGenerator(**sizes, order="tp-cp-ep-dp-pp").get_ranks(token) == expected


def test_big_jobs_need_no_processes() -> None:
    grid = RankGenerator(tp=8, ep=1, dp=84, pp=16, cp=1, order="tp-cp-ep-dp-pp")
    assert grid.world_size == 10752
    groups = grid.get_ranks("tp-pp")
    assert len(groups) == 84
    assert sorted(rank for group in groups for rank in group) == list(range(10752))


def test_what_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"The size of \(pp\) is \(2\)"):
        RankGenerator(tp=2, ep=1, dp=2, pp=2, cp=1, order="tp-dp")
    with pytest.raises(AssertionError, match="ep or cp"):
        RankGenerator(tp=1, ep=2, dp=1, pp=1, cp=2, order="tp-cp-ep-dp-pp")
    with pytest.raises(RuntimeError, match="each once"):
        RankGenerator(tp=1, ep=1, dp=1, pp=1, cp=1, order="tp-xp")
    with pytest.raises(RuntimeError, match="tp of at least 1, got 0"):
        RankGenerator(tp=0, ep=1, dp=1, pp=1, cp=1, order="tp")
    grid = RankGenerator(tp=2, ep=1, dp=2, pp=1, cp=1, order="tp-dp")
    with pytest.raises(ValueError, match="joined by '-'"):
        grid.get_ranks("tp_dp")
    with pytest.raises(NotImplementedError, match="gtp_remat"):
        RankGenerator(tp=1, ep=1, dp=1, pp=1, cp=1, order="tp", gtp_remat=2)
