"""Loops: compiled again until each name is at the head what it is at the end of the body.

Before the loop a name may be a number, at the end of its body a tile: then the head must hold a
tile, and the body is compiled once more with that.  `joins` has the order of kinds, so this ends
after a few rounds.

    entry ─> head: test ─┬─> body ... ─┐
              ^          └─> exit      │
              └────────────────────────┘
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernbench.language.dtypes import dtype, int1, int32
from kernbench.language.emitter import Emitter
from kernbench.language.ir import Block
from kernbench.language.joins import (
    Binding,
    Target,
    clash,
    copies,
    fresh,
    join,
    move_all,
    target_of,
)
from kernbench.language.ops_loop import LoopRange
from kernbench.language.promotion import promote_integers
from kernbench.language.values import Const, Kind, Operand, Refusal, Type, Value, as_int

if TYPE_CHECKING:
    from kernbench.language.statements import FunctionWalker


@dataclass(frozen=True, slots=True)
class Counter:
    """The scalar register that counts a ``for`` loop over a range."""

    name: str
    register: Value
    start: Value
    stop: Value
    step: Value
    down: bool


def count(e: Emitter, node: ast.For, spec: LoopRange) -> Counter:
    """Return a counter for a loop over `spec`; its bounds are evaluated here, once."""
    if not isinstance(node.target, ast.Name):
        raise Refusal("expected one name as loop variable")
    parts = (spec.start, spec.stop, spec.step)
    bounds = [e.index(part, "range") for part in parts]
    type_: dtype = int32
    for part, bound in zip(parts, bounds, strict=True):
        bare = isinstance(part, Const) and part.dtype is None
        if not bare or bound.type.element.primitive_bitwidth > 32:
            type_ = promote_integers(type_, bound.type.element)
    step = as_int(spec.step, "step") if isinstance(spec.step, Const) else 1
    if step == 0:
        raise Refusal("the step of a range must not be 0")
    scalar = Type(Kind.SCALAR, type_)
    register = Value(e.function.new_reg(scalar), scalar)
    start, stop, stride = (e.cast(bound, type_) for bound in bounds)
    return Counter(node.target.id, register, start, stop, stride, step < 0)


class Loop:
    """One loop of a function under compilation."""

    def __init__(
        self, walker: FunctionWalker, node: ast.While | ast.For, counter: Counter | None = None
    ) -> None:
        self.walker = walker
        self.e = walker.e
        self.node = node
        self.counter = counter
        self.before = dict(walker.env)
        self.gone = dict(walker.gone)
        self.carried = sorted(assigned_names(node) & self.before.keys())
        self.heads: dict[str, Operand] = {}
        self.fork: Block | None = None
        self.endless = False

    def compile(self) -> None:
        """Compile it; the walker goes on behind the loop."""
        walker, entry, mark = self.walker, self.e.open_block(), self.e.mark()
        n_returns, line = len(walker.returns), self.e.line
        targets = {name: target_of(self.before[name].operand) for name in self.carried}
        while (raised := self._attempt(targets)) != targets:
            targets = raised
            self.e.roll_back(entry, mark)
            del walker.returns[n_returns:]
            self.e.line = line
        self._leave()

    def _attempt(self, targets: dict[str, Target]) -> dict[str, Target]:
        """Compile it with these targets at the head; return what they would have to be."""
        walker, line = self.walker, self.e.line
        walker.env, walker.gone = dict(self.before), dict(self.gone)
        self.heads = {name: fresh(self.e, target) for name, target in targets.items()}
        start = [(self.counter.register, self.counter.start)] if self.counter else []
        self._move_to_heads(start)
        entry = self.e.end()
        head = self.e.new_block()
        entry.targets = (head,)
        for name in self.carried:
            walker.env[name] = Binding(self.heads[name], self.before[name].line)
        test = self._test()
        if isinstance(test, Const) and not test.value:
            return targets
        self.endless = isinstance(test, Const)
        self.fork = self.e.end(condition=None if self.endless else self.e.condition(test))
        self.body = self.e.new_block()
        walker.visit_body(self.node.body)
        if self.e.block is None:
            return targets
        raised = {name: self._raised(name, targets[name]) for name in self.carried}
        if raised == targets:
            self.e.line = line
            self._move_to_heads(self._advance())
            self.e.end(head)
        return raised

    def _test(self) -> Operand:
        if isinstance(self.node, ast.While):
            return self.walker.visit(self.node.test)
        assert self.counter is not None
        register, stop = self.counter.register, self.counter.stop
        line = self.walker.file_line(self.node)
        self.walker.env[self.counter.name] = Binding(register, line)
        compare = "gt" if self.counter.down else "lt"
        return self.e.emit("scalar", Type(Kind.SCALAR, int1), register, stop, sub=compare)

    def _advance(self) -> list[tuple[Value, Value]]:
        if self.counter is None:
            return []
        register, step = self.counter.register, self.counter.step
        return [(register, self.e.emit("scalar", register.type, register, step, sub="add"))]

    def _move_to_heads(self, more: list[tuple[Value, Value]]) -> None:
        moves = []
        for name in self.carried:
            moves += copies(self.e, self.heads[name], self.walker.env[name].operand)
        move_all(self.e, moves + more)

    def _raised(self, name: str, target: Target) -> Target:
        ending = self.walker.env[name]
        try:
            return join(target, target_of(ending.operand))
        except Refusal:
            before = Binding(self.heads[name], self.before[name].line)
            raise clash(f"'{name}'", before, ending) from None

    def _leave(self) -> None:
        walker, inside = self.walker, self.walker.env
        if self.fork is not None and self.endless:
            self.fork.targets = (self.body,)
            self.e.block = None
        elif self.fork is not None:
            self.fork.targets = (self.body, self.e.new_block())
        walker.env, walker.gone = self.before, self.gone
        for name in inside.keys() - self.before.keys():
            line = inside[name].line
            walker.gone[name] = f"is first defined inside the loop, in line {line}"
        for name in self.carried:
            walker.env[name] = Binding(self.heads[name], inside[name].line)
        if self.counter is not None and self.counter.name not in self.before:
            line = walker.file_line(self.node)
            why = f"is the variable of the loop in line {line}, which is over"
            walker.gone[self.counter.name] = why


def assigned_names(node: ast.AST) -> set[str]:
    """Return the names that are assigned in a node, in any depth."""
    return {
        found.id
        for found in ast.walk(node)
        if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Store)
    }
