"""Backends by torch's names; they differ in when a call returns."""

from __future__ import annotations

__all__ = ["Backend", "backend_of", "parse_backend"]

_KNOWN = ("gloo", "nccl", "mpi", "ucc", "xccl")


class Backend(str):
    """A backend's name, in lower case.

    Examples
    --------
    >>> Backend("NCCL") == Backend.NCCL
    True
    """

    __slots__ = ()

    UNDEFINED = "undefined"
    GLOO = "gloo"
    NCCL = "nccl"
    MPI = "mpi"
    UCC = "ucc"
    XCCL = "xccl"

    backend_list = [UNDEFINED, GLOO, NCCL, XCCL, UCC, MPI]  # noqa: RUF012 - torch has a list

    def __new__(cls, name: str) -> Backend:  # noqa: D102 - the class says it
        if not isinstance(name, str):
            raise ValueError(f"Backend constructor parameter must be string-ish, got {name!r}")
        return super().__new__(cls, name.lower())


def parse_backend(name: str | None) -> str:
    """Return the configuration that a backend's name, or ``"cpu:gloo,cuda:nccl"``, stands for.

    Raises
    ------
    ValueError
        When it names a backend that there is not.
    """
    config = "cpu:gloo,cuda:nccl" if name is None else str(name).lower()
    for part in config.split(","):
        backend = part.rpartition(":")[2]
        if backend not in ("gloo", "nccl"):
            known = "a backend that is not modelled" if backend in _KNOWN else "unknown"
            raise ValueError(f"Invalid backend: {backend!r} is {known}; expected nccl or gloo")
    return config


def backend_of(config: str, device_type: str) -> str:
    """Return the backend that serves a type of device.

    Raises
    ------
    RuntimeError
        When none does.
    """
    for part in config.split(","):
        kind, colon, backend = part.rpartition(":")
        if kind == device_type or (not colon and (backend == "gloo" or device_type == "cuda")):
            return backend
    raise RuntimeError(
        f"No backend type associated with device type {device_type}: the group's backend is "
        f"{config}; nccl takes tensors of cuda, gloo of both; expected one of cuda, or a group "
        "made with 'cpu:gloo,cuda:nccl'"
    )
