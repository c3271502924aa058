"""Tensors: a dtype, a shape and strides over one virtual range of the machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kernbench.language import dtypes as tl
from kernbench.runtime import numpy_dtypes
from kernbench.runtime.placement import Placement

if TYPE_CHECKING:
    from kernbench.runtime.context import Context
    from kernbench.runtime.handle import Handle

__all__ = ["Storage", "Tensor"]


class Storage:
    """One mapped range; given back to the machine when the last tensor over it goes."""

    def __init__(
        self,
        context: Context,
        va: int,
        nbytes: int,
        sip: int,
        place: Placement,
        keep: bool,
    ) -> None:
        self.context = context
        self.engine = context._engine
        self.va = va
        self.nbytes = nbytes
        self.sip = sip
        self.placement = place
        self.keep = keep  # has bytes even without data, until a kernel writes them
        self.writer: Handle | None = None  # the last launch that was given it

    def __del__(self) -> None:
        # The engine may be busy, or this thread may be another one: the context unmaps later.
        self.context._unmap_later(self.engine, self.sip, self.va)


class Tensor:
    """An array on the simulated machine.

    Made by a context (``ctx.tensor``, ``ctx.zeros`` ...), never directly.  ``stride()`` counts
    elements, as in torch.  Views share their storage.

    Examples
    --------
    >>> import kernbench as kb
    >>> with kb.Context(kb.Topology.preset("small")) as ctx:
    ...     x = ctx.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=kb.float32)
    ...     x.shape, x.T.numpy().tolist()
    ((2, 2), [[1.0, 3.0], [2.0, 4.0]])
    """

    def __init__(
        self,
        storage: Storage,
        dtype: tl.dtype,
        shape: Sequence[int],
        strides: Sequence[int] | None = None,
        offset: int = 0,
    ) -> None:
        self._storage = storage
        self._offset = offset  # elements
        self._strides = tuple(dense_strides(shape) if strides is None else strides)
        self.dtype = dtype
        self.shape = tuple(shape)

    # --- what it is ------------------------------------------------------------------------------

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.ndim

    def size(self, dim: int | None = None) -> int | tuple[int, ...]:
        """Return the shape, or the size of one dimension."""
        return self.shape if dim is None else self.shape[dim]

    def stride(self, dim: int | None = None) -> int | tuple[int, ...]:
        """Return the strides in elements, or that of one dimension."""
        return self._strides if dim is None else self._strides[dim]

    def numel(self) -> int:
        """Count the elements."""
        return math.prod(self.shape)

    def element_size(self) -> int:
        """Return the bytes of an element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.numel() * self.dtype.itemsize

    def data_ptr(self) -> int:
        """Return the virtual address of the first element."""
        return self._storage.va + self._offset * self.dtype.itemsize

    @property
    def placement(self) -> Placement:
        """How its bytes are spread over the machine."""
        return self._storage.placement

    @property
    def sip(self) -> int:
        """The SIP in whose memory it lies."""
        return self._storage.sip

    def is_contiguous(self) -> bool:
        """Tell whether the elements lie row-major without gaps."""
        return self._strides == dense_strides(self.shape) or self.numel() <= 1

    # --- views ------------------------------------------------------------------------------------

    def view(self, *shape: Any) -> Tensor:
        """View the same elements under another shape; one size may be -1.

        Raises
        ------
        RuntimeError
            When the elements do not fit the shape, or do not lie row-major.
        """
        wanted = _resolve(_as_sizes(shape), self)
        if not self.is_contiguous():
            raise RuntimeError(
                f"view: expected a contiguous tensor, got shape {self.shape} with strides "
                f"{self._strides}; make a contiguous one first"
            )
        return Tensor(self._storage, self.dtype, wanted, None, self._offset)

    def reshape(self, *shape: Any) -> Tensor:
        """View as :meth:`view` does: a reshape that would have to copy is refused."""
        return self.view(*shape)

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Return a view with two dimensions exchanged."""
        order = list(range(self.ndim))
        order[dim0], order[dim1] = order[dim1], order[dim0]
        return self.permute(*order)

    def permute(self, *dims: int) -> Tensor:
        """Return a view with the dimensions in another order."""
        if sorted(d % self.ndim for d in dims) != list(range(self.ndim)):
            raise RuntimeError(f"permute: expected each of {self.ndim} dimensions once, got {dims}")
        return Tensor(
            self._storage,
            self.dtype,
            [self.shape[d] for d in dims],
            [self._strides[d] for d in dims],
            self._offset,
        )

    @property
    def T(self) -> Tensor:
        """A view with the dimensions reversed."""
        return self.permute(*reversed(range(self.ndim)))

    def __getitem__(self, index: Any) -> Tensor:
        """Index by integers, slices, ``...`` and None: a view."""
        # NumPy's own rules, on an array that has our strides and no memory.
        size = self.dtype.itemsize
        ghost = np.lib.stride_tricks.as_strided(
            np.empty(0, dtype=f"V{size}"), self.shape, [s * size for s in self._strides]
        )
        part = ghost[index]
        if not isinstance(part, np.ndarray):
            part = ghost[(*_as_tuple(index), ...)]
        if part.size and part.base is None:
            raise TypeError("indexing: expected integers, slices, None and ..., got an index array")
        moved = part.__array_interface__["data"][0] - ghost.__array_interface__["data"][0]
        return Tensor(
            self._storage,
            self.dtype,
            part.shape,
            [s // size for s in part.strides],
            self._offset + moved // size,
        )

    # --- host reads (they wait for the machine, and replay) --------------------------------------

    def numpy(self, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """Return the values as a read-only array: a host read.

        Waits for the current stream, copies over the host link in simulated time, and replays the
        op log up to now.  Without ``dtype`` the array is a zero-copy view of the machine's memory.

        Raises
        ------
        DataUnavailableError
            In a context of timing alone (``data=False``).
        UninitialisedReadError
            When an element was never written and the context says ``uninit="error"``.
        """
        raw = self._storage.context._read(self)
        if dtype is None:
            flat = raw.view(numpy_dtypes.to_numpy(self.dtype))
        else:
            flat = numpy_dtypes.from_bytes(raw, self.dtype, dtype)
        first = self._offset - self._span()[0]
        strides = [s * flat.itemsize for s in self._strides]
        array = np.ndarray(self.shape, flat.dtype, flat, first * flat.itemsize, strides)
        array.flags.writeable = False
        return array

    def tolist(self) -> Any:
        """Return the values as nested lists of Python numbers: a host read."""
        values = self.numpy() if self.dtype.name in _NUMPY_NAMES else self.numpy("float32")
        return values.tolist()

    def item(self) -> Any:
        """Return the value of a tensor of one element: a host read."""
        if self.numel() != 1:
            raise RuntimeError(
                f"a Tensor with {self.numel()} elements cannot be converted to Scalar"
            )
        return self.view(1).tolist()[0] if self.is_contiguous() else self.tolist()

    def _span(self) -> tuple[int, int]:
        """Return the first element and one past the last that the tensor touches."""
        if self.numel() == 0:
            return self._offset, self._offset
        reach = [(n - 1) * s for n, s in zip(self.shape, self._strides, strict=True)]
        low = self._offset + sum(r for r in reach if r < 0)
        high = self._offset + sum(r for r in reach if r > 0)
        return low, high + 1

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        values = self.numpy()
        return values.astype(dtype) if dtype is not None else np.array(values)

    def __repr__(self) -> str:
        return f"Tensor(shape={self.shape}, dtype={self.dtype}, placement={self.placement})"


_NUMPY_NAMES = frozenset(
    dtype.name for dtype in tl.DTYPES if dtype.name != "bf16" and not dtype.is_fp8()
)


def dense_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides in elements."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def _as_sizes(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """``(2, 3)`` of ``view(2, 3)`` and of ``view((2, 3))``."""
    return tuple(shape[0]) if len(shape) == 1 and not hasattr(shape[0], "__index__") else shape


def _as_tuple(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def _resolve(shape: Sequence[int], tensor: Tensor) -> tuple[int, ...]:
    known = math.prod(size for size in shape if size != -1)
    wanted = tuple(shape)
    if wanted.count(-1) == 1 and known:
        wanted = tuple(tensor.numel() // known if size == -1 else size for size in wanted)
    if -1 in wanted or math.prod(wanted) != tensor.numel():
        raise RuntimeError(f"shape '{list(shape)}' is invalid for input of size {tensor.numel()}")
    return wanted
