"""Decide which requests are traced, by settings that change while the service runs.

The settings hold for all requests; a model can have its own.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class TraceSettings(NamedTuple):
    """Which requests are traced.

    Attributes:
        is_on: whether any is.
        rate: one of this many is.
    """

    is_on: bool
    rate: int


class TraceOverride(NamedTuple):
    """What is set for a model, or for all requests; None leaves a value as it is above.

    Attributes:
        is_on: as in :class:`TraceSettings`.
        rate: likewise.
    """

    is_on: bool | None = None
    rate: int | None = None


_NOTHING: Final = TraceOverride()


class TraceControl:
    """The settings, and the count of requests that they sample.

    Args:
        is_available: whether the service exports traces at all.
    """

    def __init__(self, *, is_available: bool = False) -> None:
        self.is_available = is_available
        self._default = TraceSettings(is_available, 1)
        # By model; for all requests, by the empty text.
        self._overrides: dict[str, TraceOverride] = {}
        self._counts: dict[str, int] = {}

    def settings(self, model: str = "") -> TraceSettings:
        """The settings of a model, or of all requests."""
        found = _with(self._default, self.override(""))
        return _with(found, self.override(model)) if model else found

    def override(self, model: str) -> TraceOverride:
        """What is set for a model, or for all requests."""
        return self._overrides.get(model, _NOTHING)

    def change(self, model: str, override: TraceOverride) -> None:
        """Change the settings of a model, or of all requests.

        Args:
            model: empty for all requests; else it is a model of the service, so their number is bounded.
            override: what is set from now on.
        """
        if override == _NOTHING:
            self._overrides.pop(model, None)
        else:
            self._overrides[model] = override
        self._counts.pop(model, None)

    def is_sampled(self, model: str) -> bool:
        """Whether this request is traced; counts it.

        Args:
            model: or operator of the request; empty for none.
        """
        name = model.partition("/")[0]
        if name not in self._overrides:
            # All requests without settings of their own are counted together.
            name = ""
        found = self.settings(name)
        if not found.is_on:
            return False
        if found.rate == 1:
            return True
        count = self._counts.get(name, 0)
        self._counts[name] = (count + 1) % found.rate
        return count == 0


def _with(settings: TraceSettings, override: TraceOverride) -> TraceSettings:
    return TraceSettings(
        settings.is_on if override.is_on is None else override.is_on,
        settings.rate if override.rate is None else override.rate,
    )
