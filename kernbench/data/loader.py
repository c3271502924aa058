"""``DataLoader``: batches of a data set."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from kernbench.data.datasets import Dataset, IterableDataset
from kernbench.data.samplers import BatchSampler, RandomSampler, SequentialSampler, drawn_seed
from kernbench.runtime.dispatch import call
from kernbench.runtime.dtypes import BY_NAME
from kernbench.runtime.tensor import Tensor

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]


def default_collate(batch: Sequence[Any]) -> Any:
    """Put items together: tensors and numbers become tensors with one dimension more.

    Examples
    --------
    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return call("stack", list(batch))
    if isinstance(first, (np.ndarray, np.generic)):
        return call("stack", [call("as_tensor", each) for each in batch])
    if isinstance(first, float):
        return call("tensor", list(batch), dtype=BY_NAME["float64"])
    if isinstance(first, int):
        return call("tensor", list(batch))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return {key: default_collate([each[key] for each in batch]) for key in first}
    if isinstance(first, (tuple, list)):
        if any(len(each) != len(first) for each in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [default_collate(column) for column in zip(*batch, strict=True)]
        if isinstance(first, tuple) and hasattr(first, "_fields"):
            return type(first)(*columns)
        return columns
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}"
    )


def default_convert(data: Any) -> Any:
    """Make tensors of NumPy's arrays and numbers, however deep they lie; leave the rest."""
    if isinstance(data, (np.ndarray, np.generic)):
        kind = np.asarray(data).dtype.kind
        return data if kind in "SUO" else call("as_tensor", data)
    if isinstance(data, Mapping):
        return {key: default_convert(each) for key, each in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, (tuple, list)):
        return [default_convert(each) for each in data]
    return data


def get_worker_info() -> None:
    """Return None: items are fetched in the rank itself, and not by a worker."""


class DataLoader:
    """Yield a data set in batches, as ``torch.utils.data.DataLoader``.

    Parameters
    ----------
    dataset : Dataset
        Of items by index, or in an order of its own.
    batch_size : int or None
        Items of a batch; None yields the items themselves.
    shuffle : bool
        In an order drawn anew each time.
    sampler, batch_sampler : iterable, optional
        The indices of items, or of batches.
    collate_fn : callable, optional
        Makes a batch of a list of items, :func:`default_collate` unless told; without batches, of
        an item, :func:`default_convert` unless told.
    drop_last : bool
        Leave out a last batch that is not full.
    generator : Generator, optional
        Chance; the rank's own unless told.
    num_workers, pin_memory, timeout, worker_init_fn, prefetch_factor, persistent_workers, \
multiprocessing_context, pin_memory_device, in_order
        Accepted: items are fetched in the rank itself, which costs no simulated time.

    Examples
    --------
    >>> [batch.tolist() for batch in DataLoader(range(5), batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Any = None,
        batch_sampler: Any = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        self._by_index = not isinstance(dataset, IterableDataset)
        if not self._by_index and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError(
                "DataLoader with IterableDataset: expected unspecified shuffle and sampler option, "
                f"but got shuffle={shuffle}, sampler={sampler}"
            )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                    "and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with "
                "drop_last"
            )
        if sampler is None and self._by_index:
            sampler = (
                RandomSampler(dataset, generator=generator)
                if shuffle
                else SequentialSampler(dataset)
            )
        if batch_size is not None and self._by_index:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset: Dataset[Any] = dataset
        self.batch_size, self.drop_last, self.generator = batch_size, drop_last, generator
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.num_workers, self.pin_memory = num_workers, pin_memory
        alone = batch_size is None and batch_sampler is None
        self.collate_fn = collate_fn or (default_convert if alone else default_collate)

    def __iter__(self) -> Iterator[Any]:
        drawn_seed(self.generator)  # torch draws one for its workers, also where there are none
        if not self._by_index:
            yield from self._in_its_order()
        elif self.batch_sampler is not None:
            for indices in self.batch_sampler:
                yield self.collate_fn([self.dataset[index] for index in indices])
        else:
            for index in self.sampler:
                yield self.collate_fn(self.dataset[index])

    def _in_its_order(self) -> Iterator[Any]:
        items: Iterator[Any] = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn, items)
            return
        while batch := list(itertools.islice(items, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield self.collate_fn(batch)

    def __len__(self) -> int:
        if self._by_index:
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)
        n = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
