"""The engine (csrc/), as Python sees it.  Private: use :mod:`kernbench`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

__version__: str

def kir_tables() -> dict[str, Any]:
    """Give the names behind KIR's numbers, and its limits (csrc/kernel/kir.h)."""

def oplog_schema() -> dict[str, list[tuple[str, ...]]]:
    """``columns``: (name, NumPy type, unit, meaning); ``kinds``: (name, meaning)."""

def convert(src_dtype: str, dst_dtype: str, data: bytes, /) -> bytes:
    """Elements of one dtype as another: exact, to nearest even (csrc/mem/dtype.h)."""

@final
class Topology:
    """A checked machine."""

    def __new__(cls, text: str, name: str = ..., overlay: str = ...) -> Topology: ...
    @property
    def nodes(self) -> list[tuple[str, str, int]]:
        """(name, impl, overhead_fs) by node id."""
    @property
    def links(self) -> list[tuple[int, int, int, int]]:
        """(src, dst, service_fs, latency_fs) by link id."""
    @property
    def system(self) -> Mapping[str, Any] | None:
        """Counts and parameters of the hierarchical form; None without it."""
    @property
    def flit_links(self) -> list[int]:
        """Links whose ports serve flit by flit in either mode (finite buffers, shared servers)."""
    @property
    def warnings(self) -> list[str]:
        """What is allowed and hardly meant."""
    @property
    def flit_nbytes(self) -> int: ...
    def find(self, name: str, /) -> int: ...
    def path(self, src: int, dst: int, slice: int = ..., /) -> list[int]:
        """Link ids."""
    def dram_map(self, node: int, /) -> tuple[list[tuple[str, int]], int, int] | None:
        """Fields with their counts, slices, bytes of a burst; None without banks."""
    def dram_decode(self, node: int, offsets: Any, /) -> npt.NDArray[np.int64]:
        """Offsets in a slice to (fields, offsets)."""
    def dram_encode(self, node: int, table: Any, /) -> npt.NDArray[np.int64]: ...
    def to_yaml(self) -> str: ...

@final
class Kernel:
    """Checked KIR."""

    def __new__(cls, code: bytes, filename: str = ..., first_line: int = ...) -> Kernel: ...
    @property
    def name(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def first_line(self) -> int: ...
    def dump(self) -> str: ...

@final
class Pin:
    """The base of a zero-copy view."""

@final
class Engine:
    """One simulated machine."""

    def __new__(
        cls,
        topology: Topology,
        *,
        data: bool = ...,
        oplog: str = ...,
        uninit: str = ...,
        oob: str = ...,
        instruction_budget: int = ...,
        replay_threads: int = ...,
        isa: str | None = ...,
        on_print: Callable[[list[Any], int], object] = ...,
        on_error: Callable[[str, dict[int, Any]], str] = ...,
    ) -> Engine: ...
    @property
    def now_fs(self) -> int: ...
    @property
    def has_failed(self) -> bool: ...
    @property
    def oplog_hash(self) -> int: ...
    @property
    def oplog_count(self) -> int: ...
    @property
    def isa(self) -> str:
        """The instruction set that replay runs on."""
    def map(
        self,
        sip: int,
        nbytes: int,
        placement: str = ...,
        chunk_nbytes: int = ...,
        dim_count: int = ...,
        inner_nbytes: int = ...,
        slice: int = ...,
        node: str | None = ...,
        zeroed: bool = ...,
        keep: bool = ...,
    ) -> int: ...
    def unmap(self, va: int, /) -> None: ...
    def free_nbytes(self, sip: int, /) -> int: ...
    def write(self, va: int, data: bytes, /) -> None: ...
    def view(self, va: int, nbytes: int, /) -> npt.NDArray[np.uint8]: ...
    def launch(
        self,
        kernel: Kernel,
        sip: int,
        grid: Sequence[int],
        args: tuple[int, ...],
        stream: int,
        deal: str,
        submit_fs: int,
        after: tuple[int, ...] = ...,
        comm: bool = ...,
    ) -> int: ...
    def copy(
        self,
        va: int,
        nbytes: int,
        to_device: bool,
        stream: int,
        submit_fs: int,
        after: tuple[int, ...] = ...,
        install: bool = ...,
    ) -> int: ...
    def mark(
        self, sip: int, stream: int, submit_fs: int, after: tuple[int, ...] = ..., /
    ) -> int: ...
    def transfer(
        self, src: int, dst: int, nbytes: int, at_fs: int, op: int, address: int, /
    ) -> int: ...
    def transfers(
        self, src: Any, dst: Any, nbytes: Any, at_fs: Any, op: Any, address: Any, /
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]: ...
    def run(self, handle: int = ..., until_fs: int = ..., /) -> bool: ...
    def await_(self, handle: int, awaited: bool = ..., /) -> None: ...
    def run_awaited(self, until_fs: int = ..., /) -> tuple[list[int], bool]: ...
    def replay(self) -> None: ...
    def handle(self, handle: int, /) -> tuple[bool, int, int, int, int, int, int]: ...
    def probe(
        self, src: int, dst: int, nbytes: int, count: int = ..., /
    ) -> tuple[list[tuple[int, int, int, int, int, int]], int]: ...
    def counters(self) -> dict[str, int]: ...
    def messages_left(self) -> str: ...
    def memory(self, node: int, /) -> dict[str, npt.NDArray[np.int64]]:
        """Give what each pseudo-channel of a memory with a standard has counted."""
    def oplog_columns(self) -> dict[str, npt.NDArray[Any]]: ...
    def oplog_kernels(self) -> list[str]: ...
    def oplog_dump(self) -> str: ...
