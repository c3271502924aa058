"""Host reads: the closed registry of what shows values to Python (ADR-0027 D0.5).

Each waits, in its rank alone, for the rank's current stream and the tensor's last writer, and
replays up to then: :meth:`Context._read`.  Nothing derives the registry: what reads is entered
here, and a test calls every member of the class, and compares.
"""

from __future__ import annotations

from kernbench.runtime.words import words

__all__ = ["CONDITIONAL_BARRIERS", "HOST_READ_BARRIERS", "STAGED_BARRIERS"]

HOST_READ_BARRIERS = frozenset(
    {
        "__array__",
        "__bool__",
        "__complex__",
        "__contains__",
        "__float__",
        "__format__",
        "__index__",
        "__int__",
        "__repr__",
        "__str__",
        "_host",
        "_scalar",
        "_values",
        "argwhere",
        "cpu",
        "is_nonzero",
        "item",
        "nonzero",
        "numpy",
        "tolist",
    }
)
"""They read whenever they are called on a tensor of the device that has one element."""

CONDITIONAL_BARRIERS = frozenset({"__getitem__", "__iter__", "__setitem__", "copy_", "data", "to"})
"""They read only when values reach the host by them: ``copy_`` its source when the target lies in
host memory, indexing when the index is a boolean mask, iteration of a 0-d tensor.  The target of
``copy_`` is no barrier."""

STAGED_BARRIERS = frozenset(
    words(
        """
        argsort bernoulli bincount erfinv heaviside heaviside_ histc lgamma lgamma_ median mode
        msort nextafter nextafter_ sort unique unique_consecutive where
        """
    )
)
"""Operations without a kernel: on tensors of the machine they are done on the host, over its link,
both ways in simulated time (``where`` with a condition alone)."""
