"""Where ranks meet: the rank, the world size and the store that a URL or the environment gives."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlparse

from kernbench.distributed.stores import FileStore, Store, TCPStore

__all__ = ["place_of", "rendezvous", "store_of"]


def rendezvous(
    url: str, rank: int = -1, world_size: int = -1, **kwargs: Any
) -> Iterator[tuple[Store, int, int]]:
    """Yield the store, the rank and the world size of a URL, once.

    Parameters
    ----------
    url : str
        ``"env://"``, ``"tcp://host:port"`` or ``"file://path"``.
    rank, world_size : int
        Of the caller; else of the URL's query, or the environment.
    **kwargs
        Accepted: nothing is sent over a network.
    """
    rank, world_size = place_of(url, None, rank, world_size)
    yield store_of(url, world_size), rank, world_size


def store_of(url: str | None, world_size: int) -> Store:
    """Return the store of a URL; of the environment's address without one."""
    parts = urlparse(url or "env://")
    if parts.scheme == "file":
        return FileStore(parts.path, world_size)
    host, port = parts.hostname or "", parts.port or 0
    if parts.scheme == "env":
        host, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    return TCPStore(host, port, world_size)


def place_of(init_method: str | None, store: Any, rank: int, world_size: int) -> tuple[int, int]:
    """Return rank and world size: from the arguments, the URL, or the environment."""
    method = "env://" if init_method is None and store is None else init_method or ""
    url = urlparse(method)
    if method and url.scheme not in ("env", "tcp", "file"):
        raise RuntimeError(f"No rendezvous handler for {url.scheme}://")
    if url.scheme == "tcp" and url.port is None:
        raise ValueError(
            f"Error initializing torch.distributed using {method}: port number missing"
        )
    query = parse_qs(url.query)
    if rank < 0 and "rank" in query:
        rank = int(query["rank"][0])
    if world_size < 0 and "world_size" in query:
        world_size = int(query["world_size"][0])
    if url.scheme == "env":
        rank = _from_environment("RANK") if rank < 0 else rank
        world_size = _from_environment("WORLD_SIZE") if world_size < 0 else world_size
        _from_environment("MASTER_ADDR", number=False)
        _from_environment("MASTER_PORT")
    if rank < 0 or world_size < 0:
        what = "store" if store is not None else f"{url.scheme}:// rendezvous"
        name = "rank" if rank < 0 else "world size"
        raise ValueError(
            f"Error initializing torch.distributed using {what}: {name} parameter missing"
        )
    if rank >= world_size:
        raise ValueError(f"init_process_group: expected a rank below {world_size}, got {rank}")
    return rank, world_size


def _from_environment(name: str, number: bool = True) -> int:
    value = os.environ.get(name)
    if value is None:
        raise ValueError(
            "Error initializing torch.distributed using env:// rendezvous: environment variable "
            f"{name} expected, but not set"
        )
    return int(value) if number else 0
