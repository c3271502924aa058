"""Expressions of a kernel: an AST node in, an operand out."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping
from typing import Any

from kernbench.errors import CompilationError
from kernbench.language import arithmetic
from kernbench.language.access import attribute, index_tensor, item
from kernbench.language.advice import instead_of_expression, instead_of_python, nearest
from kernbench.language.builtin import BoundMethod, Builtin
from kernbench.language.emitter import Emitter
from kernbench.language.function import KernelFunction
from kernbench.language.joins import Binding, meet
from kernbench.language.names import (
    PYTHON_NAMES,
    PYTHON_TYPES,
    call_python,
    wrap_global,
)
from kernbench.language.ops_static import shown
from kernbench.language.promotion import number_dtype
from kernbench.language.source import Source
from kernbench.language.values import (
    Const,
    Named,
    Operand,
    Pack,
    Refusal,
    TypesAsText,
    Value,
    as_int,
    as_python,
    is_number,
)

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.FloorDiv: "floordiv",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "shl",
    ast.RShift: "shr",
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
}
RESULT = " result"
"""A name that no script can spell, for a value that has none where paths meet."""


class ExpressionWalker:
    """Visits expressions of one function; `env` has what its names stand for now."""

    def __init__(
        self,
        emitter: Emitter,
        source: Source,
        scope: Mapping[str, Any],
        env: dict[str, Binding],
        used_globals: dict[tuple[int, str], tuple[Mapping[str, Any], Any]],
    ) -> None:
        self.e = emitter
        self.source = source
        self.scope = scope
        self.env = env
        self.used_globals = used_globals
        self.gone: dict[str, str] = {}

    def inline(
        self,
        function: KernelFunction,
        args: list[Operand],
        kwargs: dict[str, Operand],
        walker_class: type[ExpressionWalker] | None = None,
    ) -> Operand:
        """Compile a call of another jit function; `walker_class` visits it, or one like this."""
        raise NotImplementedError

    def visit(self, node: ast.expr) -> Operand:
        """Return the operand that an expression gives; refusals get their place here."""
        method: Callable[[Any], Operand] | None = getattr(
            self, f"_visit_{type(node).__name__}", None
        )
        try:
            if method is None:
                raise Refusal(instead_of_expression(node))
            return method(node)
        except Refusal as refusal:
            raise self.source.error(refusal, node) from refusal.__cause__

    # Leaves

    def _visit_Constant(self, node: ast.Constant) -> Operand:
        if isinstance(node.value, (bool, int, float, str, type(None))):
            return Const(node.value)
        raise Refusal(f"a constant like {node.value!r} is not supported in kernels")

    def _visit_Name(self, node: ast.Name) -> Operand:
        if (binding := self.env.get(node.id)) is not None:
            return binding.operand
        if node.id in self.gone:
            raise Refusal(f"'{node.id}' {self.gone[node.id]}")
        if node.id in self.scope:
            value = self.scope[node.id]
            operand = wrap_global(node.id, value)
            self.used_globals[id(self.scope), node.id] = (self.scope, value)
            return operand
        if node.id in PYTHON_NAMES:
            return PYTHON_NAMES[node.id]
        if hasattr(builtins, node.id):
            advice = instead_of_python(node.id)
            raise Refusal(f"Python's builtin {node.id} is not a function of kernels{advice}")
        advice = nearest(node.id, [*self.env, *self.scope])
        raise Refusal(f"'{node.id}' is not defined in the kernel{advice}")

    def _visit_Tuple(self, node: ast.Tuple) -> Operand:
        items: list[Operand] = []
        for element in node.elts:
            if isinstance(element, ast.Starred):
                items += self.visit_pack(element.value).listed
            else:
                items.append(self.visit(element))
        return Pack(tuple(items))

    def _visit_List(self, node: ast.List) -> Operand:
        return self._visit_Tuple(ast.Tuple(node.elts, ast.Load()))

    def visit_pack(self, node: ast.expr) -> Pack:
        """Return an expression that must be a tuple."""
        operand = self.visit(node)
        if not isinstance(operand, Pack):
            raise Refusal(f"expected a tuple, got a {operand}")
        return operand

    def _visit_JoinedStr(self, node: ast.JoinedStr) -> Operand:
        parts, known = [], True
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                operand = self.visit(part.value)
                spec = self.visit(part.format_spec) if part.format_spec else Const("")
                if isinstance(operand, Const) and isinstance(spec, Const) and part.conversion == -1:
                    parts.append(format(operand.value, str(spec.value)))
                else:
                    parts.append(shown(operand))
                    known = known and not isinstance(operand, Value)
            else:
                parts.append(str(ast.literal_eval(part)))
        return Const("".join(parts) if known else TypesAsText("".join(parts)))

    # Operators

    def _visit_BinOp(self, node: ast.BinOp) -> Operand:
        left, right = self.visit(node.left), self.visit(node.right)
        return self.binary(type(node.op), left, right, (node.left, node.right))

    def binary(
        self,
        op: type[ast.operator],
        left: Operand,
        right: Operand,
        nodes: tuple[ast.expr, ast.expr],
    ) -> Operand:
        """``left op right``; `nodes` are where they come from."""
        if op not in _BINARY:
            raise Refusal("@ is not an operator of the kernel language; use tl.dot")
        if isinstance(left, Pack) or isinstance(right, Pack):
            return self._binary_packs(op, left, right)
        if op is ast.Add:
            for addend, product, node in ((left, right, nodes[1]), (right, left, nodes[0])):
                if isinstance(node, ast.Call) and (fused := self._fuse_dot(product, addend)):
                    return fused
        return arithmetic.binary(self.e, _BINARY[op], left, right)

    def _binary_packs(self, op: type[ast.operator], left: Operand, right: Operand) -> Operand:
        if op is ast.Add and isinstance(left, Pack) and isinstance(right, Pack):
            return Pack(left.listed + right.listed)
        if op is ast.Mult:
            pack, times = (left, right) if isinstance(left, Pack) else (right, left)
            if isinstance(pack, Pack):
                return Pack(pack.listed * as_int(times, "a tuple's repetition"))
        kinds = [side.kind for side in (left, right) if isinstance(side, Pack)]
        if any(kind is not None and not isinstance(kind, Named) for kind in kinds):
            raise Refusal(f"expected numbers or tensors, got a {left} and a {right}")
        raise Refusal("tuples can be added to tuples and repeated, nothing else")

    def _fuse_dot(self, product: Operand, addend: Operand) -> Value | None:
        """``x + tl.dot(a, b)`` as one dot that starts at x, if nothing came after the dot."""
        insts = self.e.open_block().insts
        if not isinstance(product, Value) or not isinstance(addend, Value) or not insts:
            return None
        dot = insts[-1]
        fits = dot.op == "dot" and dot.dst == product.reg and dot.c is None
        if not fits or (addend.type.dtype, addend.type.shape) != (
            product.type.dtype,
            product.type.shape,
        ):
            return None
        insts.pop()
        dot.c = self.e.to_tile(addend).reg
        insts.append(dot)
        return product

    def _visit_UnaryOp(self, node: ast.UnaryOp) -> Operand:
        operand = self.visit(node.operand)
        if isinstance(node.op, ast.Not):
            return arithmetic.logical_not(self.e, operand)
        if isinstance(node.op, ast.USub):
            return arithmetic.negative(self.e, operand)
        if isinstance(node.op, ast.Invert):
            return arithmetic.invert(self.e, operand)
        return operand

    def _visit_Compare(self, node: ast.Compare) -> Operand:
        if len(node.ops) != 1:
            raise Refusal("chained comparisons are not supported; write (a < b) & (b < c)")
        op = node.ops[0]
        left, right = self.visit(node.left), self.visit(node.comparators[0])
        if isinstance(op, (ast.Is, ast.IsNot)):
            return Const(self._is(left, right) == isinstance(op, ast.Is))
        if isinstance(op, (ast.In, ast.NotIn)):
            return Const(self._contains(left, right) == isinstance(op, ast.In))
        if isinstance(left, Pack) or isinstance(right, Pack):
            if not isinstance(op, (ast.Eq, ast.NotEq)):
                raise Refusal("tuples can be compared with == and != only")
            return Const((left == right) == isinstance(op, ast.Eq))
        return arithmetic.binary(self.e, _COMPARE[type(op)], left, right)

    def _is(self, left: Operand, right: Operand) -> bool:
        if not isinstance(right, Const):
            left, right = right, left
        if not isinstance(right, Const):
            raise Refusal("'is' compares with None, True, False or a dtype")
        return isinstance(left, Const) and left.value is right.value

    def _contains(self, left: Operand, right: Operand) -> bool:
        if isinstance(left, Const) and isinstance(right, Pack):
            items = [item.value for item in right.listed if isinstance(item, Const)]
            if len(items) == len(right.listed):
                return left.value in items
            raise Refusal("'in' works on compile-time values only")
        left_text, right_text = as_python(left), as_python(right)
        if isinstance(left_text, str) and isinstance(right_text, str):
            return left_text in right_text
        raise Refusal("'in' works on compile-time values only")

    def _visit_BoolOp(self, node: ast.BoolOp) -> Operand:
        stop_at = isinstance(node.op, ast.Or)
        result: Operand | None = None
        for value_node in node.values:
            operand = self.visit(value_node)
            if isinstance(operand, (Const, Pack)):
                decided = bool(getattr(operand, "value", getattr(operand, "items", None)))
                if result is None and decided is stop_at:
                    return operand
                if result is None and value_node is node.values[-1]:
                    return operand
                if decided is not stop_at:
                    continue
                operand = Const(decided)
            truth = arithmetic.truth(self.e, operand)
            op = "or" if stop_at else "and"
            result = truth if result is None else arithmetic.binary(self.e, op, result, truth)
        assert result is not None
        return result

    def _visit_IfExp(self, node: ast.IfExp) -> Operand:
        test = self.visit(node.test)
        if isinstance(test, Value):
            return self.choose(test, node)
        return self.visit(node.body if decided(test) else node.orelse)

    def choose(self, test: Value, node: ast.IfExp) -> Operand:
        """Return what a conditional expression gives that is decided when the kernel runs."""
        paths = []
        fork = self.e.end(condition=self.e.condition(test))
        starts = []
        for branch in (node.body, node.orelse):
            starts.append(self.e.new_block())
            operand = self.visit(branch)
            if isinstance(operand, Const) and is_number(operand) and operand.dtype is None:
                operand = assigned(operand)
            line = self.source.first_line + branch.lineno - 1
            paths.append((self.e.end(), {RESULT: Binding(operand, line)}))
        fork.targets = (starts[0], starts[1])
        return meet(self.e, paths, {RESULT: "the conditional expression"})[RESULT].operand

    def _visit_NamedExpr(self, node: ast.NamedExpr) -> Operand:
        operand = assigned(self.visit(node.value))
        self.env[node.target.id] = Binding(operand, self.source.first_line + node.lineno - 1)
        return operand

    # Access

    def _visit_Attribute(self, node: ast.Attribute) -> Operand:
        base = self.visit(node.value)
        return attribute(self.e, base, node.attr)

    def _visit_Subscript(self, node: ast.Subscript) -> Operand:
        base = self.visit(node.value)
        if isinstance(base, Value):
            return index_tensor(self.e, base, node.slice)
        if isinstance(base, Pack):
            if isinstance(node.slice, ast.Slice):
                bounds = [
                    None if part is None else as_int(self.visit(part), "a tuple's slice")
                    for part in (node.slice.lower, node.slice.upper, node.slice.step)
                ]
                return Pack(base.listed[slice(*bounds)])
            return item(base, as_int(self.visit(node.slice), "a tuple's index"))
        raise Refusal(f"expected a tensor or a tuple before [...], got {base}")

    # Calls

    def _visit_Call(self, node: ast.Call) -> Operand:
        function = self.visit(node.func)
        args: list[Operand] = []
        for arg in node.args:
            if isinstance(arg, ast.Starred):
                args += self.visit_pack(arg.value).listed
            else:
                args.append(self.visit(arg))
        kwargs = {}
        for keyword in node.keywords:
            if keyword.arg is None:
                raise Refusal("** in a call is not supported in kernels")
            kwargs[keyword.arg] = self.visit(keyword.value)
        if not isinstance(function, Const):
            raise Refusal(f"expected a function, got a {function}")
        return self.call(function.value, args, kwargs, node)

    def call(
        self,
        function: Any,
        args: list[Operand],
        kwargs: dict[str, Operand],
        node: ast.Call,
        walker_class: type[ExpressionWalker] | None = None,
    ) -> Operand:
        """Call whatever a kernel may call; `walker_class` as for `inline`."""
        if isinstance(function, BoundMethod):
            return function.builtin.compile(self.e, [function.receiver, *args], kwargs)
        if function in (int, float, bool, str):
            function = PYTHON_NAMES[function.__name__].value  # type: ignore[union-attr]
        if isinstance(function, Builtin):
            if function.name in ("isinstance", "<isinstance>") and len(args) == 2:
                args[1] = _python_types(args[1])
            self.e.call = lambda callee, operands, walker_class=None: self.call(
                callee, operands, {}, node, walker_class
            )
            return function.compile(self.e, args, kwargs)
        if isinstance(function, KernelFunction):
            try:
                return self.inline(function, args, kwargs, walker_class)
            except CompilationError as error:
                line = self.source.first_line + node.lineno - 1
                note = f"  called from {self.source.tree.name}, {self.source.filename}:{line}"
                if error.notes[-1:] != (note,):  # recursion comes from one place many times
                    error.notes += (note,)
                raise
        return call_python(function, args, kwargs)


def assigned(operand: Operand) -> Operand:
    """Return what a name stands for once assigned to: a number gets Triton's type."""
    if isinstance(operand, Pack):
        return Pack(tuple(assigned(item) for item in operand.items))
    if isinstance(operand, Const) and operand.dtype is None:
        number = operand.value
        if isinstance(number, (bool, int, float)):
            return Const(number, number_dtype(number))
    return operand


def decided(operand: Operand) -> bool:
    """Return the truth of a compile-time object, or whether a tuple has items."""
    return bool(operand.value if isinstance(operand, Const) else getattr(operand, "items", ()))


def _python_types(operand: Operand) -> Operand:
    if isinstance(operand, Pack):
        return Pack(tuple(_python_types(item) for item in operand.items))
    if isinstance(operand, Const) and isinstance(operand.value, Builtin):
        return Const(PYTHON_TYPES.get(operand.value.name, operand.value))
    return operand
