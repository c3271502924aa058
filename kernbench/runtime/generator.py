"""Random numbers that are torch's on CPU, bit for bit: MT19937 and torch's ways to draw from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from kernbench.runtime.box_muller import normal_pairs
from kernbench.runtime.devices import CPU, as_device, device
from kernbench.runtime.rank_state import rank_state

__all__ = ["Generator", "default_generator", "initial_seed", "manual_seed", "seed"]

Array = npt.NDArray[Any]
DEFAULT_SEED = 67280421310721  # torch's, for generators that nobody seeded


class Generator:
    """A stream of random numbers, as ``torch.Generator``.

    Examples
    --------
    >>> g = Generator().manual_seed(0)
    >>> round(float(g.uniform(1, "float32")[0]), 4)
    0.4963
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = as_device(device)
        self._seed = DEFAULT_SEED
        self._bits = np.random.MT19937()
        self._spare: float | None = None  # the second of a pair of normal numbers
        self.manual_seed(DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Start over from a seed."""
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise RuntimeError(
                "Overflow when unpacking long long"
                if seed < 0
                else f"Overflow when unpacking unsigned long long: {seed}"
            )
        self._seed = seed % 2**64
        state = np.random.RandomState(self._seed & 0xFFFFFFFF).get_state(legacy=False)
        assert isinstance(state, dict)
        self._bits.state = {"bit_generator": "MT19937", "state": state["state"]}
        self._spare = None
        return self

    def initial_seed(self) -> int:
        """Return the seed that it started from."""
        return self._seed

    def seed(self) -> int:
        """Start over from a seed of the operating system; return it."""
        fresh = int(np.random.SeedSequence().generate_state(2, np.uint32).view(np.uint64)[0])
        self.manual_seed(fresh)
        return fresh

    def get_state(self) -> Any:
        """Return the whole state, as a value for :meth:`set_state`."""
        return (self._seed, self._bits.state, self._spare)

    def set_state(self, state: Any) -> Generator:
        """Go on from a state."""
        self._seed, self._bits.state, self._spare = state
        return self

    def clone_state(self) -> Generator:
        """Return a generator that goes on alike."""
        return Generator(self.device).set_state(self.get_state())

    # --- draws ------------------------------------------------------------------------------------

    def raw32(self, count: int) -> npt.NDArray[np.uint32]:
        """Draw 32-bit numbers."""
        return self._bits.random_raw(count).astype(np.uint32)

    def raw64(self, count: int) -> npt.NDArray[np.uint64]:
        """Draw 64-bit numbers, of two 32-bit ones each, the high one first."""
        pairs = self._bits.random_raw(2 * count).astype(np.uint64).reshape(-1, 2)
        return (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]

    def uniform(self, count: int, kind: str, low: float = 0.0, high: float = 1.0) -> Array:
        """Draw from [low, high), in the precision of a dtype."""
        if kind == "float64":
            unit = (self.raw64(count) & np.uint64((1 << 53) - 1)).astype(np.float64) * 2.0**-53
            return unit * (high - low) + low
        drawn = self.raw32(count) & np.uint32((1 << 24) - 1)
        unit32 = drawn.astype(np.float32) * np.float32(2.0**-24)
        spread = np.float32(np.float32(high) - np.float32(low))
        return unit32 * spread + np.float32(low)

    def normal(
        self, count: int, kind: str, mean: float = 0.0, std: float = 1.0, dense: bool = True
    ) -> Array:
        """Draw from the normal distribution, as torch draws for a contiguous tensor."""
        if count < 16 or not dense:
            return np.array([self._normal_sample() for _ in range(count)]) * std + mean
        tail = count % 16
        whole = count - tail
        narrow = kind in ("float16", "bfloat16")  # torch does not draw what the tail draws anew
        unit = self.uniform(
            whole if narrow else count, "float64" if kind == "float64" else "float32"
        )
        drawn = np.empty(count, unit.dtype)
        drawn[:whole] = normal_pairs(unit[:whole].reshape(-1, 2, 8), mean, std).reshape(-1)
        if tail:  # the last sixteen are drawn anew
            unit = self.uniform(16, str(unit.dtype))
            drawn[-16:] = normal_pairs(unit.reshape(-1, 2, 8), mean, std).reshape(-1)
        return drawn

    def _normal_sample(self) -> float:
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        first, second = self.uniform(2, "float64").tolist()
        radius = math.sqrt(-2.0 * math.log1p(-second))
        angle = 2.0 * math.pi * first
        self._spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def integers(self, count: int, low: int, high: int) -> npt.NDArray[np.int64]:
        """Draw integers from [low, high)."""
        width = high - low
        if width >= 1 << 32:
            drawn = self.raw64(count) % np.uint64(width)
        else:
            drawn = (self.raw32(count) % np.uint32(width)).astype(np.uint64)
        return drawn.astype(np.int64) + low

    def permutation(self, count: int) -> npt.NDArray[np.int64]:
        """Draw an order of ``count`` things."""
        order = list(range(count))
        if count > 1:
            left = np.arange(count, 1, -1, dtype=np.uint32)
            for place, ahead in enumerate((self.raw32(count - 1) % left).tolist()):
                other = place + ahead
                order[place], order[other] = order[other], order[place]
        return np.array(order, np.int64)


def default_generator(where: device = CPU) -> Generator:
    """Return the running rank's generator of a device."""
    state = rank_state()
    found: Generator | None = state.generators.get(where)
    if found is None:
        found = state.generators[where] = Generator(where)
        if state.seed is not None:
            found.manual_seed(state.seed)
    return found


def manual_seed(seed: int) -> Generator:
    """Seed the generators of all devices, as ``torch.manual_seed``; return the CPU's."""
    state = rank_state()
    first = default_generator().manual_seed(seed)
    state.seed = int(seed)
    for generator in state.generators.values():
        generator.manual_seed(state.seed)
    return first


def initial_seed() -> int:
    """Return the seed of the CPU's generator."""
    return default_generator().initial_seed()


def seed() -> int:
    """Seed all generators from the operating system; return the seed."""
    fresh = Generator().seed()
    manual_seed(fresh)
    return fresh
