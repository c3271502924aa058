"""Modules: parameters, buffers and modules within, found by name."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from kernbench.autograd import no_grad
from kernbench.nn.parameter import Buffer, Parameter
from kernbench.runtime.tensor import Tensor

__all__ = ["Module"]

_hook_numbers = itertools.count()


class _Keys(NamedTuple):
    """What ``load_state_dict`` returns."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"_IncompatibleKeys(missing_keys={self.missing_keys}, "
            f"unexpected_keys={self.unexpected_keys})"
        )


class _Hook:
    """A registered hook; ``remove`` takes it out."""

    def __init__(self, table: dict[int, Any], hook: Any) -> None:
        self._table, self.id = table, next(_hook_numbers)
        table[self.id] = hook

    def remove(self) -> None:
        self._table.pop(self.id, None)

    def __enter__(self) -> _Hook:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.remove()


class Module:
    """The base of all layers and models.

    Subclasses set parameters and modules as attributes in ``__init__`` and define ``forward``.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> class Twice(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.scale = torch.nn.Parameter(torch.tensor(2.0))
    ...
    ...     def forward(self, x):
    ...         return x * self.scale
    >>> [name for name, _ in Twice().named_parameters()]
    ['scale']
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        own = self.__dict__
        own["training"] = True
        own["_parameters"] = {}
        own["_buffers"] = {}
        own["_modules"] = {}
        own["_non_persistent"] = set()
        own["_forward_hooks"] = {}
        own["_forward_pre_hooks"] = {}

    # --- attributes -------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        parameters = own.get("_parameters")
        if isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name)
            parameters[name] = value
        elif isinstance(value, Module):
            if parameters is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name)
            own["_modules"][name] = value
        elif parameters is not None and name in parameters:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as parameter '{name}' "
                    "(torch.nn.Parameter or None expected)"
                )
            parameters[name] = None
        elif parameters is not None and name in own["_modules"]:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as child module '{name}' "
                    "(torch.nn.Module or None expected)"
                )
            own["_modules"][name] = None
        elif isinstance(value, Buffer) or (parameters is not None and name in own["_buffers"]):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{_type_name(value)}' as buffer '{name}' (torch.nn.Buffer, "
                    "torch.Tensor or None expected)"
                )
            if name not in own["_buffers"]:
                self.register_buffer(name, value, getattr(value, "persistent", True))
            else:
                own["_buffers"][name] = value
        else:
            object.__setattr__(self, name, value)

    def _forget(self, name: str) -> None:
        own = self.__dict__
        own.pop(name, None)
        for table in ("_parameters", "_buffers", "_modules"):
            own[table].pop(name, None)
        own["_non_persistent"].discard(name)

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for table in ("_parameters", "_buffers", "_modules"):
            if table in own and name in own[table]:
                return own[table][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        own = self.__dict__
        for table in ("_parameters", "_buffers", "_modules"):
            if name in own[table]:
                del own[table][name]
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        own = self.__dict__
        return sorted(
            {*object.__dir__(self), *own["_parameters"], *own["_buffers"], *own["_modules"]}
        )

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Enter a parameter, or the place of one that may come later."""
        if not isinstance(param, (Parameter, type(None))):
            raise TypeError(
                f"cannot assign '{_type_name(param)}' object to parameter '{name}' "
                "(torch.nn.Parameter or None required)"
            )
        self._check_name(name, "parameter", "_parameters")
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Enter a tensor that is state and is not learned."""
        if not isinstance(tensor, (Tensor, type(None))):
            raise TypeError(
                f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' (torch Tensor or "
                "None required)"
            )
        self._check_name(name, "buffer", "_buffers")
        self._buffers[name] = tensor
        if not persistent:
            self.__dict__["_non_persistent"].add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Enter a module within this one."""
        if not isinstance(module, (Module, type(None))):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_name(name, "module", "_modules")
        self._modules[name] = module

    register_module = add_module

    def _check_name(self, name: str, what: str, table: str) -> None:
        if "." in name:
            raise KeyError(f'{what} name can\'t contain "."')
        if name == "":
            raise KeyError(f'{what} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[table]:
            raise KeyError(f"attribute '{name}' already exists")

    # --- calls ------------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the results; each subclass says how."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        own = self.__dict__
        for hook, with_kwargs in list(own["_forward_pre_hooks"].values()):
            if with_kwargs:
                changed = hook(self, args, kwargs)
                if changed is not None:
                    args, kwargs = changed
            else:
                changed = hook(self, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        result = self.forward(*args, **kwargs)
        for hook, with_kwargs in list(own["_forward_hooks"].values()):
            changed = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
            if changed is not None:
                result = changed
        return result

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False,
        always_call: bool = False,
    ) -> Any:  # fmt: skip
        """Call ``hook(module, args, result)`` after ``forward``; what it returns takes its place."""
        return _Hook(self.__dict__["_forward_hooks"], (hook, with_kwargs))

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Any:
        """Call ``hook(module, args)`` before ``forward``."""
        return _Hook(self.__dict__["_forward_pre_hooks"], (hook, with_kwargs))

    # --- what there is ----------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield this module and all within, each with its path."""
        seen: set[Any] = set() if memo is None else memo
        if self in seen:
            return
        if remove_duplicate:
            seen.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(seen, path, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """Yield this module and all within."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules directly within, by name."""
        seen: set[Any] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yield the modules directly within."""
        return (module for _, module in self.named_children())

    def _named(self, table: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix=prefix) if recurse else iter([(prefix, self)])
        for path, module in modules:
            for name, tensor in module.__dict__[table].items():
                if tensor is not None and id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield (f"{path}.{name}" if path else name), tensor

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield the parameters with their paths."""
        return self._named("_parameters", prefix, recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters."""
        return (tensor for _, tensor in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield the buffers with their paths."""
        return self._named("_buffers", prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the buffers."""
        return (tensor for _, tensor in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """Return the module at a path such as ``"layers.0.mlp"``."""
        found: Any = self
        for name in filter(None, target.split(".")):
            if name not in found.__dict__["_modules"]:
                raise AttributeError(f"{type(found).__name__} has no attribute `{name}`")
            found = found.__dict__["_modules"][name]
        return found  # type: ignore[no-any-return]

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a path."""
        path, _, name = target.rpartition(".")
        found = self.get_submodule(path)
        if name not in found._parameters:
            raise AttributeError(f"{type(found).__name__} has no attribute `{name}`")
        return getattr(found, name)  # type: ignore[no-any-return]

    # --- state ------------------------------------------------------------------------------------

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> OrderedDict[str, Any]:
        """Return all parameters and persistent buffers by path; they share memory with these."""
        found: OrderedDict[str, Any] = OrderedDict() if destination is None else destination
        own = self.__dict__
        for table in ("_parameters", "_buffers"):
            for name, tensor in own[table].items():
                if tensor is not None and name not in own["_non_persistent"]:
                    found[prefix + name] = tensor if keep_vars else tensor.detach()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=found, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        return found

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _Keys:
        """Copy values into this module's tensors by path.

        Raises
        ------
        RuntimeError
            For shapes that differ, and if `strict` for paths that are missing or not expected.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        wanted = self.state_dict(keep_vars=True)
        missing = [name for name in wanted if name not in state_dict]
        unexpected = [name for name in state_dict if name not in wanted]
        faults = []
        if strict and unexpected:
            names = ", ".join(f'"{name}"' for name in unexpected)
            faults.append(f"Unexpected key(s) in state_dict: {names}. ")
        if strict and missing:
            faults.append(
                "Missing key(s) in state_dict: " + ", ".join(f'"{name}"' for name in missing) + ". "
            )
        for name, value in state_dict.items():
            if name in wanted and wanted[name].shape != value.shape:
                faults.append(
                    f"size mismatch for {name}: copying a param with shape {value.shape} from "
                    f"checkpoint, the shape in current model is {wanted[name].shape}."
                )
        if faults:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t"
                + "\n\t".join(faults)
            )
        with no_grad():
            for name, tensor in wanted.items():
                if name in state_dict:
                    tensor.copy_(state_dict[name])
        return _Keys(missing, unexpected)

    def _apply(self, function: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        for module in self.modules() if recurse else [self]:
            for table in ("_parameters", "_buffers"):
                held = module.__dict__[table]
                for name, tensor in held.items():
                    if tensor is None:
                        continue
                    with no_grad():
                        made = function(tensor)
                    if made is tensor:
                        continue
                    if table == "_parameters":
                        made = Parameter(made, tensor.requires_grad)
                        made.__dict__.update(
                            (key, value)
                            for key, value in tensor.__dict__.items()
                            if not key.startswith("_") and key not in made.__dict__
                        )
                        if tensor.grad is not None:
                            made.grad = function(tensor.grad)
                    held[name] = made
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move all tensors to a device; floating-point ones to a dtype."""
        from kernbench.runtime.dtypes import dtype as dtype_type

        kind = kwargs.get("dtype")
        rest = []
        for each in args:
            if isinstance(each, dtype_type):
                kind = each
            else:
                rest.append(each)
        where = kwargs.get("device", rest[0] if rest else None)

        def moved(tensor: Tensor) -> Tensor:
            wanted = kind if kind is not None and tensor.is_floating_point() else tensor.dtype
            return tensor.to(tensor.device if where is None else where, wanted)  # type: ignore[no-any-return]

        return self._apply(moved)

    def cuda(self, device: Any = None) -> Self:
        """Move all tensors to the machine."""
        return self._apply(lambda tensor: tensor.cuda(device))

    def cpu(self) -> Self:
        """Move all tensors to the host."""
        return self._apply(lambda tensor: tensor.cpu())

    def _cast(self, kind: str) -> Self:
        return self._apply(lambda t: getattr(t, kind)() if t.is_floating_point() else t)

    def float(self) -> Self:
        """Cast floating-point tensors to float32."""
        return self._cast("float")

    def double(self) -> Self:
        """Cast floating-point tensors to float64."""
        return self._cast("double")

    def half(self) -> Self:
        """Cast floating-point tensors to float16."""
        return self._cast("half")

    def bfloat16(self) -> Self:
        """Cast floating-point tensors to bfloat16."""
        return self._cast("bfloat16")

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Call ``fn`` on each module within, then on this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Set training mode, which dropout looks at."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Leave training mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say of all parameters whether gradients are wanted."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or zero them."""
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                parameter.grad = parameter.grad.detach()
                parameter.grad.zero_()

    # --- text -------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """Return what stands between the parentheses of the text."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [
            f"({name}): " + repr(module).replace("\n", "\n  ")
            for name, module in self._modules.items()
        ]
        lines = extra + children
        if not lines:
            return f"{self._get_name()}()"
        if len(extra) == 1 and not children:
            return f"{self._get_name()}({extra[0]})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
