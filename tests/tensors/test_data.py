"""Data sets, samplers and loaders; what torch draws is in ``facts.txt``."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator

import numpy as np
import pytest

import kernbench.torch as torch
from kernbench.torch.utils.data import (
    ChainDataset,
    ConcatDataset,
    DataLoader,
    DistributedSampler,
    IterableDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
    default_convert,
    get_worker_info,
    random_split,
)


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("n", [1, 4, 9, 10, 12])
def test_ranks_share_all_items(n: int, drop_last: bool) -> None:
    parts = [
        list(DistributedSampler(range(n), 4, rank, seed=2, drop_last=drop_last))
        for rank in range(4)
    ]
    lengths = {len(part) for part in parts}
    assert lengths == {n // 4 if drop_last else -(-n // 4)}
    taken = {each for part in parts for each in part}
    assert len(taken) == (n // 4 * 4 if drop_last else n)


def test_an_epoch_is_another_order_for_all() -> None:
    first, second = (DistributedSampler(range(20), 2, rank) for rank in range(2))
    orders = []
    for epoch in range(3):
        first.set_epoch(epoch)
        second.set_epoch(epoch)
        assert sorted([*first, *second]) == list(range(20))
        orders.append(list(first))
    assert orders[0] != orders[1] != orders[2]
    with pytest.raises(
        ValueError, match=r"Invalid rank 2, rank should be in the interval \[0, 1\]"
    ):
        DistributedSampler(range(20), 2, 2)


def test_items_become_batches() -> None:
    Pair = namedtuple("Pair", ["x", "y"])
    items = [{"pair": Pair(i, [i / 2, "ab"[i % 2]]), "row": np.full(2, i)} for i in range(3)]
    whole, rest = DataLoader(items, batch_size=2)
    assert isinstance(whole["pair"], Pair) and whole["pair"].x.tolist() == [0, 1]
    assert whole["pair"].y[0].dtype is torch.float64 and whole["pair"].y[1] == ("a", "b")
    assert whole["row"].tolist() == [[0, 0], [1, 1]] and rest["row"].tolist() == [[2, 2]]
    assert len(DataLoader(items, 2)) == 2 and len(DataLoader(items, 2, drop_last=True)) == 1
    with pytest.raises(TypeError, match="default_collate: batch must contain"):
        list(DataLoader([object()]))
    with pytest.raises(RuntimeError, match="equal size"):
        list(DataLoader([[1], [1, 2]], 2))


def test_a_data_set_with_an_order_of_its_own() -> None:
    class Count(IterableDataset[int]):
        def __iter__(self) -> Iterator[int]:
            return iter(range(5))

        def __len__(self) -> int:
            return 5

    loader = DataLoader(Count(), batch_size=2, drop_last=True)
    assert [each.tolist() for each in loader] == [[0, 1], [2, 3]] and len(loader) == 2
    assert list(DataLoader(Count(), batch_size=None)) == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="IterableDataset: expected unspecified shuffle"):
        DataLoader(Count(), shuffle=True)


def test_parts_of_data_sets() -> None:
    rows = TensorDataset(torch.arange(4), torch.arange(4) * 10)
    both = ConcatDataset([rows, Subset(rows, [3, 1])])
    assert [each[1].item() for each in (both[0], both[5], both[-2])] == [0, 10, 30]
    with pytest.raises(ValueError, match="absolute value of index"):
        both[-7]
    parts = random_split(range(10), [0.25, 0.75])  # type: ignore[arg-type]
    assert [len(part) for part in parts] == [3, 7]
    assert sorted([*parts[0], *parts[1]]) == list(range(10))  # type: ignore[misc]
    with pytest.raises(ValueError, match="Sum of input lengths"):
        random_split(rows, [1, 2])
    with pytest.raises(AssertionError, match="Size mismatch"):
        TensorDataset(torch.zeros(2), torch.zeros(3))


class Count(IterableDataset[int]):
    """Numbers up to a number."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self) -> Iterator[int]:
        assert get_worker_info() is None
        return iter(range(self.n))

    def __len__(self) -> int:
        return self.n


def test_weights_decide_what_is_drawn() -> None:
    """What torch draws for the same seed."""
    torch.manual_seed(3)
    sampler = WeightedRandomSampler([0.1, 0.9, 0.5, 0.2, 0.3, 0.3, 1, 0], 10)
    assert list(sampler) == [1, 1, 6, 1, 6, 5, 1, 2, 2, 6] and len(sampler) == 10
    assert sorted(WeightedRandomSampler([1.0] * 8, 8, replacement=False)) == list(range(8))
    for weights, n, replacement, message in (
        ([1.0], 0, True, "positive integer value, but got num_samples=0"),
        ([[1.0]], 2, True, r"weights have shape \(1, 1\)"),
        ([1.0], 2, 3, "replacement should be a boolean value, but got replacement=3"),
    ):
        with pytest.raises(ValueError, match=message):
            WeightedRandomSampler(weights, n, replacement)  # type: ignore[arg-type]


def test_sets_with_an_order_of_their_own_in_a_chain() -> None:
    chain = Count(3) + Count(2)
    assert isinstance(chain, ChainDataset) and len(chain) == 5
    assert [batch.tolist() for batch in DataLoader(chain, batch_size=2)] == [[0, 1], [2, 0], [1]]
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(ChainDataset([TensorDataset(torch.ones(1))]))


def test_items_without_batches_are_converted_and_collated() -> None:
    assert list(DataLoader([1, 2], batch_size=None, collate_fn=lambda x: x * 10)) == [10, 20]
    assert list(DataLoader(Count(2), batch_size=None, collate_fn=str)) == ["0", "1"]
    (found,) = DataLoader([(np.ones(2, np.float32), {"a": np.int64(3), "b": "s"})], batch_size=None)
    assert torch.equal(found[0], torch.ones(2)) and found[1]["a"].dtype == torch.int64
    assert found[1]["b"] == "s"
    pair = namedtuple("pair", ["x", "y"])
    assert default_convert(pair(np.zeros(1), 2)) == pair(torch.zeros(1), 2)
    assert default_convert(np.array("q")) == "q"
