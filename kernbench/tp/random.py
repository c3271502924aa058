"""Random number states of tensor-parallel ranks, and recomputing activations.

Dropout inside a parallel region must differ from rank to rank, outside of it it must not: the
tracker holds a named generator state for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from kernbench.autograd import no_grad
from kernbench.autograd.checkpointing import checkpoint as run_checkpointed
from kernbench.runtime import Tensor
from kernbench.runtime.devices import as_device
from kernbench.runtime.generator import Generator, default_generator
from kernbench.runtime.rank import RankVar
from kernbench.tp import parallel_state
from kernbench.tp.utils import gather_split_1d_tensor, split_tensor_into_1d_equal_chunks

__all__ = [
    "CheckpointWithoutOutput",
    "CudaRNGStatesTracker",
    "checkpoint",
    "get_cuda_rng_tracker",
    "get_data_parallel_rng_tracker_name",
    "get_expert_parallel_rng_tracker_name",
    "initialize_rng_tracker",
    "model_parallel_cuda_manual_seed",
]

MODEL_PARALLEL = "model-parallel-rng"
EXPERT_PARALLEL = "expert-parallel-rng"
DATA_PARALLEL = "data-parallel-rng"


def _on_device() -> Generator:
    """Return the generator of the current device."""
    return default_generator(as_device("cuda"))


class CudaRNGStatesTracker:
    """Named states of the current device's generator."""

    def __init__(self) -> None:
        self.reset()

    def is_initialized(self) -> bool:
        """Whether a state was added since the last reset."""
        return bool(self.states_)

    def reset(self) -> None:
        """Forget all states."""
        self.states_: dict[str, Any] = {}
        self.seeds_: set[int] = set()

    def get_states(self) -> dict[str, Any]:
        """Return a copy of the table of states."""
        return dict(self.states_)

    def set_states(self, states: dict[str, Any]) -> None:
        """Replace the table of states."""
        self.states_ = dict(states)

    def add(self, name: str, seed: int) -> None:
        """Add the state that `seed` starts.

        Raises
        ------
        Exception
            When the seed or the name is taken.
        """
        if seed in self.seeds_:
            raise Exception(f"seed {seed} already exists")
        if name in self.states_:
            raise Exception(f"cuda rng state {name} already exists")
        self.seeds_.add(seed)
        generator = _on_device()
        before = generator.get_state()
        generator.manual_seed(seed)
        self.states_[name] = generator.get_state()
        generator.set_state(before)

    @contextmanager
    def fork(self, name: str = MODEL_PARALLEL) -> Iterator[None]:
        """Draw from the named state within the block, and go on with the present one after it.

        Raises
        ------
        Exception
            When there is no state of that name.
        """
        if name not in self.states_:
            raise Exception(f"cuda rng state {name} is not added")
        generator = _on_device()
        before = generator.get_state()
        generator.set_state(self.states_[name])
        try:
            yield
        finally:
            self.states_[name] = generator.get_state()
            generator.set_state(before)


_TRACKER: RankVar[CudaRNGStatesTracker] = RankVar(
    "cuda rng tracker", lambda rank: CudaRNGStatesTracker()
)


def initialize_rng_tracker(*options: Any, **named: Any) -> None:
    """Begin with an empty tracker; options of Megatron mean nothing here."""
    _TRACKER.set(CudaRNGStatesTracker())


def get_cuda_rng_tracker(*options: Any, **named: Any) -> CudaRNGStatesTracker:
    """Return this rank's tracker."""
    return _TRACKER.get()


def get_expert_parallel_rng_tracker_name() -> str:
    """Return the name of the experts' state."""
    return EXPERT_PARALLEL


def get_data_parallel_rng_tracker_name() -> str:
    """Return the name of the state that is equal on all ranks of a tensor group."""
    return DATA_PARALLEL


