"""The embedding whose rows are split over the tensor group (ADR-0027 D3, D4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernbench.runtime.dispatch import call
from kernbench.tp.config import ModelParallelConfig
from kernbench.tp.mappings import (
    reduce_from_tensor_model_parallel_region,
    reduce_scatter_to_sequence_parallel_region,
)
from kernbench.tp.split_layer import SplitLayer
from kernbench.tp.utils import VocabUtility

__all__ = ["VocabParallelEmbedding"]


class VocabParallelEmbedding(SplitLayer):
    """A table of rows, split by rows over the ranks.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        Of the whole table.
    reduce_scatter_embeddings : bool
        Return this rank's part of the sequence, shape ``(s / tp, b, h)``, instead of ``(b, s, h)``.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        init_method: Callable[[Any], Any],
        reduce_scatter_embeddings: bool = False,
        config: ModelParallelConfig,
        tp_group: Any = None,
        pg_collection: Any = None,
    ) -> None:
        super().__init__(config, tp_group, False)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.reduce_scatter_embeddings = reduce_scatter_embeddings
        self.vocab_start_index, self.vocab_end_index = (
            VocabUtility.vocab_range_from_global_vocab_size(
                num_embeddings, self.rank, self.world_size
            )
        )
        self.num_embeddings_per_partition = self.vocab_end_index - self.vocab_start_index
        self._make_weight((num_embeddings, embedding_dim), 0, init_method, 1, False)

    def forward(self, input_: Any) -> Any:
        """Return the rows whose numbers `input_`, of shape ``(b, s)``, holds."""
        if self.world_size > 1:
            elsewhere = (input_ < self.vocab_start_index) | (input_ >= self.vocab_end_index)
            own = call("where", elsewhere, 0, input_ - self.vocab_start_index)
            rows = call("embedding", own, self.weight)
            rows = call("where", elsewhere.unsqueeze(-1), 0.0, rows)
        else:
            rows = call("embedding", input_, self.weight)
        if self.reduce_scatter_embeddings:
            return reduce_scatter_to_sequence_parallel_region(
                rows.transpose(0, 1).contiguous(), self.tp_group
            )
        return reduce_from_tensor_model_parallel_region(rows, self.tp_group)
