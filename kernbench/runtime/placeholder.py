"""What stands for a name of torch that kernbench has not: an error that waits for a call."""

from __future__ import annotations

from types import ModuleType
from typing import Any, NoReturn

__all__ = ["Placeholder"]


class Placeholder(ModuleType):
    """A missing name: it can be imported, looked into and named; calling it is an error.

    It is a module, as the name may be one: ``import torch.fft`` gives it.  `advice` is what the
    error says to use instead.

    Examples
    --------
    >>> Placeholder("torch.fft")
    <kernbench: torch.fft is not implemented>
    >>> Placeholder("torch.fft").rfft(None)
    Traceback (most recent call last):
    ...
    NotImplementedError: kernbench: torch.fft.rfft is not implemented
    """

    def __init__(self, name: str, advice: str = "") -> None:
        super().__init__(name)
        self._kernbench_advice = advice
        self.__path__: list[str] = []  # so that what is under it can be imported too
        self._kernbench_name = name

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse, by name."""
        advice = f"; {self._kernbench_advice}" if self._kernbench_advice else ""
        raise NotImplementedError(f"kernbench: {self._kernbench_name} is not implemented{advice}")

    def __getattr__(self, name: str) -> Placeholder:
        if name.startswith("__"):
            raise AttributeError(f"kernbench: {self._kernbench_name}.{name} is not implemented")
        return Placeholder(f"{self._kernbench_name}.{name}", self._kernbench_advice)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        """Let classes derive from it: an object of theirs cannot be made."""
        owner = self

        class Missing:
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                owner()

        return (Missing,)

    def __instancecheck__(self, instance: Any) -> bool:
        return False

    def __or__(self, other: Any) -> Any:
        return other

    __ror__ = __or__

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<kernbench: {self._kernbench_name} is not implemented>"
