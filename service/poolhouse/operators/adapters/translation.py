"""Translation between the attributes of another framework and the fields of ours, in specs and in messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Final, Generic, TypeVar, cast

from poolhouse.errors import FieldProblem, Unprocessable
from poolhouse.operators.adapters.attributes import Adaptation
from poolhouse.operators.operator import Operator

_Target = TypeVar("_Target", bound=Operator)


@dataclass(frozen=True)
class Translated(Operator, Generic[_Target]):
    """A spec of another framework, and the spec of our operator that computes it."""

    adaptation: ClassVar[Adaptation]
    target_type: ClassVar[type[Operator]]

    @cached_property
    def target(self) -> _Target:
        """The spec of our operator.

        Raises:
            Unprocessable: the attributes contradict each other; in our words.
        """
        return cast("_Target", self.target_type.parse(self.adaptation.to_ours(self.attributes)))

    @property
    def attributes(self) -> Mapping[str, object]:
        """The values of the attributes, by name."""
        return {each.name: getattr(self, each.name) for each in self.adaptation.attributes}

    # ---- refusals in the words of the framework

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        if problems := self.adaptation.conflicts(self.attributes):
            return problems
        try:
            self.target  # noqa: B018, which refuses invalid fields
        except Unprocessable as error:
            return self._translated_problems(error)
        return ()

    @contextmanager
    def in_their_words(self) -> Iterator[None]:
        try:
            yield
        except Unprocessable as error:
            raise Unprocessable(
                error.code,
                self.translate(error.detail),
                problems=self._translated_problems(error),
                limit_bytes=error.limit_bytes,
            ) from None

    def _translated_problems(self, error: Unprocessable) -> list[FieldProblem]:
        theirs = {row.ours: row.name for row in reversed(self.adaptation.attributes) if row.ours is not None}
        return [
            FieldProblem(f"/{theirs.get(each.pointer[1:], each.pointer[1:])}", each.code, self.translate(each.message))
            for each in error.problems
        ]

    def translate(self, message: str) -> str:
        """A message about our fields with the names of the attributes.

        A name that is also a word of prose is replaced only before a value.
        """
        names = {row.ours: row.name for row in self.adaptation.attributes}

        def translated(word: re.Match[str]) -> str:
            is_prose = "_" not in word[0] and _BEFORE_VALUE.match(message, word.end()) is None
            return word[0] if is_prose else names.get(word[0], word[0])

        return _WORD.sub(translated, message).replace(self.target_type.name, self.name)

    def spec_key(self) -> tuple[object, ...]:
        return cast("tuple[object, ...]", self.target.spec_key())

    def outputs(self) -> tuple[str, ...]:
        return self.target.outputs()


_WORD: Final = re.compile(r"\w+")
_BEFORE_VALUE: Final = re.compile(r" ?[\[(\"'\d]")
