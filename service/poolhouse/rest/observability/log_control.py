"""Read and change the logging of the running process, as ``/v2/logging`` of the Open Inference Protocol does.

:func:`.logs.configure_logging` attaches a :class:`LogControl` to its handler. In a process that has configured its
logging itself there is none, and its logging stays as it is.
"""

from __future__ import annotations

import logging
import time
from typing import Final, NamedTuple

ISO_FORMAT: Final = "ISO8601"
DEFAULT_FORMAT: Final = "default"

_LINE: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class LogSettings(NamedTuple):
    """Which lines are logged, and the form of their times.

    Attributes:
        info: whether lines of level info are.
        warning: whether warnings are.
        error: whether errors are; critical ones are in any case.
        verbose_level: from 1 on, lines of level debug are.
        format: ``default``, or ``ISO8601`` for times in UTC.
    """

    info: bool
    warning: bool
    error: bool
    verbose_level: int
    format: str

    @property
    def lowest_level(self) -> int:
        """The least severe level that is logged."""
        levels = (
            (logging.DEBUG, self.verbose_level > 0),
            (logging.INFO, self.info),
            (logging.WARNING, self.warning),
            (logging.ERROR, self.error),
        )
        return next((level for level, is_on in levels if is_on), logging.CRITICAL)

    def includes(self, level: int) -> bool:
        """Whether lines of this level are logged."""
        if level >= logging.CRITICAL:
            return True
        if level >= logging.ERROR:
            return self.error
        if level >= logging.WARNING:
            return self.warning
        return self.info if level >= logging.INFO else self.verbose_level > 0


class LogControl(logging.Filter):
    """Filters the lines of a handler by settings that can change.

    Args:
        handler: of all lines of the process; the control adds itself to its filters.
        level: the least severe level at first.
        fixed_formatter: of lines whose form cannot change; their times are ISO 8601. None for lines of text.

    Attributes:
        settings: the current ones.
        has_fixed_format: whether the format cannot change.
    """

    def __init__(self, handler: logging.Handler, level: int, fixed_formatter: logging.Formatter | None) -> None:
        super().__init__()
        self._handler = handler
        self.has_fixed_format = fixed_formatter is not None
        handler.setFormatter(fixed_formatter or text_formatter(DEFAULT_FORMAT))
        handler.addFilter(self)
        self.settings = settings_of_level(level, ISO_FORMAT if self.has_fixed_format else DEFAULT_FORMAT)
        self.apply(self.settings)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is logged."""
        return self.settings.includes(record.levelno)

    def apply(self, settings: LogSettings) -> None:
        """Change the settings of the process.

        Args:
            settings: the new ones; the format is the current one if that cannot change.
        """
        self.settings = settings
        # Filters come late, so the level spares the work of lines that none would pass.
        logging.getLogger().setLevel(settings.lowest_level)
        if not self.has_fixed_format:
            self._handler.setFormatter(text_formatter(settings.format))


def text_formatter(time_format: str) -> logging.Formatter:
    """The formatter of lines of text.

    Args:
        time_format: as in :class:`LogSettings`.
    """
    if time_format == DEFAULT_FORMAT:
        return logging.Formatter(_LINE)
    formatter = logging.Formatter(_LINE, "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    return formatter


def settings_of_level(level: int, time_format: str = DEFAULT_FORMAT) -> LogSettings:
    """The settings that log this level and all more severe ones."""
    info, warning, error = (level <= each for each in (logging.INFO, logging.WARNING, logging.ERROR))
    return LogSettings(info, warning, error, int(level <= logging.DEBUG), time_format)


def find_log_control() -> LogControl | None:
    """The control of this process; None if the process has configured its logging itself."""
    for handler in logging.getLogger().handlers:
        for each in handler.filters:
            if isinstance(each, LogControl):
                return each
    return None
