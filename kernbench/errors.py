"""The exceptions of kernbench: one tree, so that ``except KernbenchError`` catches them all.

Where Python, torch or Triton has a class for the same fault, ours derives from the class that
scripts catch: ``ValueError``, ``IndexError``, ``RuntimeError``.  Plain misuse, such as a wrong
argument type, raises the built-in exceptions.  All can be pickled with their attributes.

Examples
--------
>>> issubclass(TopologyError, ValueError)
True
>>> try:
...     raise OutOfResources(required=4096, limit=1024, name="TCM")
... except KernbenchError as error:
...     print(error)
out of resource: TCM, required: 4096, limit: 1024
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

__all__ = [
    "ArgumentError",
    "CollectiveMismatchError",
    "CompilationError",
    "CompileTimeAssertionFailure",
    "DataUnavailableError",
    "DeadlockError",
    "KernbenchError",
    "OutOfBoundsError",
    "OutOfMemoryError",
    "OutOfResources",
    "PageFaultError",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "RaceError",
    "SpawnException",
    "TopologyError",
    "UninitialisedReadError",
]


class KernbenchError(Exception):
    """Base of every error that kernbench raises of its own."""


class ArgumentError(KernbenchError, ValueError, RuntimeError):
    """An argument that does not fit a call of torch.distributed.

    Which of the two built-in classes torch raises depends on the backend.
    """


class TopologyError(KernbenchError, ValueError):
    """A machine description that cannot be read, or does not make a machine.

    Examples
    --------
    >>> raise TopologyError("my.yaml:3:9: system.sips: expected at least 1, got -2")
    Traceback (most recent call last):
    ...
    kernbench.errors.TopologyError: my.yaml:3:9: system.sips: expected at least 1, got -2
    """


class CompilationError(KernbenchError):
    """A kernel that the compiler does not accept.

    Parameters
    ----------
    message : str
        What was expected, and what stands there.
    filename : str
        File of the kernel's source.
    lineno, column : int
        Place in that file, both counted from 1; 0 where it is unknown.
    source_line : str
        The text of that line, without its newline.
    notes : tuple of str
        One sentence for each jit function through which the place was reached, innermost first.

    Examples
    --------
    >>> print(CompilationError("break is not supported", "k.py", 3, 9, "        break"))
    k.py:3:9: break is not supported
            break
            ^
    """

    def __init__(
        self,
        message: str,
        filename: str = "<unknown>",
        lineno: int = 0,
        column: int = 0,
        source_line: str = "",
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, filename, lineno, column, source_line, notes)
        self.message = message
        self.filename = filename
        self.lineno = lineno
        self.column = column
        self.source_line = source_line
        self.notes = notes

    def __str__(self) -> str:
        text = f"{self.filename}:{self.lineno}:{self.column}: {self.message}"
        if self.source_line:
            text += f"\n{self.source_line}\n{' ' * (self.column - 1)}^"
        return "\n".join([text, *self.notes])


class CompileTimeAssertionFailure(CompilationError):
    """A ``tl.static_assert`` that does not hold; autotune counts the config as infinitely slow."""


class OutOfMemoryError(KernbenchError, RuntimeError):
    """A tensor, or a payload, that the modelled memory cannot hold."""


class OutOfResources(KernbenchError):
    """A kernel that needs more of a PE's resource than there is; another tiling may fit.

    Parameters
    ----------
    required : int or str
        What the kernel needs, in the resource's unit (bytes for TCM); or a whole message, when the
        numbers stand in it.
    limit : int
        What there is.
    name : str
        The resource, such as ``"TCM"``.
    detail : str
        Where, and what to do; may be empty.
    """

    def __init__(
        self, required: int | str, limit: int = 0, name: str = "", detail: str = ""
    ) -> None:
        super().__init__(required, limit, name, detail)
        self.required = required
        self.limit = limit
        self.name = name
        self.detail = detail

    def __str__(self) -> str:
        if isinstance(self.required, str):
            return self.required
        text = f"out of resource: {self.name}, required: {self.required}, limit: {self.limit}"
        return f"{text}; {self.detail}" if self.detail else text


class OutOfBoundsError(KernbenchError, IndexError):
    """A load or store outside its tensor's allocation."""


