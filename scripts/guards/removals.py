"""The ways to take a guard away: each makes a changed statement out of the marked one.

They address parts of the statement by kind and position, so a renamed variable, function or class changes nothing.
Expressions are counted from 0 as they are nested and written: an outer one comes before those inside of it. Only the
first line of a compound statement is searched, not its body. ``ReplaceStatement`` and ``InsertBefore`` take a
text of their own; they are for what no other operation can express, and such a text follows renames by hand.
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
        """The text of the statement without its guard, not indented.

        Raises:
            LookupError: when the statement does not have the part that is meant.
        """
        ...


@dataclass(frozen=True, slots=True)
class Delete:
    """The statement is not there."""

    def apply(self, statement: MarkedNode) -> str:
        if isinstance(statement, ast.ExceptHandler):
            raise LookupError("an except clause cannot be deleted; use CatchNothing")
        return "pass"


@dataclass(frozen=True, slots=True)
class FixCondition:
    """The condition of an ``if``, ``while`` or conditional expression is always this."""

    value: bool

    def apply(self, statement: MarkedNode) -> str:
        holder = statement if isinstance(statement, ast.If | ast.While) else _find_node(statement, ast.IfExp)
        return _replace_node(statement, holder.test, ast.Constant(self.value))


@dataclass(frozen=True, slots=True)
class DropOperand:
    """One operand of an ``and`` or ``or`` is left out; -1 is the last."""

    position: int

    def apply(self, statement: MarkedNode) -> str:
        operation = _find_node(statement, ast.BoolOp)
        operands = list(operation.values)
        del operands[self.position]
        return _replace_node(statement, operation, ast.BoolOp(operation.op, operands) if operands[1:] else operands[0])


@dataclass(frozen=True, slots=True)
class IgnoreOperand:
    """One operand of an ``and`` is evaluated, and its result taken for true."""

    position: int

    def apply(self, statement: MarkedNode) -> str:
        operand = _find_node(statement, ast.BoolOp).values[self.position]
        return _replace_node(statement, operand, ast.BoolOp(ast.Or(), [operand, ast.Constant(True)]))


@dataclass(frozen=True, slots=True)
class DropTerm:
    """One side of an arithmetic operation is left out: 0 is the left one, 1 the right one."""

    side: int

    def apply(self, statement: MarkedNode) -> str:
        operation = _find_node(statement, ast.BinOp)
        return _replace_node(statement, operation, (operation.right, operation.left)[self.side])


@dataclass(frozen=True, slots=True)
class DropFilter:
    """A comprehension keeps every element."""

    def apply(self, statement: MarkedNode) -> str:
        old = _find_node(statement, ast.comprehension)
        return _replace_node(statement, old, ast.comprehension(old.target, old.iter, [], old.is_async))


@dataclass(frozen=True, slots=True)
class DropSlice:
    """A slice of a sequence is the whole sequence."""

    def apply(self, statement: MarkedNode) -> str:
        subscript = _find_node(statement, ast.Subscript)
        return _replace_node(statement, subscript, subscript.value)


@dataclass(frozen=True, slots=True)
class Unwrap:
    """A call is replaced by one of its arguments."""

    argument: int = 0
    call: int = 0

    def apply(self, statement: MarkedNode) -> str:
        call = _find_node(statement, ast.Call, self.call)
        return _replace_node(statement, call, call.args[self.argument])


@dataclass(frozen=True, slots=True)
class ReplaceArgument:
    """An argument of a call is this text, in which ``{}`` is what it was; keywords count after the others."""

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
    """Another function is called: one of Python's own, or a lambda."""

    text: str
    call: int = 0

    def apply(self, statement: MarkedNode) -> str:
        old = _find_node(statement, ast.Call, self.call).func
        return _replace_node(statement, old, _fill_template(self.text, old))


@dataclass(frozen=True, slots=True)
class ReplaceValue:
    """What is assigned or returned is this text, in which ``{}`` is what it was."""

    text: str

    def apply(self, statement: MarkedNode) -> str:
        if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Return) or statement.value is None:
            raise LookupError("it neither assigns nor returns a value")
        return _replace_node(statement, statement.value, _fill_template(self.text, statement.value))


@dataclass(frozen=True, slots=True)
class ReplaceConstant:
    """The one constant of this type in the statement has this value."""

    value: bool | int | float | bytes

    def apply(self, statement: MarkedNode) -> str:
        found = [node for node in _walk_expressions(statement, ast.Constant) if type(node.value) is type(self.value)]
        if len(found) != 1:
            raise LookupError(f"it has {len(found)} constants of this type, not one")
        return _replace_node(statement, found[0], ast.Constant(self.value))


@dataclass(frozen=True, slots=True)
class DelayExpression:
    """The expression is evaluated by the event loop after this time, not at once."""

    delay_s: float

    def apply(self, statement: MarkedNode) -> str:
        if not isinstance(statement, ast.Expr):
            raise LookupError("it is no expression")
        loop = "__import__('asyncio').get_running_loop()"
        return f"{loop}.call_later({self.delay_s}, lambda: {ast.unparse(statement)})"


@dataclass(frozen=True, slots=True)
class CatchNothing:
    """An ``except`` clause catches no error."""

    def apply(self, statement: MarkedNode) -> str:
        if not isinstance(statement, ast.ExceptHandler) or statement.type is None:
            raise LookupError("it is no except clause that names its errors")
        return _replace_node(statement, statement.type, ast.Tuple([], ast.Load()))


@dataclass(frozen=True, slots=True)
class SkipFinallyOnError:
    """What stands under ``finally`` is done only where no error was raised."""

    def apply(self, statement: MarkedNode) -> str:
        if not isinstance(statement, ast.Try) or not statement.finalbody or not statement.handlers:
            raise LookupError("it is no try with except and finally")
        return ast.unparse(
            ast.Try(statement.body, statement.handlers, [*statement.orelse, *statement.finalbody], finalbody=[])
        )


@dataclass(frozen=True, slots=True)
class ReturnHere:
    """The function returns where the statement stands."""

    def apply(self, statement: MarkedNode) -> str:
        return "return"


@dataclass(frozen=True, slots=True)
class ReplaceStatement:
    """The statement is this text."""

    text: str

    def apply(self, statement: MarkedNode) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class InsertBefore:
    """This text is done before the statement."""

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
        raise LookupError(f"it has {len(found)} parts of the kind {kind.__name__}")
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
    """The text of the statement with one of its parts changed; the statement itself is left as it is."""
    copied: dict[int, object] = {}
    changed = deepcopy(statement, copied)
    swapped = copied[id(old)]
    assert isinstance(swapped, ast.AST)
    return ast.unparse(_NodeReplacer(swapped, new).visit(changed))