def model_parallel_cuda_manual_seed(
    seed: int,
    te_rng_tracker: bool = False,
    inference_rng_tracker: bool = False,
    use_cudagraphable_rng: bool = False,
    tp_rank: int | None = None,
    ep_rank: int | None = None,
    etp_rank: int | None = None,
    force_reset_rng: bool = False,
) -> None:
    """Seed all states: the default by `seed`, the parallel ones by rank.

    ``model-parallel-rng`` starts from ``seed + 2718 + tp_rank``, ``expert-parallel-rng`` from
    ``seed + 1024 + 100 * ep_rank + etp_rank``, ``data-parallel-rng`` from ``seed``.  The other
    arguments choose among trackers of Megatron and change nothing.
    """
    if tp_rank is None:
        tp_rank = parallel_state.get_tensor_model_parallel_rank()
    if ep_rank is None:
        ep_rank = parallel_state.get_expert_model_parallel_rank()
    if etp_rank is None:
        etp_rank = parallel_state.get_expert_tensor_parallel_rank()
    initialize_rng_tracker()
    tracker = _TRACKER.get()
    _on_device().manual_seed(seed)
    tracker.add(DATA_PARALLEL, seed)
    tracker.add(MODEL_PARALLEL, seed + 2718 + tp_rank)
    tracker.add(EXPERT_PARALLEL, seed + 1024 + 100 * ep_rank + etp_rank)


@contextmanager
def _drawn_from(states: dict[str, Any]) -> Iterator[None]:
    """Have these states in the tracker within the block."""
    tracker = _TRACKER.get()
    now = tracker.get_states()
    tracker.set_states(states)
    try:
        yield
    finally:
        tracker.set_states(now)


def checkpoint(function: Callable[..., Any], distribute_saved_activations: bool, *args: Any) -> Any:
    """Run `function` without keeping what its derivatives need; backward runs it again.

    It is `torch.utils.checkpoint` that also draws the tracker's random numbers again.  As in
    Megatron, nothing is recorded when no argument requires gradients.

    Parameters
    ----------
    distribute_saved_activations : bool
        Keep only this rank's part of the first argument, and gather it for backward.
    """
    if not any(isinstance(each, Tensor) and each.requires_grad for each in args):
        with no_grad():
            return function(*args)
    again = _drawn_from(_TRACKER.get().get_states())
    if distribute_saved_activations:
        function, args = _distributed(function, args[0]), args[1:]
    return run_checkpointed(
        function,
        *args,
        use_reentrant=False,
        early_stop=False,
        context_fn=lambda: (nullcontext(), again),
    )


class CheckpointWithoutOutput:
    """`checkpoint` of a function whose output, too, would be computed again.

    Differs from Megatron: the output keeps its memory, and backward runs the function again when it
    comes to it, not when the gradient of a later tensor is there.

    Parameters
    ----------
    fp8 : object
        Accepted: there is no state of fp8.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> runs = []
    >>> def square(x):
    ...     runs.append(1)
    ...     return x * x
    >>> x = torch.ones(2, requires_grad=True)
    >>> block = CheckpointWithoutOutput()
    >>> y = block.checkpoint(square, x).exp()
    >>> block.discard_output_and_register_recompute(y)
    >>> y.sum().backward()
    >>> x.grad, len(runs)
    (tensor([5.4366, 5.4366]), 2)
    """

    def __init__(self, fp8: Any = False) -> None:
        self.outputs: tuple[Any, ...] | None = None

    def checkpoint(self, run_function: Callable[..., Any], *args: Any) -> Any:
        """Run the function without keeping what its derivatives need."""
        found = checkpoint(run_function, False, *args)
        self.outputs = found if isinstance(found, tuple) else (found,)
        return found

    def discard_output_and_register_recompute(self, hook_tensor: Any) -> None:
        """Let go of the output, which `hook_tensor` was computed from.

        Raises
        ------
        RuntimeError
            When nothing was run by `checkpoint` before, or it was let go of already.
        """
        if self.outputs is None:
            raise RuntimeError(
                "discard_output_and_register_recompute: expected a call of checkpoint before it, "
                "one for each"
            )
        self.outputs = None


def _distributed(function: Callable[..., Any], first: Any) -> Callable[..., Any]:
    """Return the function of the other arguments, which keeps a part of the first."""
    part = split_tensor_into_1d_equal_chunks(first.detach(), new_buffer=True)
    shape, wants, whole = first.shape, first.requires_grad, [first]

    def run(*others: Any) -> Any:
        if whole:
            return function(whole.pop(), *others)
        return function(gather_split_1d_tensor(part).view(shape).requires_grad_(wants), *others)

    return run
