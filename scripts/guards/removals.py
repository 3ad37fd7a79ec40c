"""The operations that remove a guard: each returns a changed copy of the marked statement.

They address parts of the statement by type and position, so renaming variables, functions or classes does not affect
them. Expressions are numbered from 0 in source order, outer before inner. In a compound statement only the header is
searched, not the body. ``ReplaceStatement`` and ``InsertBefore`` contain code that must be updated by hand after
renames; use them only where no other operation fits.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Protocol, TypeVar

MarkedNode = ast.stmt | ast.ExceptHandler
_Node = TypeVar("_Node", bound=ast.AST)


class Removal(Protocol):
    """An operation on a marked statement."""

    def apply(self, statement: MarkedNode) -> str:
        """The statement without its guard, as unindented source code.

        Raises:
            LookupError: the statement lacks the part to be changed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Delete:
    """Replace the statement by ``pass``."""

    def apply(self, statement: MarkedNode) -> str:
        if isinstance(statement, ast.ExceptHandler):
            raise LookupError("an except clause cannot be deleted; use CatchNothing")
        return "pass"


@dataclass(frozen=True, slots=True)
class FixCondition:
    """Replace the condition of an ``if``, ``while`` or conditional expression by a constant."""

    value: bool

    def apply(self, statement: MarkedNode) -> str:
        holder = statement if isinstance(statement, ast.If | ast.While) else _find_node(statement, ast.IfExp)
        return _replace_node(statement, holder.test, ast.Constant(self.value))


@dataclass(frozen=True, slots=True)
class DropOperand:
    """Remove one operand of an ``and`` or ``or``; -1 is the last."""

    position: int

    def apply(self, statement: MarkedNode) -> str:
        operation = _find_node(statement, ast.BoolOp)
        operands = list(operation.values)
        del operands[self.position]
        return _replace_node(statement, operation, ast.BoolOp(operation.op, operands) if operands[1:] else operands[0])


@dataclass(frozen=True, slots=True)
class IgnoreOperand:
    """Evaluate one operand of an ``and``, and treat its result as true."""

    position: int

    def apply(self, statement: MarkedNode) -> str:
        operand = _find_node(statement, ast.BoolOp).values[self.position]
        return _replace_node(statement, operand, ast.BoolOp(ast.Or(), [operand, ast.Constant(True)]))


@dataclass(frozen=True, slots=True)
class DropTerm:
    """Remove one side of an arithmetic operation: 0 is the left, 1 the right."""

    side: int

    def apply(self, statement: MarkedNode) -> str:
        operation = _find_node(statement, ast.BinOp)
        return _replace_node(statement, operation, (operation.right, operation.left)[self.side])


@dataclass(frozen=True, slots=True)
class DropFilter:
    """Remove the conditions of a comprehension."""

    def apply(self, statement: MarkedNode) -> str:
        old = _find_node(statement, ast.comprehension)
        return _replace_node(statement, old, ast.comprehension(old.target, old.iter, [], old.is_async))


@dataclass(frozen=True, slots=True)
class DropSlice:
    """Replace a slice of a sequence by the whole sequence."""

    def apply(self, statement: MarkedNode) -> str:
        subscript = _find_node(statement, ast.Subscript)
        return _replace_node(statement, subscript, subscript.value)


@dataclass(frozen=True, slots=True)
class Unwrap:
    """Replace a call by one of its arguments."""

    argument: int = 0
    call: int = 0

    def apply(self, statement: MarkedNode) -> str:
        call = _find_node(statement, ast.Call, self.call)
        return _replace_node(statement, call, call.args[self.argument])


@dataclass(frozen=True, slots=True)
class ReplaceArgument:
    """Replace an argument of a call; ``{}`` stands for the old one. Keyword arguments follow the positional ones."""

    position: int
    text: str
    call: int = 0

    def apply(self, statement: MarkedNode) -> str:
        call = _find_node(statement, ast.Call, self.call)
        arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
        old = arguments[self.position]
        return _replace_node(statement, old, _fill_template(self.text, old))


