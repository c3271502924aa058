"""``tl.map_elementwise``: a function of one element, compiled for all elements of a tensor at once.

MATH has no branches.  So both sides of an ``if`` are computed for every element, and selected from;
a ``return`` ends the elements that reach it, and what comes after is computed for all the same.
Results are those of one element at a time, since such a function has no other effect: it neither
reads nor writes memory, and its loops go round equally often for all elements.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from kernbench.language import arithmetic
from kernbench.language.builtin import builtin
from kernbench.language.dtypes import dtype
from kernbench.language.emitter import Emitter, joint_shape
from kernbench.language.expressions import assigned
from kernbench.language.function import KernelFunction
from kernbench.language.joins import Binding, Target, alike, clash, join, target_of
from kernbench.language.loops import assigned_names
from kernbench.language.statements import FunctionWalker
from kernbench.language.values import (
    NONE,
    Const,
    Kind,
    Operand,
    Pack,
    Refusal,
    Type,
    Value,
    as_int,
    is_number,
)

ONE = Const(1)
_MEMORY = ("load", "store", "send", "recv", "composite", "wait_memory")


@builtin()
def map_elementwise(e: Emitter, scalar_fn: Operand, *args: Operand, pack: Operand = ONE) -> Operand:
    """Return what `scalar_fn` makes of each element; its ``if`` may differ from one to the next.

    Differs from Triton: both sides of a branch are computed for all elements, and selected from.

    Parameters
    ----------
    scalar_fn : jit function
        Of as many elements as there are `args`; it returns one, or a tuple, on every path.  It
        reads and writes no memory, and its loops are as long for all elements.
    *args : tensor
        Broadcast to one shape.
    pack : int
        1: as many elements as `scalar_fn` is given at once.

    Returns
    -------
    tensor or tuple of tensors
        Of that shape.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def collatz(x):
    ...     if x % 2 == 0:
    ...         return x // 2
    ...     return 3 * x + 1
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(x_ptr + offs, tl.map_elementwise(collatz, tl.load(x_ptr + offs)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1, 2, 3, 4])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [ 4  1 10  2]
    """
    if as_int(pack, "pack") != 1:
        raise Refusal("expected pack=1: which elements go together is not defined")
    if not isinstance(scalar_fn, Const) or not isinstance(scalar_fn.value, KernelFunction):
        raise Refusal(f"expected a function decorated with @kb.jit, got {scalar_fn}")
    if not args:
        raise Refusal("expected one tensor or more after the function")
    values = [e.value(arg) for arg in args]
    shape = joint_shape(*(value.type.shape for value in values))
    (n_blocks, n_insts, _), block = e.mark(), e.open_block()
    elements: list[Operand] = [e.broadcast(value, shape) for value in values]
    result = e.call(scalar_fn.value, elements, LaneWalker)
    new = block.insts[n_insts:]
    new += [inst for later in e.function.blocks[n_blocks:] for inst in later.insts]
    for inst in new:
        if inst.op in _MEMORY:
            raise Refusal(f"a function of one element cannot {inst.op}; do so before or after")
    if isinstance(result, Pack):
        return Pack(tuple(e.broadcast(e.value(item), shape) for item in result.listed))
    return e.broadcast(e.value(result), shape)


class LaneWalker(FunctionWalker):
    """Visits a function of one element, for all of a tensor.

    Attributes
    ----------
    lanes : Value or None
        The elements that come to where the walker is, and maybe some that have returned; None: all.
    ended : bool
        Whether none comes: all that took this path have returned.
    results : list
        What has been returned, where, in order: an earlier one counts.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.lanes: Value | None = None
        self.ended = False
        self.in_loop = False
        self.results: list[tuple[Value | None, Binding]] = []

    def visit_body(self, body: list[ast.stmt]) -> None:
        """Visit statements as far as some element comes."""
        for statement in body:
            if self.e.block is not None and not self.ended:
                self.visit_statement(statement)

    def result(self, function: KernelFunction) -> Operand:
        """Return for each element what its path returned."""
        if not self.ended:
            raise Refusal(f"expected {function.__name__} to return a value on every path")
        what = f"the result of {function.__name__}"
        _, chosen = self.results[-1]
        for lanes, binding in self.results[-2::-1]:
            assert lanes is not None
            chosen = Binding(self._select(what, lanes, binding, chosen), binding.line)
        return chosen.operand

    def _visit_Return(self, node: ast.Return) -> None:
        if self.in_loop:
            raise Refusal(
                "return in a loop is not supported in a function of one element; keep the value in "
                "a variable, and return it behind the loop"
            )
        operand = NONE if node.value is None else assigned(self.visit(node.value))
        self.results.append((self.lanes, Binding(operand, self.file_line(node))))
        self.ended = True

    def _visit_For(self, node: ast.For) -> None:
        self._loop(super()._visit_For, node)

    def _visit_While(self, node: ast.While) -> None:
        self._loop(super()._visit_While, node)

    def _loop(self, visit: Callable[[Any], None], node: ast.For | ast.While) -> None:
        """Visit a loop; what it changes differs from one element to the next, but for its test."""
        tested = set() if isinstance(node, ast.For) else _names(node.test)
        for name in assigned_names(node) & self.env.keys() - tested:
            operand, line = self.env[name].operand, self.env[name].line
            if isinstance(operand, Value) or is_number(operand):
                every = self.e.broadcast(self.e.value(operand), self._shape())
                self.env[name] = Binding(every, line)
        outer, self.in_loop = self.in_loop, True
        visit(node)
        self.in_loop = outer

    def _shape(self) -> tuple[int, ...]:
        operands = [binding.operand for binding in self.env.values()]
        return joint_shape(*(each.type.shape for each in operands if isinstance(each, Value)))

    def branch(self, test: Value, node: ast.If) -> None:
        """Visit both ways, and select what they leave."""
        holds = arithmetic.truth(self.e, test)
        fails = self.e.value(arithmetic.logical_not(self.e, holds))
        before, outer = dict(self.env), self.lanes
        paths: list[tuple[Value | None, dict[str, Binding]]] = []
        for condition, body in ((holds, node.body), (fails, node.orelse)):
            self.env, self.ended, self.lanes = dict(before), False, condition
            if outer is not None:
                self.lanes = self.e.value(arithmetic.binary(self.e, "and", outer, condition))
            self.visit_body(body)
            if not self.ended:
                paths.append((self.lanes, self.env))
        self.ended = not paths
        if len(paths) == 1:
            self.lanes, self.env = paths[0]
        elif paths:
            self.lanes, self.env = outer, self._meet(holds, paths[0][1], paths[1][1])

    def choose(self, test: Value, node: ast.IfExp) -> Operand:
        """Return both sides, selected from."""
        line = self.file_line(node)
        a, b = (Binding(assigned(self.visit(side)), line) for side in (node.body, node.orelse))
        return self._select("the conditional expression", arithmetic.truth(self.e, test), a, b)

    def _meet(
        self, holds: Value, then: dict[str, Binding], otherwise: dict[str, Binding]
    ) -> dict[str, Binding]:
        env = {}
        for name in then:
            if name in otherwise:
                a, b = then[name], otherwise[name]
                env[name] = Binding(self._select(f"'{name}'", holds, a, b), max(a.line, b.line))
        for name, binding in (then | otherwise).items():
            if name not in env:
                self.gone[name] = f"is defined on one path only, in line {binding.line}"
        return env

    def _select(self, name: str, holds: Value, a: Binding, b: Binding) -> Operand:
        """Return `a` where `holds`, else `b`."""
        try:
            return self._selected(holds, a.operand, b.operand)
        except Refusal:
            raise clash(name, a, b) from None

    def _selected(self, holds: Value, a: Operand, b: Operand) -> Operand:
        if alike(a, b):
            return a
        if isinstance(a, Pack) and isinstance(b, Pack) and len(a.items) == len(b.items):
            pairs = zip(a.items, b.items, strict=True)
            return Pack(tuple(self._selected(holds, x, y) for x, y in pairs))
        target = join(_element(a), _element(b))
        assert isinstance(target, Type) and isinstance(target.dtype, dtype)
        sides = []
        for side in (a, b):
            if isinstance(side, Const):
                assert isinstance(side.value, (bool, int, float))
                side = self.e.constant(side.value, target.dtype)
            sides.append(side)
        return arithmetic.where(self.e, holds, *sides)


def _element(operand: Operand) -> Target:
    """Return what one element of it is where paths meet."""
    return (
        Type(Kind.SCALAR, operand.type.dtype) if isinstance(operand, Value) else target_of(operand)
    )


def _names(node: ast.AST) -> set[str]:
    return {found.id for found in ast.walk(node) if isinstance(found, ast.Name)}