class UninitialisedReadError(KernbenchError, RuntimeError):
    """An unmasked load of memory that nothing has written."""


class PageFaultError(KernbenchError, RuntimeError):
    """An access to an address that no map of the MMU covers."""


class DataUnavailableError(KernbenchError, RuntimeError):
    """A value was asked for in a timing-only context (``data=False``), which keeps none."""


class DeadlockError(KernbenchError, RuntimeError):
    """Nothing can move any more; the message lists who waits for what.

    Parameters
    ----------
    message : str
        Who waits for what, since when.
    kind : {"deadlock", "livelock"}
        Whether everything waits, or something spins without effect.
    """

    def __init__(self, message: str, kind: str = "deadlock") -> None:
        super().__init__(message, kind)
        self.message = message
        self.kind = kind

    def __str__(self) -> str:
        return self.message


class RaceError(KernbenchError, RuntimeError):
    """Two accesses to one address, one of them a write, that nothing orders."""


class CollectiveMismatchError(KernbenchError, RuntimeError):
    """Ranks of one group called collectives that do not match."""


class ProcessException(KernbenchError):
    """A rank that ended badly; torch's base class of the next two.

    Parameters
    ----------
    msg : str
        What to show.
    error_index : int
        The rank.
    error_pid : int
        Its process id, afterwards `pid`: that of all ranks, which run in one process.
    """

    def __init__(self, msg: str, error_index: int, error_pid: int) -> None:
        super().__init__(msg)
        self.msg = msg
        self.error_index = error_index
        self.pid = error_pid

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """A rank that raised."""


class ProcessExitedException(ProcessException):
    """A rank that ended with an exit status other than 0, or by a signal that it sent itself.

    Parameters
    ----------
    msg, error_index, error_pid
        See `ProcessException`.
    exit_code : int
        The status; -N for signal N.
    signal_name : str, optional
        The signal's.
    """

    def __init__(
        self,
        msg: str,
        error_index: int,
        error_pid: int,
        exit_code: int,
        signal_name: str | None = None,
    ) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code = exit_code
        self.signal_name = signal_name

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.msg, self.error_index, self.pid, self.exit_code, self.signal_name)
        return type(self), arguments


class SpawnException(ProcessRaisedException):
    """One or more ranks of a ``spawn`` failed.

    Parameters
    ----------
    msg : str
        The text that torch would show: the failing rank and its traceback.
    error_index : int
        Lowest rank at fault, in the first round in which any failed.
    error_pid : int
        Its process id, afterwards `pid`: that of all ranks, which run in one process.
    errors : sequence of (int, BaseException, str)
        Rank, exception and traceback text of each root cause; ranks that were ended because
        another had failed are not among them.

    Notes
    -----
    It can be pickled; an exception that cannot is replaced by a RuntimeError with its text.

    Examples
    --------
    >>> import kernbench as kb
    >>> def work(rank):
    ...     if rank == 1:
    ...         raise ValueError("no")
    >>> topology = kb.Topology.preset("small", {"system.sips": 2})
    >>> with kb.Context(topology) as ctx:
    ...     try:
    ...         ctx.multiprocessing.spawn(work, nprocs=2)
    ...     except SpawnException as error:
    ...         print(error.error_index, error.errors[0][:2])
    1 (1, ValueError('no'))
    """

    def __init__(
        self,
        msg: str,
        error_index: int,
        error_pid: int,
        errors: Sequence[tuple[int, BaseException, str]] = (),
    ) -> None:
        super().__init__(msg, error_index, error_pid)
        self.errors = list(errors)

    def __reduce__(self) -> tuple[Any, ...]:
        errors = [(rank, _picklable(error), text) for rank, error, text in self.errors]
        return type(self), (self.msg, self.error_index, self.pid, errors)

    def __str__(self) -> str:
        return self.msg


def _picklable(error: BaseException) -> BaseException:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