@dataclass(frozen=True, slots=True)
class ReplaceCallee:
    """Call another function: a builtin or a lambda."""

    text: str
    call: int = 0

    def apply(self, statement: MarkedNode) -> str:
        old = _find_node(statement, ast.Call, self.call).func
        return _replace_node(statement, old, _fill_template(self.text, old))


@dataclass(frozen=True, slots=True)
class ReplaceValue:
    """Replace the assigned or returned value; ``{}`` stands for the old one."""

    text: str

    def apply(self, statement: MarkedNode) -> str:
        if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return) or statement.value is None:
            raise LookupError("the statement neither assigns nor returns a value")
        return _replace_node(statement, statement.value, _fill_template(self.text, statement.value))


@dataclass(frozen=True, slots=True)
class ReplaceConstant:
    """Replace the only constant of this type in the statement."""

    value: bool | int | float | bytes

    def apply(self, statement: MarkedNode) -> str:
        found = [node for node in _walk_expressions(statement, ast.Constant) if type(node.value) is type(self.value)]
        if len(found) != 1:
            raise LookupError(f"expected one constant of type {type(self.value).__name__}, found {len(found)}")
        return _replace_node(statement, found[0], ast.Constant(self.value))


@dataclass(frozen=True, slots=True)
class DelayExpression:
    """Evaluate the expression in the event loop after a delay."""

    delay_s: float

    def apply(self, statement: MarkedNode) -> str:
        if not isinstance(statement, ast.Expr):
            raise LookupError("the statement is no expression")
        loop = "__import__('asyncio').get_running_loop()"
        return f"{loop}.call_later({self.delay_s}, lambda: {ast.unparse(statement)})"


@dataclass(frozen=True, slots=True)
class CatchNothing:
    """Make an ``except`` clause catch nothing."""

    def apply(self, statement: MarkedNode) -> str:
        if not isinstance(statement, ast.ExceptHandler) or statement.type is None:
            raise LookupError("the statement is no except clause with an exception class")
        return _replace_node(statement, statement.type, ast.Tuple([], ast.Load()))


@dataclass(frozen=True, slots=True)
class SkipFinallyOnError:
    """Run the ``finally`` block only if no exception was raised."""

    def apply(self, statement: MarkedNode) -> str:
        if not isinstance(statement, ast.Try) or not statement.finalbody or not statement.handlers:
            raise LookupError("the statement is no try with except and finally")
        return ast.unparse(
            ast.Try(statement.body, statement.handlers, [*statement.orelse, *statement.finalbody], finalbody=[])
        )


@dataclass(frozen=True, slots=True)
class ReturnHere:
    """Return from the function instead of running the statement."""

    def apply(self, statement: MarkedNode) -> str:
        return "return"


@dataclass(frozen=True, slots=True)
class ReplaceStatement:
    """Replace the whole statement."""

    text: str

    def apply(self, statement: MarkedNode) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class InsertBefore:
    """Insert code before the statement."""

    text: str

    def apply(self, statement: MarkedNode) -> str:
        return f"{self.text}\n{ast.unparse(statement)}"


def _walk_expressions(node: ast.AST, kind: type[_Node]) -> Iterator[_Node]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler):
            continue
        if isinstance(child, kind):
            yield child
        yield from _walk_expressions(child, kind)


def _find_node(statement: MarkedNode, kind: type[_Node], number: int = 0) -> _Node:
    found = list(_walk_expressions(statement, kind))
    if number >= len(found):
        raise LookupError(f"expected more than {number} parts of type {kind.__name__}, found {len(found)}")
    return found[number]


def _fill_template(text: str, old: ast.expr) -> ast.expr:
    return ast.parse(text.replace("{}", f"({ast.unparse(old)})"), mode="eval").body


class _NodeReplacer(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old = old
        self._new = new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)


def _replace_node(statement: MarkedNode, old: ast.AST, new: ast.AST) -> str:
    """The source code of a copy of the statement, with one node replaced."""
    copied: dict[int, object] = {}
    changed = deepcopy(statement, copied)
    swapped = copied[id(old)]
    assert isinstance(swapped, ast.AST)
    return ast.unparse(_NodeReplacer(swapped, new).visit(changed))
