"""``autotune`` and ``heuristics``: arguments of a kernel that are chosen when it is launched.

Each configuration is launched and timed on the simulated machine, in simulated time, once for each
key; the fastest is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kernbench.errors import CompilationError, OutOfResources
from kernbench.runtime.context import current_context

if TYPE_CHECKING:
    from kernbench.language.jit import JITFunction

__all__ = ["Autotuner", "Config", "Heuristics", "autotune", "heuristics"]

_NEVER = float("inf")


class Config:
    """One choice of compile-time arguments.

    Parameters
    ----------
    kwargs : dict
        Argument values by name.
    num_warps, num_stages, num_ctas, maxnreg, ir_override : object
        Accepted; they mean nothing on this machine.
    pre_hook : callable, optional
        Called with all arguments by name before each launch of this configuration.

    Examples
    --------
    >>> Config({"BLOCK": 128}, num_warps=8)
    Config(BLOCK: 128, num_warps: 8)
    """

    def __init__(
        self,
        kwargs: Mapping[str, Any],
        num_warps: int = 4,
        num_stages: int = 3,
        num_ctas: int = 1,
        maxnreg: int | None = None,
        pre_hook: Callable[[dict[str, Any]], Any] | None = None,
        ir_override: Any = None,
    ) -> None:
        self.kwargs = dict(kwargs)
        self.num_warps = num_warps
        self.num_stages = num_stages
        self.num_ctas = num_ctas
        self.maxnreg = maxnreg
        self.pre_hook = pre_hook
        self.ir_override = ir_override

    def all_kwargs(self) -> dict[str, Any]:
        """Return the arguments, and the options beside them."""
        options = {"num_warps": self.num_warps, "num_stages": self.num_stages}
        return {**self.kwargs, **options, "num_ctas": self.num_ctas}

    def __repr__(self) -> str:
        shown = [f"{name}: {value}" for name, value in self.kwargs.items()]
        return f"Config({', '.join([*shown, f'num_warps: {self.num_warps}'])})"


class _Chooser:
    """What stands before a kernel, and chooses some of its arguments."""

    def __init__(self, fn: Any) -> None:
        self.fn = fn
        self.arg_names: list[str] = fn.arg_names
        self.__name__ = fn.__name__
        self.__doc__ = fn.__doc__

    @property
    def kernel(self) -> JITFunction:
        """The kernel behind it."""
        return self.fn.kernel if isinstance(self.fn, _Chooser) else self.fn

    def run(self, *args: Any, grid: Any, **kwargs: Any) -> Any:
        """Choose, and launch."""
        raise NotImplementedError

    def __getitem__(self, grid: Any) -> Callable[..., Any]:
        return lambda *args, **kwargs: self.run(*args, grid=grid, **kwargs)

    def _named(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        return {**dict(zip(self.arg_names, args, strict=False)), **kwargs}


class Autotuner(_Chooser):
    """A kernel with configurations; what ``@autotune`` makes.

    Attributes
    ----------
    best_config : Config
        The one that the last launch took.
    cache : dict
        The best one by key.
    """

    best_config: Config

    def __init__(
        self,
        fn: Any,
        configs: Sequence[Config],
        key: Sequence[str],
        prune_configs_by: Mapping[str, Any] | None = None,
        reset_to_zero: Sequence[str] | None = None,
        restore_value: Sequence[str] | None = None,
        pre_hook: Callable[..., Any] | None = None,
        post_hook: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__(fn)
        self.configs = list(configs) or [Config({})]
        self.keys = list(key)
        self.prune = dict(prune_configs_by or {})
        self.reset_to_zero = list(reset_to_zero or ())
        self.restore_value = list(restore_value or ())
        self.pre_hook, self.post_hook = pre_hook, post_hook
        self.cache: dict[tuple[Any, ...], Config] = {}

    def run(self, *args: Any, grid: Any, **kwargs: Any) -> Any:
        """Launch with the fastest configuration; time them all if the key is new."""
        named = self._named(args, kwargs)
        key = self._key(named)
        best = self.cache.get(key)
        if best is None:
            configs = self._pruned(named, kwargs)
            best = configs[0]
            if len(configs) > 1:
                times = {c: self._time(c, args, kwargs, grid, named) for c in configs}
                best = min(configs, key=times.__getitem__)
                if times[best] == _NEVER:
                    raise OutOfResources(
                        f"{self.__name__}: none of its {len(configs)} configurations compiles"
                    )
            self.cache[key] = best
        self.best_config = best
        return self._launch(best, args, kwargs, grid, named)

    def _key(self, named: Mapping[str, Any]) -> tuple[Any, ...]:
        values = [named[name] for name in self.keys if name in named]
        kinds = [str(value.dtype) for value in named.values() if hasattr(value, "dtype")]
        return (*values, *kinds)

    def _pruned(self, named: dict[str, Any], kwargs: Mapping[str, Any]) -> list[Config]:
        configs = self.configs
        if (early := self.prune.get("early_config_prune")) is not None:
            configs = list(early(configs, named, **kwargs))
        model, top_k = self.prune.get("perf_model"), self.prune.get("top_k")
        if model is not None and top_k is not None:
            count = int(len(configs) * top_k) if isinstance(top_k, float) else top_k
            configs = sorted(configs, key=lambda c: model(**{**named, **c.all_kwargs()}))[:count]
        if not configs:
            raise ValueError(f"{self.__name__}: no configuration is left after pruning")
        return configs

    def _launch(
        self, config: Config, args: Any, kwargs: Any, grid: Any, named: dict[str, Any]
    ) -> Any:
        if config.pre_hook is not None:
            config.pre_hook({**named, **config.all_kwargs()})
        return self.fn.run(*args, grid=grid, **{**kwargs, **config.all_kwargs()})

    def _time(
        self, config: Config, args: Any, kwargs: Any, grid: Any, named: dict[str, Any]
    ) -> float:
        context = current_context()
        saved = {name: named[name].clone() for name in self.restore_value}
        for name in self.reset_to_zero:
            named[name].zero_()
        if self.pre_hook is not None:
            self.pre_hook(named)
        try:
            handle = self._launch(config, args, kwargs, grid, named)
        except (CompilationError, OutOfResources):
            return _NEVER
        taken = 0.0
        if handle is not None:
            context.wait(handle)
            taken = float(handle.end_fs - handle.target_fs)
        if self.post_hook is not None:
            self.post_hook(named, exception=None)
        for name, value in saved.items():
            named[name].copy_(value)
        for name in self.reset_to_zero:
            named[name].zero_()
        return taken


class Heuristics(_Chooser):
    """A kernel some of whose arguments are computed from the others."""

    def __init__(self, fn: Any, values: Mapping[str, Callable[[dict[str, Any]], Any]]) -> None:
        super().__init__(fn)
        self.values = dict(values)

    def run(self, *args: Any, grid: Any, **kwargs: Any) -> Any:
        """Compute, and launch."""
        for name, value in self.values.items():
            kwargs[name] = value(self._named(args, kwargs))
        return self.fn.run(*args, grid=grid, **kwargs)


def autotune(
    configs: Sequence[Config],
    key: Sequence[str],
    prune_configs_by: Mapping[str, Any] | None = None,
    reset_to_zero: Sequence[str] | None = None,
    restore_value: Sequence[str] | None = None,
    pre_hook: Callable[..., Any] | None = None,
    post_hook: Callable[..., Any] | None = None,
    warmup: Any = None,
    rep: Any = None,
    use_cuda_graph: bool = False,
    do_bench: Any = None,
    cache_results: bool = False,
) -> Callable[[Any], Autotuner]:
    """Give a kernel configurations; each launch takes the fastest for its key.

    Parameters
    ----------
    configs : sequence of Config
        The choices.
    key : sequence of str
        Arguments whose values, with the dtypes of all tensors, ask for a choice of their own.
    prune_configs_by : dict, optional
        ``early_config_prune``, ``perf_model`` and ``top_k``, as in Triton.
    reset_to_zero, restore_value : sequence of str, optional
        Tensors that are zeroed, or put back, when configurations are timed.
    pre_hook, post_hook : callable, optional
        Called around each launch that is timed.
    warmup, rep, use_cuda_graph, do_bench, cache_results : object
        Accepted; simulated times need no repetition.

    Notes
    -----
    Differs from Triton: a configuration is timed by one launch, from the common start of its PEs to
    its end, in simulated time.  One that does not compile counts as infinitely slow.
    """

    def decorate(fn: Any) -> Autotuner:
        return Autotuner(
            fn, configs, key, prune_configs_by, reset_to_zero, restore_value, pre_hook, post_hook
        )

    return decorate


def heuristics(
    values: Mapping[str, Callable[[dict[str, Any]], Any]],
) -> Callable[[Any], Heuristics]:
    """Compute some of a kernel's arguments from the others, by name, at each launch."""
    return lambda fn: Heuristics(fn, values)
