"""Which lines are logged by settings that change, and with which times."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.observability.log_control import (
    LogControl,
    LogSettings,
    find_log_control,
    settings_of_level,
    text_formatter,
)

LEVELS = [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]


@pytest.fixture(autouse=True)
def root_level() -> Iterator[None]:
    """Restores the level of the process."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@given(st.sampled_from(LEVELS))
def test_settings_of_a_level_include_it_and_all_more_severe_ones(level: int) -> None:
    """The setting log_level means the same before and after the first change."""
    settings = settings_of_level(level)

    assert [settings.includes(each) for each in LEVELS] == [each >= level for each in LEVELS]
    assert settings.lowest_level == level


@given(st.booleans(), st.booleans(), st.booleans(), st.integers(0, 3))
def test_the_lowest_level_excludes_nothing_that_is_logged(info: bool, warning: bool, error: bool, verbose: int) -> None:
    """The level of the root logger is compared before the filter is asked."""
    settings = LogSettings(info, warning, error, verbose, "default")

    assert settings.lowest_level == min(each for each in LEVELS if settings.includes(each))
    assert settings.includes(logging.CRITICAL)


def test_a_change_sets_the_level_the_filter_and_the_format() -> None:
    """All three are needed: levels of the process have no gaps, and handlers do not know the format."""
    handler = logging.NullHandler()
    control = LogControl(handler, logging.INFO, None)
    line = logging.LogRecord("a", logging.WARNING, "", 0, "text", (), None)
    line.created = 0.5

    control.apply(LogSettings(info=True, warning=False, error=True, verbose_level=0, format="ISO8601"))

    assert logging.getLogger().level == logging.INFO
    assert not handler.filter(line)
    assert handler.format(line) == "1970-01-01T00:00:00Z WARNING a: text"
    control.apply(control.settings._replace(warning=True, format="default"))
    assert handler.filter(line)
    assert handler.format(line) == text_formatter("default").format(line)


def test_lines_of_a_fixed_form_keep_it() -> None:
    """Programs read lines of JSON."""
    handler, fixed = logging.NullHandler(), logging.Formatter("fixed %(message)s")

    control = LogControl(handler, logging.INFO, fixed)
    control.apply(control.settings._replace(info=False))

    assert handler.formatter is fixed
    assert (control.has_fixed_format, control.settings.format) == (True, "ISO8601")


def test_the_control_is_found_where_its_handler_is_in_use() -> None:
    """Another one would change nothing."""
    handler = logging.NullHandler()
    control = LogControl(handler, logging.getLogger().level, None)
    assert find_log_control() is None

    logging.getLogger().addHandler(handler)
    try:
        assert find_log_control() is control
    finally:
        logging.getLogger().removeHandler(handler)
