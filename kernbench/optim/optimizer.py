"""The base of optimizers: parameter groups, state, ``step`` and ``zero_grad``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from kernbench.autograd import enable_grad, no_grad
from kernbench.runtime.nn.hooks import Handle, Hooks
from kernbench.runtime.tensor import Tensor

__all__ = ["Optimizer"]


class Optimizer:
    """Changes parameters by their gradients.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        What to change; dicts are groups ``{"params": ..., option: ...}``.
    defaults : dict
        Options of groups that do not say otherwise.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {type(params).__name__}"
            )
        self.defaults = defaults
        self._step_pre_hooks, self._step_post_hooks = Hooks(), Hooks()
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        given = list(params)
        if not given:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(given[0], dict):
            given = [{"params": given}]
        for group in given:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters.

        Raises
        ------
        TypeError, ValueError
            For what is no tensor, no leaf, or in a group already.
        """
        group = dict(param_group)
        held = group["params"]
        group["params"] = [held] if isinstance(held, Tensor) else list(held)
        known = {id(each) for other in self.param_groups for each in other["params"]}
        for each in group["params"]:
            if isinstance(each, tuple):
                each = each[1]
            if not isinstance(each, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(each)}"
                )
            if not each.is_leaf and not each.retains_grad:
                raise ValueError("can't optimize a non-leaf Tensor")
            if id(each) in known:
                raise ValueError("some parameters appear in more than one parameter group")
            known.add(id(each))
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or zero them."""
        for group in self.param_groups:
            for each in group["params"]:
                if each.grad is None:
                    continue
                if set_to_none:
                    each.grad = None
                else:
                    each.grad = each.grad.detach()
                    each.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change all parameters once.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss anew; its value is returned.
        """
        args: tuple[Any, ...] = (self,) if closure is None else (self, closure)
        for before in list(self._step_pre_hooks.values()):
            changed = before(self, args, {})
            if changed is not None:
                args = changed[0]
                closure = args[1] if len(args) > 1 else changed[1].get("closure")
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                for each in group["params"]:
                    if each.grad is not None:
                        self._update(each, each.grad, self.state[each], group)
        for after in list(self._step_post_hooks.values()):
            after(self, args, {})
        return loss

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(optimizer, (optimizer, *args), kwargs)`` before each step."""
        return self._step_pre_hooks.add(hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(optimizer, (optimizer, *args), kwargs)`` after each step."""
        return self._step_post_hooks.add(hook)

    def _update(
        self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        raise NotImplementedError

    def _numbers(self) -> Iterable[tuple[int, Any]]:
        return enumerate(each for group in self.param_groups for each in group["params"])

    def state_dict(self) -> dict[str, Any]:
        """Return state and options; parameters are numbered."""
        number = {id(each): place for place, each in self._numbers()}
        return {
            "state": {number[id(each)]: held for each, held in self.state.items()},
            "param_groups": [
                {**group, "params": [number[id(each)] for each in group["params"]]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take state and options back."""
        groups = state_dict["param_groups"]
        if len(groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for own, given in zip(self.param_groups, groups, strict=True):
            if len(own["params"]) != len(given["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of "
                    "optimizer's group"
                )
            own.update({name: value for name, value in given.items() if name != "params"})
        by_number = dict(self._numbers())
        self.state = defaultdict(dict)
        for place, held in state_dict["state"].items():
            self.state[by_number[place]] = dict(held)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for place, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {place}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


def check_at_least_0(**options: float) -> None:
    """Raise torch's ValueError for an option below 0."""
    for name, value in options.items():
        if value < 0.0:
            raise ValueError(f"Invalid {name.replace('_', ' ')}: {value}")
