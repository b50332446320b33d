"""Logging of a process: structlog and every library's own logging, in one form, without personal data."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from logging.handlers import WatchedFileHandler
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from config.redaction import describe_exception, redact
from config.set_aside import SetAside
from config.settings import Settings
from config.spare_sections import LogSettings

# Libraries that print addresses, texts or parameters below these levels, whatever level is asked for.
LIBRARY_LEVELS: Final = {
    "aiohttp": logging.WARNING,
    "aiohttp.access": logging.CRITICAL,  # a line a request, with its URL
    "aiosmtplib": logging.WARNING,
    "alembic": logging.WARNING,
    "authlib": logging.WARNING,  # below: tokens
    "apprise": logging.CRITICAL + 1,  # at every level: numbers, in words of its own
    "asyncio": logging.WARNING,
    "dramatiq": logging.INFO,  # below: the content of messages
    "flufl.bounce": logging.CRITICAL,  # below: what it found in a mail that it could not read
    "httpcore2": logging.WARNING,
    "httpx2": logging.WARNING,  # at INFO: a line a request, with its URL
    "mail": logging.WARNING,  # aiosmtpd: senders and recipients
    "multipart": logging.WARNING,
    "python_multipart": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "twilio": logging.WARNING,  # at INFO: every number and text
    "urllib3": logging.WARNING,
    "uvicorn": logging.INFO,
    "uvicorn.access": logging.CRITICAL,  # a line a request, with its URL
}


def configure_logging(settings: Settings, process: str, file: Path | None = None) -> None:
    """Log from here on to stderr, or to `file` for a process without a terminal. Calling it again replaces the first.

    `process` names the kind of process in each line ("worker", "drainer", "web"). The level and the form come from
    the settings; where those were set aside, "info" and "json". The first lines name every setting that was.
    uvicorn must be started with `log_config=None`, or it sets up its own.
    """
    # A process that could not write its log for a misspelt level must work all the same.
    chosen = LogSettings(level="info", format="json") if isinstance(settings.log, SetAside) else settings.log
    level = logging.getLevelNamesMapping()[chosen.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _Named(process),
        _exception_without_text,
        _without_persons,
    ]
    handler = _handler(file)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(chosen, file)],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, (_StderrHandler, _FileHandler))]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level)
    for name, floor in LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(level, floor))
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread
    for wrong in settings.set_aside:
        structlog.get_logger(__name__).warning("setting_set_aside", setting=wrong.setting, reason=wrong.reason)


def note_command(settings: Settings, event: str, **facts: Any) -> None:
    """A line about what a command has done, in logs/commands.log of the data directory, in the form of all others.

    A command's own streams are for its operator. Raises nothing when the file cannot be written, and says nothing where
    the settings want warnings alone.
    """
    if not isinstance(settings.log, SetAside) and settings.log.level not in ("debug", "info"):
        return
    line: EventDict = {"event": event, "level": "info", "logger": "command", **facts}
    line = structlog.processors.TimeStamper(fmt="iso", utc=True, key="time")(None, "info", line)
    line = _without_persons(None, "info", _Named("command")(None, "info", line))
    written = structlog.processors.JSONRenderer(ensure_ascii=False)(None, "info", line)
    assert isinstance(written, str)
    with contextlib.suppress(OSError):
        # Somebody else's (root looks at a report, for instance): a folder of ours would be in the service's way.
        if settings.data_dir.exists() and settings.data_dir.stat().st_uid != os.geteuid():
            return
        with open_log(settings.data_dir / "logs" / "commands.log") as file:
            # In one piece, so that lines of commands at the same time do not mix.
            file.write(f"{written}\n")


def open_log(path: Path) -> IO[str]:
    """To write at its end; readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8")


class _StderrHandler(logging.StreamHandler[IO[str]]):
    """To stderr; a class of its own, so that a second call finds what the first one added."""


class _FileHandler(WatchedFileHandler):
    """To a file that may be moved away by logrotate at any time, readable by its owner alone."""

    def _open(self) -> Any:
        return open_log(Path(self.baseFilename))


def _handler(file: Path | None) -> logging.Handler:
    return _StderrHandler(sys.stderr) if file is None else _FileHandler(file)


def _renderer(chosen: LogSettings, file: Path | None) -> Processor:
    if chosen.format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    coloured = file is None and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    return structlog.dev.ConsoleRenderer(colors=coloured, timestamp_key="time")


class _Named:
    """Adds what wrote the line: the kind of process and its number."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = self._process
        event["pid"] = os.getpid()
        return event


def _exception_without_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    given: ExcInfo | BaseException | bool | None = event.pop("exc_info", None)
    if isinstance(given, tuple):
        error: BaseException | None = given[1]
    elif isinstance(given, BaseException):
        error = given
    else:
        error = sys.exc_info()[1] if given else None
    if error is not None:
        event["exception"] = describe_exception(error)
    return event


def _without_persons(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        # What ProcessorFormatter needs, and the times that this module writes itself.
        if not key.startswith("_") and key != "time":
            event[key] = _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {_redacted(key): _redacted(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted(each) for each in value]
    if isinstance(value, BaseException):
        return type(value).__qualname__
    return redact(value if isinstance(value, str) else str(value))


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    logging.getLogger("beredskap").critical("the process ends: a fault of Beredskap", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        logging.getLogger("beredskap").critical("a thread ends: a fault of Beredskap", exc_info=args.exc_value)
