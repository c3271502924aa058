"""Activation checkpointing: what derivatives need is dropped, and computed again.

The forward pass is recorded as any other.  When it has ended, its nodes let go of the tensors that
they saved; the first that backward asks for runs the function again, which saves the same tensors
in the same order, until it has saved the last one.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from kernbench.autograd.backward import reachable
from kernbench.autograd.modes import MODE, enable_grad, is_grad_enabled, no_grad
from kernbench.autograd.node import Node, Saved, edge_of
from kernbench.runtime import cuda
from kernbench.runtime.devices import as_device
from kernbench.runtime.generator import default_generator
from kernbench.runtime.tensor import Tensor

__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential"]

_CHECKS = ["default", "none"]


class CheckpointError(RuntimeError):
    """The function did something else when it ran again."""


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Run `function` without keeping what its derivatives need; backward runs it again.

    Differs from torch: `use_reentrant` decides only whether gradients go to parameters when no
    argument requires any (True says no, with a warning), and whether the second run may stop early.

    Parameters
    ----------
    early_stop : bool
        End the second run when it has saved what backward needs; with `use_reentrant` it always
        goes to its end.
    determinism_check : {"default", "none"}
        Whether the second run must save tensors of the same shapes, dtypes and devices.
    preserve_rng_state : bool
        Draw the same random numbers again.
    context_fn : callable, optional
        Returns two contexts, for the first run and for the second.

    Raises
    ------
    CheckpointError
        In backward, when the function did something else.
    NotImplementedError
        For `debug`.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> checkpoint(lambda x: (x * 3).exp(), x, use_reentrant=False).log().sum().backward()
    >>> x.grad
    tensor([3., 3.])
    """
    if determinism_check not in _CHECKS:
        raise ValueError(
            f"determinism_check should be one of {_CHECKS}, but got {determinism_check}"
        )
    if debug:
        raise NotImplementedError(
            "kernbench: torch.utils.checkpoint(debug=True) is not implemented; the error names the "
            "tensors that differ, in the order in which they are saved"
        )
    if use_reentrant is None:
        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly; it "
            "is True now",
            stacklevel=2,
        )
        use_reentrant = True
    first, second = context_fn() if context_fn is not None else (nullcontext(), nullcontext())
    recording = is_grad_enabled()
    if recording and use_reentrant and not any(_wants(each) for each in args):
        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2
        )
        recording = False
    compares = determinism_check == "default"
    stops = early_stop and not use_reentrant
    frame = _Frame(lambda: function(*args, **kwargs), second, preserve_rng_state, compares, stops)
    with enable_grad() if recording else no_grad(), first:
        result = function(*args, **kwargs)
    if recording:
        frame.drop(result)
    return result


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run functions one after the other, in `segments` of them, each checkpointed but the last."""
    every = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(every) // segments

    def run(part: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        def through(value: Any) -> Any:
            for each in part:
                value = each(value)
            return value

        return through

    last = size * (segments - 1)
    for start in range(0, last, size) if size else ():
        part = run(every[start : start + size])
        input = checkpoint(part, input, use_reentrant=use_reentrant, **kwargs)
    return run(every[last:])(input)


def _wants(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _generators() -> list[Any]:
    places = [as_device("cpu")]
    if cuda.is_available():
        places.append(as_device("cuda"))
    return [default_generator(place) for place in places]


class _Stop(Exception):
    """The function has saved what it had saved the first time."""


class _Frame:
    """One checkpointed call."""

    def __init__(
        self,
        again: Callable[[], Any],
        context: Any,
        preserve: bool,
        compares: bool,
        stops: bool,
    ) -> None:
        self.again, self.context, self.compares, self.stops = again, context, compares, stops
        self.begun, self.first = Node("").sequence, MODE.get().n_saved
        self.states = [each.get_state() for each in _generators()] if preserve else []
        self.count = 0  # tensors that the call saved, those of no result among them
        self.saved: list[Saved] = []

    def drop(self, result: Any) -> None:
        """Let go of what the call saved."""
        self.count = MODE.get().n_saved - self.first
        self.saved = _saved_since(self.begun, result)
        for each in self.saved:
            each.drop(self.restore)

    def restore(self) -> None:
        """Run the function again, and take what it saves."""
        generators = _generators() if self.states else []
        now = [each.get_state() for each in generators]
        for generator, state in zip(generators, self.states, strict=False):
            generator.set_state(state)
        try:
            found = self.run()
        finally:
            for generator, state in zip(generators, now, strict=True):
                generator.set_state(state)
        if len(found) != self.count:
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                "original forward and recomputation.\nNumber of tensors saved during forward: "
                f"{self.count}\nNumber of tensors saved during recomputation: {len(found)}."
            )
        chosen = [found[each.number - self.first - 1] for each in self.saved]
        if self.compares:
            _compare(self.saved, chosen)
        for old, new in zip(self.saved, chosen, strict=True):
            old.take(new)

    def run(self) -> list[Saved]:
        """Run the function until it has saved the last tensor, or to its end; return them."""
        mode, found = MODE.get(), list[Saved]()

        def note(saved: Saved) -> None:
            found.append(saved)
            if self.stops and len(found) == self.count:
                raise _Stop

        before, mode.on_save = mode.on_save, note
        try:
            with enable_grad(), self.context:
                self.again()
        except _Stop:
            pass
        finally:
            mode.on_save = before
        return found


def _compare(before: Sequence[Saved], again: Sequence[Saved]) -> None:
    unlike = [
        f"tensor at position {place}:\nsaved metadata: {old.metadata}\n"
        f"recomputed metadata: {new.metadata}\n"
        for place, (old, new) in enumerate(zip(before, again, strict=True))
        if old.metadata != new.metadata
    ]
    if unlike:
        raise CheckpointError(
            "torch.utils.checkpoint: Recomputed values for the following tensors have different "
            "metadata than during the forward pass.\n" + "".join(unlike)
        )


def _saved_since(begun: int, result: Any) -> list[Saved]:
    """Return what nodes made since then have saved, in the order in which they were made."""
    results = result if isinstance(result, (tuple, list)) else (result,)
    starts = [edge_of(each)[0] for each in results if _wants(each) and each.grad_fn is not None]
    nodes = reachable(starts, begun)
    return [each for node in nodes for each in node.saved if isinstance(each, Saved)]
