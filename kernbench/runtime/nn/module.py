"""``torch.nn.Module``: parameters, buffers and modules within modules, by name."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, Self

from kernbench.runtime.dispatch import call
from kernbench.runtime.nn.hooks import Handle, Hooks, run
from kernbench.runtime.nn.parameter import Buffer, Parameter
from kernbench.runtime.tensor import Tensor

__all__ = ["Module"]


class _IncompatibleKeys(namedtuple("_IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` found to differ."""

    def __repr__(self) -> str:
        return super().__repr__() if any(self) else "<All keys matched successfully>"

    __str__ = __repr__


class Module:
    """The base of all modules, as ``torch.nn.Module``.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> class Scale(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = torch.nn.Parameter(torch.tensor(2.0))
    ...     def forward(self, x):
    ...         return x.mul(self.factor.detach())
    >>> scale = Scale()
    >>> scale(torch.ones(2)), list(scale.state_dict())
    (tensor([2., 2.]), ['factor'])
    """

    training: bool
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _forward_hooks: Hooks
    _forward_pre_hooks: Hooks
    _backward_hooks: Hooks
    _backward_pre_hooks: Hooks

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            raise TypeError(
                f"{type(self).__name__}.__init__() takes 1 positional argument but "
                f"{len(args) + 1} were given"
            )
        set_ = super().__setattr__
        set_("training", True)
        set_("_parameters", {})
        set_("_buffers", {})
        set_("_modules", {})
        set_("_non_persistent_buffers_set", set())
        for way in ("_forward", "_backward"):
            set_(f"{way}_hooks", Hooks())
            set_(f"{way}_pre_hooks", Hooks())

    def forward(self, *input: Any) -> Any:
        """Compute; subclasses say what."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Do what hooks and :meth:`forward` say."""
        if (
            self._forward_hooks
            or self._forward_pre_hooks
            or self._backward_hooks
            or self._backward_pre_hooks
        ):
            return run(self, args, kwargs)
        return self.forward(*args, **kwargs)

    # --- attributes -------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        stores = self.__dict__
        if isinstance(value, (Parameter, Module, Buffer)) and "_parameters" not in stores:
            kind = "parameters" if isinstance(value, Tensor) else "module"
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if isinstance(value, Parameter):
            self._forget(name)
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._forget(name)
            self._modules[name] = value
        elif isinstance(value, Buffer):
            self._forget(name)
            self.register_buffer(name, value, getattr(value, "persistent", True))
        elif name in stores.get("_parameters", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as parameter '{name}' "
                    "(torch.nn.Parameter or None expected)"
                )
            self._parameters[name] = None
        elif name in stores.get("_modules", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as child module '{name}' "
                    "(torch.nn.Module or None expected)"
                )
            self._modules[name] = None
        elif name in stores.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as buffer '{name}' "
                    "(torch.Tensor or None expected)"
                )
            self._buffers[name] = value
        else:
            super().__setattr__(name, value)

    def _forget(self, name: str) -> None:
        for store in (self.__dict__, self._parameters, self._buffers, self._modules):
            store.pop(name, None)

    def __getattr__(self, name: str) -> Any:
        for store in ("_parameters", "_buffers", "_modules"):
            found = self.__dict__.get(store)
            if found is not None and name in found:
                return found[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for store in (self._parameters, self._buffers, self._modules):
            if name in store:
                del store[name]
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Enter a parameter under a name."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        if "." in name:
            raise KeyError('parameter name can\'t contain "."')
        if not name:
            raise KeyError('parameter name can\'t be empty string ""')
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{_type_name(param)}' object to parameter '{name}' "
                "(torch.nn.Parameter or None required)"
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Enter a tensor that is state, but no parameter."""
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Enter a module under a name."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._modules[name] = module

    register_module = add_module

    # --- walking ----------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield this module and all within it, with their names."""
        seen = set() if memo is None else memo
        if self in seen and remove_duplicate:
            return
        seen.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                inner = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(seen, inner, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """Yield this module and all within it."""
        for _, module in self.named_modules():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules directly within it, with their names."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yield the modules directly within it."""
        for _, module in self.named_children():
            yield module

    def _named(
        self, store: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        owners = self.named_modules(prefix=prefix) if recurse else [(prefix, self)]
        for place, module in owners:
            for name, value in getattr(module, store).items():
                if value is None or (remove_duplicate and id(value) in seen):
                    continue
                seen.add(id(value))
                yield f"{place}.{name}" if place else name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield parameters with their names."""
        yield from self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield parameters."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield buffers with their names."""
        yield from self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield buffers."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """Return the module of a dotted name."""
        found = self
        for name in target.split(".") if target else ():
            if name not in found._modules:
                raise AttributeError(f"{type(found).__name__} has no attribute `{name}`")
            found = found._modules[name]
        return found

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter of a dotted name."""
        place, _, name = target.rpartition(".")
        found: Parameter = self.get_submodule(place)._parameters[name]
        return found

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer of a dotted name."""
        place, _, name = target.rpartition(".")
        found: Tensor = self.get_submodule(place)._buffers[name]
        return found

    # --- state ------------------------------------------------------------------------------------

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Return parameters and persistent buffers by name."""
        found: dict[str, Any] = OrderedDict() if destination is None else destination
        for name, value in self._parameters.items():
            if value is not None:
                found[prefix + name] = value if keep_vars else call("detach", value)
        for name, value in self._buffers.items():
            if value is not None and name not in self._non_persistent_buffers_set:
                found[prefix + name] = value if keep_vars else call("detach", value)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=found, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        return found

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Write values into parameters and buffers by name."""
        own = self.state_dict(keep_vars=True)
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        faults = []
        if strict and unexpected:
            listed = ", ".join(f'"{name}"' for name in unexpected)
            faults.append(f"Unexpected key(s) in state_dict: {listed}. ")
        if strict and missing:
            listed = ", ".join(f'"{name}"' for name in missing)
            faults.append(f"Missing key(s) in state_dict: {listed}. ")
        for name, value in own.items():
            given = state_dict.get(name)
            if given is None:
                continue
            if given._shape != value._shape:
                faults.append(
                    f"size mismatch for {name}: copying a param with shape {given._shape} from "
                    f"checkpoint, the shape in current model is {value._shape}."
                )
            elif assign:
                value.data = call("detach", given)
            else:
                value.data.copy_(given)
        if faults:
            lines = "\n\t".join(faults)
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}"
            )
        return _IncompatibleKeys(missing, unexpected)

    def _apply(self, change: Callable[[Tensor], Tensor]) -> Self:
        for module in self.modules():
            for parameter in module._parameters.values():
                if parameter is not None:
                    parameter.data = change(parameter.data)
                    if parameter.grad is not None:
                        parameter.grad = change(parameter.grad)
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[name] = change(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move parameters and buffers to a device, and convert floating ones to a dtype."""
        from kernbench.runtime.dtypes import as_dtype, dtype

        where, kind = kwargs.get("device"), kwargs.get("dtype")
        for each in args:
            if isinstance(each, Tensor):
                where, kind = each.device, each.dtype
            elif isinstance(each, dtype) or type(each).__name__ == "dtype":
                kind = each
            elif not isinstance(each, bool) and each is not None:
                where = each
        wanted = None if kind is None else as_dtype(kind)
        if wanted is not None and not (wanted.is_floating_point or wanted.is_complex):
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={wanted!r}"
            )

        def change(tensor: Tensor) -> Any:
            target = wanted if tensor.is_floating_point() else None
            return call("to", tensor, where, target)

        return self._apply(change)

    def cuda(self, device: Any = None) -> Self:
        """Move parameters and buffers to the machine."""
        return self._apply(lambda tensor: call("cuda", tensor, device))

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Move parameters and buffers to a device, without their values."""
        return self._apply(lambda tensor: call("empty_like", tensor, device=device))

    def cpu(self) -> Self:
        """Move parameters and buffers to the host."""
        return self._apply(lambda tensor: call("cpu", tensor))

    def type(self, dst_type: Any) -> Self:
        """Convert parameters and buffers to a dtype."""
        return self._apply(lambda tensor: call("type", tensor, dst_type))

    def _float_to(self, name: str) -> Self:
        return self._apply(lambda t: call(name, t) if t.is_floating_point() else t)

    def float(self) -> Self:
        """Convert floating parameters and buffers to float32."""
        return self._float_to("float")

    def double(self) -> Self:
        """Convert floating parameters and buffers to float64."""
        return self._float_to("double")

    def half(self) -> Self:
        """Convert floating parameters and buffers to float16."""
        return self._float_to("half")

    def bfloat16(self) -> Self:
        """Convert floating parameters and buffers to bfloat16."""
        return self._float_to("bfloat16")

    def share_memory(self) -> Self:
        """Let ranks share parameters and buffers: see ``Tensor.share_memory_``."""
        return self._apply(lambda each: call("share_memory_", each))

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call a function with every module within, then with this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode here and within."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Leave training mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say whether gradients of the parameters are wanted."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the parameters' gradients, or set them to zero."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                if set_to_none:
                    parameter.grad = None
                else:
                    parameter.grad.zero_()

    # --- hooks ------------------------------------------------------------------------------------

    def register_forward_hook(
        self,
        hook: Any,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> Handle:
        """Call ``hook(module, args, output)`` after each :meth:`forward`.

        It gets ``(module, args, kwargs, output)`` if `with_kwargs`; if `always_call`, also when
        that raised, with None for the output.
        """
        return self._forward_hooks.add((hook, with_kwargs, always_call), prepend)

    def register_forward_pre_hook(
        self, hook: Any, *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call ``hook(module, args)`` before each :meth:`forward`; with `kwargs`, if wanted."""
        return self._forward_pre_hooks.add((hook, with_kwargs), prepend)

    def register_full_backward_hook(self, hook: Any, prepend: bool = False) -> Handle:
        """Call ``hook(module, grad_input, grad_output)`` when the inputs' gradients are known."""
        return self._backward_hooks.add(hook, prepend)

    def register_backward_hook(self, hook: Any) -> NoReturn:
        """Refuse torch's older hook, whose gradients are those of the module's last operation."""
        raise NotImplementedError(
            "kernbench: Module.register_backward_hook is not implemented; use "
            "register_full_backward_hook"
        )

    def register_full_backward_pre_hook(self, hook: Any, prepend: bool = False) -> Handle:
        """Call ``hook(module, grad_output)`` before backward through the module."""
        return self._backward_pre_hooks.add(hook, prepend)

    # --- text -------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """Return what stands between the parentheses."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = []
        for name, module in self._modules.items():
            first, *rest = repr(module).split("\n")
            lines.append(f"({name}): " + "\n".join([first, *("  " + each for each in rest)]))
        if not lines:
            return f"{self._get_name()}({extra})"
        parts = ([extra] if extra else []) + lines
        return f"{self._get_name()}(\n  " + "\n  ".join(parts) + "\n)"


def _type_name(value: Any) -> str:
    kind = type(value)
    module = "torch" if issubclass(kind, Tensor) else kind.__module__
    name = "FloatTensor" if kind is Tensor else kind.__name__
    return f"{module}.{name}" if module != "builtins" else name
