"""All operators by name. They are discovered: a module in this package that declares one is enough.

The adapters of other frameworks' operators are those that a module of ``adapters`` lists as ``ADAPTERS``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator

import poolhouse.operators
import poolhouse.operators.adapters
from poolhouse.errors import NotFound
from poolhouse.operators.forms import declared_forms
from poolhouse.operators.operator import Operator, at_rank, is_declared
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.suggestions import operator_hint


class Catalogue:
    """Operators by their names with rank, such as ``max_pool2d``.

    Args:
        declared: classes that are decorated with ``@operator``.
        adapters: operators of other frameworks, which have a rank and a name already.
    """

    def __init__(self, declared: Iterable[type[Operator]], adapters: Iterable[type[Operator]] = ()) -> None:
        members = [each for cls in declared for each in ([at_rank(cls, rank) for rank in cls.ranks] or [cls])]
        members += adapters
        self._members = {member.name: member for member in members}
        assert len(self._members) == len(members), "two operators have the same name"

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in catalogue order."""
        return tuple(self._members)

    def __iter__(self) -> Iterator[type[Operator]]:
        return iter(self._members.values())

    def find(self, name: str) -> type[Operator]:
        """The operator with this name.

        Raises:
            NotFound: there is none; the message has the most similar names.
        """
        found = self._members.get(name)
        if found is None:
            hint = operator_hint(name, self.names, "GET /v1/operators lists them.")
            raise NotFound("unknown_operator", f"there is no operator {name[:80]!r}; {hint}")
        return found


class PlaneCatalogue(Catalogue):
    """The same for operators that pool planes alone."""

    def __iter__(self) -> Iterator[type[PlaneOperator]]:
        return (member for member in super().__iter__() if issubclass(member, PlaneOperator))

    def find(self, name: str) -> type[PlaneOperator]:
        """See :meth:`Catalogue.find`."""
        found = super().find(name)
        assert issubclass(found, PlaneOperator), "the catalogue was made of such operators"
        return found


def discover() -> Catalogue:
    """The catalogue of all operators that this package declares, sorted by family name, and of the adapters."""
    return Catalogue(_declared_operators(), _adapters())


def discover_planes() -> PlaneCatalogue:
    """The same for operators that pool planes."""
    return PlaneCatalogue(_that_pool_planes(_declared_operators()), _that_pool_planes(_adapters()))


def discover_own_planes() -> PlaneCatalogue:
    """The same without the adapters."""
    return PlaneCatalogue(_that_pool_planes(_declared_operators()))


def _that_pool_planes(operators: Iterable[type[Operator]]) -> list[type[Operator]]:
    return [each for each in operators if issubclass(each, PlaneOperator)]


def _adapters() -> list[type[Operator]]:
    package = poolhouse.operators.adapters
    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__)
    ]
    return [adapter for module in modules for adapter in getattr(module, "ADAPTERS", ())]


def _declared_operators() -> Iterator[type[Operator]]:
    modules = [
        importlib.import_module(f"{poolhouse.operators.__name__}.{found.name}")
        for found in pkgutil.iter_modules(poolhouse.operators.__path__)
    ]
    members = [value for module in modules for value in vars(module).values()]
    forms = [form for member in members for form in declared_forms(member)]
    declared = {each.family: each for each in (*filter(is_declared, members), *forms)}
    return iter([declared[family] for family in sorted(declared)])
