"""Statements of a kernel: assignments, branches, loops, and the bodies of inlined functions."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from kernbench.language.advice import instead_of_statement
from kernbench.language.expressions import RESULT, ExpressionWalker, assigned, decided
from kernbench.language.function import KernelFunction
from kernbench.language.ir import Block
from kernbench.language.joins import (
    Binding,
    meet,
)
from kernbench.language.loops import Loop, count
from kernbench.language.names import wrap_global
from kernbench.language.ops_loop import LoopRange
from kernbench.language.ops_static import device_assert
from kernbench.language.source import is_constexpr_annotation
from kernbench.language.values import (
    NONE,
    Const,
    Operand,
    Pack,
    Refusal,
    StaticAssertRefusal,
    Value,
    as_int,
    as_python,
)

_NO_ELSE = (
    "else after a loop is not supported in kernels; write it behind the loop, under an `if` of "
    "what the loop leaves"
)
_MAX_DEPTH = 64
_MAX_UNROLL = 1 << 14


class FunctionWalker(ExpressionWalker):
    """Visits the statements of one function; inlined calls get a walker of their own.

    Attributes
    ----------
    depth : int
        0 for the kernel, more for functions inlined into it.
    returns : list
        For an inlined function: the blocks that return, without target yet, and their values.
    """

    depth = 0

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.returns: list[tuple[Block, dict[str, Binding]]] = []

    def file_line(self, node: ast.AST) -> int:
        """Line of a node in its file."""
        return self.source.first_line + int(getattr(node, "lineno", 1)) - 1

    def visit_body(self, body: list[ast.stmt]) -> None:
        """Visit statements as far as control flow reaches."""
        for statement in body:
            if self.e.block is None:
                return
            self.visit_statement(statement)

    def visit_statement(self, node: ast.stmt) -> None:
        """Visit one statement; refusals get their place here."""
        if self.depth == 0:
            self.e.line = node.lineno
        name = type(node).__name__
        method: Callable[[Any], None] | None = getattr(self, f"_visit_{name}", None)
        try:
            if method is None or isinstance(node, ast.expr):
                raise Refusal(instead_of_statement(node))
            method(node)
        except Refusal as refusal:
            raise self.source.error(refusal, node) from refusal.__cause__

    # Simple statements

    def _visit_Pass(self, node: ast.Pass) -> None:
        """Nothing."""

    def _visit_Break(self, node: ast.Break) -> None:
        raise Refusal("break is not supported, as in Triton; use a while loop with a condition")

    def _visit_Continue(self, node: ast.Continue) -> None:
        raise Refusal(
            "continue is not supported, as in Triton; put the rest of the body into an if"
        )

    def _visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        raise Refusal("functions inside kernels are not supported; write it outside, with @kb.jit")

    def _visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    def _visit_Assert(self, node: ast.Assert) -> None:
        test = self.visit(node.test)
        message = self.visit(node.msg) if node.msg else Const("")
        if not isinstance(test, Const):
            device_assert.compile(self.e, [test, message], {})
        elif not test.value:
            raise StaticAssertRefusal(
                f"assert failed: {as_python(message) or ast.unparse(node.test)}"
            )

    def bind(self, target: ast.expr, operand: Operand) -> None:
        """Let a target of an assignment stand for `operand`."""
        if isinstance(target, ast.Name):
            self.env[target.id] = Binding(operand, self.file_line(target))
            self.gone.pop(target.id, None)
            return
        if isinstance(target, (ast.Tuple, ast.List)):
            if not isinstance(operand, Pack) or len(operand.listed) != len(target.elts):
                raise Refusal(f"expected {len(target.elts)} values to unpack, got a {operand}")
            for element, item in zip(target.elts, operand.listed, strict=True):
                self.bind(element, item)
            return
        raise Refusal("only names and tuples of names can be assigned to in kernels; use tl.store")

    def _visit_Assign(self, node: ast.Assign) -> None:
        operand = assigned(self.visit(node.value))
        for target in node.targets:
            self.bind(target, operand)

    def _visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is None:
            return
        operand = self.visit(node.value)
        if is_constexpr_annotation(node.annotation):
            as_python(operand)
            if isinstance(operand, Const):
                operand = Const(operand.value)
        else:
            operand = assigned(operand)
        self.bind(node.target, operand)

    def _visit_AugAssign(self, node: ast.AugAssign) -> None:
        if not isinstance(node.target, ast.Name):
            raise Refusal("only names can be assigned to in kernels; use tl.store")
        left = self.visit(ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target))
        right = self.visit(node.value)
        result = self.binary(type(node.op), left, right, (node.target, node.value))
        self.bind(node.target, assigned(result))

    def _visit_Return(self, node: ast.Return) -> None:
        operand = NONE if node.value is None else self.visit(node.value)
        if self.depth == 0:
            if not (isinstance(operand, Const) and operand.value is None):
                raise Refusal("a kernel returns nothing; use tl.store")
            self.e.end()
            return
        self.returns.append((self.e.end(), {RESULT: Binding(operand, self.file_line(node))}))

    # Branches

    def _visit_If(self, node: ast.If) -> None:
        test = self.visit(node.test)
        if isinstance(test, Value):
            self.branch(test, node)
        else:
            self.visit_body(node.body if decided(test) else node.orelse)

    def branch(self, test: Value, node: ast.If) -> None:
        """Visit both ways of an ``if`` that is decided when the kernel runs."""
        fork = self.e.end(condition=self.e.condition(test))
        before, gone = dict(self.env), dict(self.gone)
        starts: list[Block] = []
        paths: list[tuple[Block, dict[str, Binding]]] = []
        for body in (node.body, node.orelse):
            self.env, self.gone = dict(before), dict(gone)
            starts.append(self.e.new_block())
            self.visit_body(body)
            if self.e.block is not None:
                paths.append((self.e.end(), self.env))
        fork.targets = (starts[0], starts[1])
        self.env, self.gone = before, gone
        if len(paths) == 1:
            self.e.block, self.env = paths[0]
        elif paths:
            self.env = meet(self.e, paths)
            for _, env in paths:
                for name in env.keys() - self.env.keys():
                    self.gone[name] = (
                        f"is defined on one path only, in line {env[name].line}; give it a value "
                        "on the other, or before both"
                    )

    # Loops

    def _visit_While(self, node: ast.While) -> None:
        if node.orelse:
            raise Refusal(_NO_ELSE)

        Loop(self, node).compile()

    def _visit_For(self, node: ast.For) -> None:
        if node.orelse:
            raise Refusal(_NO_ELSE)
        over = self.visit(node.iter)
        if isinstance(over, Pack):
            self._unroll(node, list(over.listed))
            return
        spec = over.value if isinstance(over, Const) else None
        if not isinstance(spec, LoopRange):
            raise Refusal("for loops go over range, tl.range, tl.static_range, or a tuple")
        if spec.static:
            bounds = [as_int(part, "static_range") for part in (spec.start, spec.stop, spec.step)]
            if bounds[2] == 0:
                raise Refusal("the step of a range must not be 0")
            places = range(*bounds)
            if len(places) > _MAX_UNROLL:
                raise Refusal(
                    f"static_range unrolls at most {_MAX_UNROLL} times, not {len(places)}"
                )
            self._unroll(node, [Const(place) for place in places])
            return
        Loop(self, node, count(self.e, node, spec)).compile()

    def _unroll(self, node: ast.For, items: list[Operand]) -> None:
        for item in items:
            if self.e.block is None:
                return
            self.bind(node.target, item)
            self.visit_body(node.body)

    # Inlined functions

    def inline(
        self,
        function: KernelFunction,
        args: list[Operand],
        kwargs: dict[str, Operand],
        walker_class: type[ExpressionWalker] | None = None,
    ) -> Operand:
        """Compile a call of another jit function in place."""
        if self.depth >= _MAX_DEPTH:
            raise Refusal(
                f"calls are nested more than {_MAX_DEPTH} deep; recursion cannot be compiled"
            )
        source = function.source
        bound = bind_call(function, args, kwargs)
        env = {name: Binding(operand, source.first_line) for name, operand in bound.items()}
        made = walker_class or type(self)
        walker = made(self.e, source, function.scope, env, self.used_globals)
        assert isinstance(walker, FunctionWalker)
        walker.depth = self.depth + 1
        walker.visit_body(source.tree.body)
        return walker.result(function)

    def result(self, function: KernelFunction) -> Operand:
        """Return what the function returns that has been visited."""
        paths = self.returns
        if self.e.block is not None:
            paths.append((self.e.end(), {RESULT: Binding(NONE, self.source.first_line)}))
        if not paths:
            raise Refusal(f"{function.__name__} never returns")
        if len(paths) == 1:
            self.e.block = paths[0][0]
            return paths[0][1][RESULT].operand
        called = {RESULT: f"the result of {function.__name__}"}
        return meet(self.e, paths, called)[RESULT].operand


def bind_call(
    function: KernelFunction, args: list[Operand], kwargs: dict[str, Operand]
) -> dict[str, Operand]:
    """Operands by parameter name; annotations count in launches alone, as Triton has it."""
    try:
        bound = function.signature.bind(*args, **kwargs)
    except TypeError as error:
        takes = ", ".join(function.signature.parameters)
        raise Refusal(f"{function.__name__}({takes}): {error}") from None
    result: dict[str, Operand] = {}
    for name, parameter in function.signature.parameters.items():
        if name in bound.arguments:
            operand = bound.arguments[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                operand = Pack(tuple(operand))
        elif parameter.kind is parameter.VAR_POSITIONAL:
            operand = Pack(())
        else:
            operand = wrap_global(name, parameter.default)
        result[name] = operand
    return result
