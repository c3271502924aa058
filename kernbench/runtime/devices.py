"""``torch.device``: where a tensor lies: on the host, or in a SIP's memory (``cuda:SIP``)."""

from __future__ import annotations

from typing import Any, Self

from kernbench.runtime.rank_state import current_sip, rank_state

__all__ = ["CPU", "as_device", "device"]

_KNOWN = (
    "cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, vulkan, "
    "mps, meta, hpu, mtia, privateuseone"
)


class device:
    """A device: ``cpu``, or ``cuda:N``, which is SIP N of the simulated machine.

    Examples
    --------
    >>> device("cuda:1"), device("cpu").type, device("cuda", 1) == device("cuda:1")
    (device(type='cuda', index=1), 'cpu', True)
    """

    __slots__ = ("_before", "index", "type")

    type: str
    index: int | None

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            self.type, self.index = type.type, type.index
        elif isinstance(type, int) and not isinstance(type, bool):
            self.type, self.index = "cuda", type
        elif isinstance(type, str):
            self.type, self.index = _parse(type, index)
        else:
            raise TypeError(f"device(): argument 'type' must be str, not {type.__class__.__name__}")
        self._before: list[Any] = []

    def __repr__(self) -> str:
        tail = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{tail})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, device):
            return NotImplemented
        return self.type == other.type and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type, self.index)

    def __enter__(self) -> Self:
        self._before.append(rank_state().default_device)
        rank_state().default_device = self
        return self

    def __exit__(self, *error: object) -> None:
        rank_state().default_device = self._before.pop()


def _parse(text: str, index: int | None) -> tuple[str, int | None]:
    kind, colon, digits = text.partition(":")
    if colon and (not digits.isdigit() or (len(digits) > 1 and digits[0] == "0")):
        raise RuntimeError(f"Invalid device string: '{text}'")
    if kind not in _KNOWN.split(", "):
        raise RuntimeError(
            f"Expected one of {_KNOWN} device type at start of device string: {kind}"
        )
    if colon and index is not None:
        raise RuntimeError(
            f"type (string) must not include an index because index was passed explicitly: {text}"
        )
    return kind, int(digits) if colon else index


CPU = device("cpu")


def as_device(spec: Any) -> device:
    """Return the device that `spec` names, with an index where there are several.

    None is the default device: the CPU unless told.
    """
    if spec is None:
        spec = rank_state().default_device
        if spec is None:
            return CPU
    found = spec if isinstance(spec, device) else device(spec)
    if found.type == "cuda":
        return found if found.index is not None else device("cuda", current_sip())
    if found.type == "cpu":
        return CPU
    raise RuntimeError(
        f"kernbench: expected device cpu or cuda, got {found}; the simulated machine is 'cuda'"
    )
