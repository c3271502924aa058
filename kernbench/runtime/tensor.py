"""Tensors: a dtype, a shape and strides over a range of the machine's memory, or of the host's.

What a tensor *is* stands here, and how values reach Python; what can be done with it is in the
table of :mod:`kernbench.runtime.dispatch`, under the names that ``methods.py`` gives the class.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kernbench.runtime import dtypes, numpy_dtypes
from kernbench.runtime.devices import device
from kernbench.runtime.dispatch import call
from kernbench.runtime.geometry import dense_strides, is_contiguous, wrap_dim
from kernbench.runtime.methods import install
from kernbench.runtime.placement import Placement
from kernbench.runtime.printing import text_of
from kernbench.runtime.size import Size
from kernbench.runtime.storage import HostStorage, Storage

__all__ = ["Tensor", "unpickled"]


class Tensor:
    """An array on the simulated machine, or on the host.

    Tensors that a context makes (``ctx.tensor``, ``ctx.zeros`` ...) lie in the machine's memory,
    those of ``kernbench.torch`` on the host unless told.  ``stride()`` counts elements.  Views
    share their storage.  Called as ``torch.Tensor``, the class makes float32 tensors on the host.

    Examples
    --------
    >>> import kernbench as kb
    >>> with kb.Context(kb.Topology.preset("small")) as ctx:
    ...     x = ctx.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=kb.float32)
    ...     x.shape, x.T.numpy().tolist()
    (torch.Size([2, 2]), [[1.0, 3.0], [2.0, 4.0]])
    """

    _storage: Storage | HostStorage
    _dtype: dtypes.dtype
    _shape: Size
    _strides: tuple[int, ...]
    _offset: int
    # History, which autograd keeps here (kernbench.autograd).
    grad: Tensor | None = None
    grad_fn: Any = None
    retains_grad: bool = False
    _hook_node: Any = None  # a leaf's node, while it has hooks
    _requires_grad: bool = False
    _result_index: int = 0  # which result of grad_fn it is
    _accumulator: Any = None  # a leaf's node, weakly
    _base: Tensor | None = None  # of a view
    _base_history: int = 0  # the base's count below when the view got its history
    _history: int = 0  # recorded operations that wrote to it

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - the class says it
        made = call("Tensor", *args, **kwargs)
        return made if cls is Tensor else made._as(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    @classmethod
    def _over(
        cls,
        storage: Storage | HostStorage,
        kind: dtypes.dtype,
        shape: Sequence[int],
        strides: Sequence[int] | None = None,
        offset: int = 0,
    ) -> Tensor:
        """Make a tensor over a storage; `offset` and `strides` count elements."""
        made: Tensor = object.__new__(cls)
        made._storage = storage
        made._dtype = kind
        made._shape = shape if type(shape) is Size else Size(shape)
        made._strides = dense_strides(shape) if strides is None else tuple(strides)
        made._offset = offset
        return made

    def _as(self, cls: type[Tensor]) -> Tensor:
        """Return the same elements as a tensor of a subclass."""
        return cls._over(self._storage, self._dtype, self._shape, self._strides, self._offset)

    def _view(self, shape: Sequence[int], strides: Sequence[int], offset: int) -> Tensor:
        return Tensor._over(self._storage, self._dtype, shape, strides, offset)

    # --- history ----------------------------------------------------------------------------------

    @property
    def _version(self) -> int:
        """How often its memory was written to: views share the count."""
        return self._storage.version

    @_version.setter
    def _version(self, count: int) -> None:
        self._storage.version = count

    @property
    def requires_grad(self) -> bool:
        """Whether gradients with respect to it are wanted, or to what it was computed from."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted and not (self._dtype.is_floating_point or self._dtype.is_complex):
            raise RuntimeError(
                "only Tensors of floating point and complex dtype can require gradients"
            )
        if self.grad_fn is not None and not wanted:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a "
                "computed variable in a subgraph that doesn't require differentiation use "
                "var_no_grad = var.detach()."
            )
        self._requires_grad = bool(wanted)

    def _bare_view(self) -> Tensor:
        """Return the same elements without history."""
        return self._view(self._shape, self._strides, self._offset)

    def _set_history(self, node: Any, index: int) -> None:
        """Say of which recorded operation it is a result."""
        self.grad_fn, self._result_index, self._requires_grad = node, index, True

    def _forget_history(self) -> None:
        """Make it a leaf that requires no gradient."""
        self.grad_fn, self._requires_grad = None, False

    # --- what it is -------------------------------------------------------------------------------

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of its elements."""
        return self._dtype

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return self._shape

    @property
    def device(self) -> device:
        """Where it lies."""
        return self._storage.device

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self._shape)

    def dim(self) -> int:
        """Return the number of dimensions."""
        return len(self._shape)

    ndimension = dim

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the size of one dimension."""
        return self._shape if dim is None else self._shape[self._real_dim(dim)]

    def stride(self, dim: int | None = None) -> Any:
        """Return the strides in elements, or that of one dimension."""
        return self._strides if dim is None else self._strides[self._real_dim(dim)]

    def _real_dim(self, dim: int) -> int:
        if not self._shape:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        return wrap_dim(dim, self.ndim)

    def storage_offset(self) -> int:
        """Return the place of the first element in its storage, in elements."""
        return self._offset

    def numel(self) -> int:
        """Count the elements."""
        return math.prod(self._shape)

    nelement = numel

    def element_size(self) -> int:
        """Return the bytes of an element."""
        return self._dtype.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self._dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.numel() * self._dtype.itemsize

    def data_ptr(self) -> int:
        """Return the address of the first element: on the machine, or on the host."""
        base = self._storage.data_ptr()
        return base + self._offset * self._dtype.itemsize if base else 0

    def untyped_storage(self) -> Storage | HostStorage:
        """Return what it lies in."""
        return self._storage

    storage = untyped_storage

    @property
    def is_cuda(self) -> bool:
        """Whether it lies on the simulated machine."""
        return type(self._storage) is Storage

    @property
    def is_cpu(self) -> bool:
        """Whether it lies on the host."""
        return type(self._storage) is HostStorage

    def get_device(self) -> int:
        """Return the number of its SIP; -1 on the host."""
        return self._storage.sip if isinstance(self._storage, Storage) else -1

    @property
    def placement(self) -> Placement | None:
        """How its bytes are spread over the machine; None on the host."""
        return self._storage.placement if isinstance(self._storage, Storage) else None

    @property
    def sip(self) -> int:
        """The SIP in whose memory it lies; -1 on the host."""
        return self.get_device()

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Tell whether the elements lie row-major without gaps."""
        return is_contiguous(self._shape, self._strides)

    def is_floating_point(self) -> bool:
        """Tell whether the elements are floating-point numbers."""
        return self._dtype.is_floating_point

    def is_complex(self) -> bool:
        """Tell whether the elements are complex numbers."""
        return self._dtype.is_complex

    def is_signed(self) -> bool:
        """Tell whether the elements have a sign."""
        return self._dtype.is_signed

    @property
    def layout(self) -> Any:
        """``torch.strided``: all tensors are."""
        return call("strided_layout")

    @property
    def data(self) -> Tensor:
        """The same elements, apart from any recorded history; may be replaced by others."""
        return call("detach", self)  # type: ignore[no-any-return]

    @data.setter
    def data(self, other: Tensor) -> None:
        self._storage, self._dtype, self._offset = other._storage, other._dtype, other._offset
        self._shape, self._strides = other._shape, other._strides

    is_sparse = is_quantized = is_meta = is_mkldnn = is_xpu = False

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self.grad_fn is None

    # --- host reads (they wait for the machine, and replay) ---------------------------------------

    def _host(self) -> npt.NDArray[Any]:
        """Return the elements as held, without a copy: on the host, its own memory."""
        storage = self._storage
        if type(storage) is HostStorage:
            if 0 in self._shape:
                return np.empty(self._shape, self._dtype.storage)
            flat, first = storage.bytes, self._offset
        else:
            assert isinstance(storage, Storage)
            flat, first = storage.context._host_link.read(self), self._offset - self._span()[0]
        size = self._dtype.itemsize
        return np.ndarray(
            self._shape, self._dtype.storage, flat, first * size, [s * size for s in self._strides]
        )

    def _values(self) -> npt.NDArray[Any]:
        """Return the elements as numbers to compute with; bf16 and fp8 as float32."""
        return dtypes.to_compute(self._host(), self._dtype)

    def numpy(self, dtype: npt.DTypeLike | None = None, *, force: bool = False) -> Any:
        """Return the values as an array: a host read.

        Of a tensor on the machine: waits for the current stream, copies over the host link in
        simulated time, and replays the op log up to now; the array is read-only, and without
        ``dtype`` a zero-copy view of the machine's memory.  Of a tensor on the host: an array that
        shares its memory.  Differs from torch: tensors on the machine are read, not refused.

        Raises
        ------
        DataUnavailableError
            In a context of timing alone (``data=False``).
        UninitialisedReadError
            When an element was never written and the context says ``uninit="error"``.
        """
        if self.requires_grad and not force:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() "
                "instead."
            )
        held = self._host()
        kind = self._dtype
        if dtype is not None and np.dtype(dtype) != kind.storage:
            found = dtypes.to_compute(held, kind).astype(dtype)
        elif kind.element is not None and kind.compute is not kind.storage:
            found = held.view(numpy_dtypes.to_numpy(kind.element))
        else:
            found = held.view()
        if self.is_cuda:
            found.flags.writeable = False
        return found

    def tolist(self) -> Any:
        """Return the values as nested lists of Python numbers: a host read."""
        return self._values().tolist()

    def item(self) -> Any:
        """Return the value of a tensor of one element: a host read."""
        if self.numel() != 1:
            raise RuntimeError(
                f"a Tensor with {self.numel()} elements cannot be converted to Scalar"
            )
        return self._values().item()

    def _span(self) -> tuple[int, int]:
        """Return the first element and one past the last that the tensor touches."""
        if self.numel() == 0:
            return self._offset, self._offset
        reach = [(n - 1) * s for n, s in zip(self._shape, self._strides, strict=True)]
        low = self._offset + sum(r for r in reach if r < 0)
        high = self._offset + sum(r for r in reach if r > 0)
        return low, high + 1

    def __bool__(self) -> bool:
        if self.numel() == 0:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
        if self.numel() > 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def _scalar(self) -> Any:
        if self.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def __int__(self) -> int:
        return int(self._scalar())

    def __float__(self) -> float:
        return float(self._scalar())

    def __complex__(self) -> complex:
        return complex(self._scalar())

    def __index__(self) -> int:
        if self.numel() != 1 or not self._dtype.is_integral:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("len() of a 0-d tensor")
        return self._shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self._shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(call("unbind", self, 0))

    def __contains__(self, element: Any) -> bool:
        return bool(call("any", call("eq", self, element)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        values = self.numpy()
        if dtype is not None:
            return np.asarray(values.astype(dtype))
        return np.array(values) if copy is not False else np.asarray(values)

    def __repr__(self) -> str:
        return text_of(self)

    def __format__(self, form: str) -> str:
        if not self._shape:
            return format(self.item(), form)
        return object.__format__(self, form)

    def __hash__(self) -> int:
        return id(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        values = np.ascontiguousarray(self._host())
        where = str(self.device)
        arguments = (self._dtype.name, tuple(self._shape), values.tobytes(), where)
        return unpickled, (*arguments, self.requires_grad)

    def __setitem__(self, index: Any, value: Any) -> None:
        call("setitem_", self, index, value)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


def unpickled(
    kind: str,
    shape: tuple[int, ...],
    raw: bytes,
    where: Any,
    requires_grad: bool = False,
) -> Tensor:
    """Return the tensor that was pickled; `where` is its device, or gives it for a host tensor."""
    data = np.frombuffer(raw, np.uint8).copy()
    made = Tensor._over(HostStorage(data), dtypes.as_dtype(kind), shape)
    place = where(made) if callable(where) else where
    made = made if str(place) == "cpu" else call("to", made, place)
    made.requires_grad = requires_grad
    return made


install(Tensor)
