"""What every command shares: its errors as sentences and exit statuses, its output, its questions, the open store."""

from __future__ import annotations

import contextvars
import functools
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, ParamSpec, TypeAlias, TypeVar, overload

import typer

from config.errors import BeredskapError, ExitStatus, UsageError
from config.roles import Reach, Right

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

    from config.database import Database
    from config.keys import Keys
    from config.operators import Operator
    from config.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
YesOption: TypeAlias = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]

STOPPED = "Stopped. Nothing was changed."

# What the command that runs needs its operator to have.
RIGHT: contextvars.ContextVar[Right] = contextvars.ContextVar("right_of_the_command")


@dataclass(frozen=True, slots=True)
class Store:
    """What a command works with: settings, operator, and the database, checked to be initialised and up to date.

    Leaving it puts a refused attempt into the audit log, when the command's own transactions have ended.
    """

    settings: Settings
    database: Database
    operator: Operator

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        from config.operators import NotPermittedError, record_refusal

        try:
            if isinstance(error, NotPermittedError):
                record_refusal(self.database, error)
        finally:
            self.close()

    def close(self) -> None:
        self.database.dispose()


@dataclass(frozen=True, slots=True)
class KeyedStore(Store):
    """A store with the keys of its installation."""

    keys: Keys

    def __enter__(self) -> KeyedStore:
        return self


@overload
def open_store(*, need_keys: Literal[True] = True, glass: bool = False) -> KeyedStore: ...
@overload
def open_store(*, need_keys: Literal[False], glass: bool = False) -> Store: ...
def open_store(*, need_keys: bool = True, glass: bool = False) -> Store:
    """The store of this installation, for whoever has the right that the command needs; also a context manager that
    closes it.

    Raises UsageError when it was not initialised, its tables are those of another version, or the key file cannot be
    used; NotPermittedError, which is on record then, when the operator has nothing of that right. LookupError outside
    of a command (`command_errors`): nothing opens the store without saying what for. `glass`: the command lets its
    operator break the glass, and sees to it that it is told of; it gets a store whose operator may have no reach.
    """
    from config.audit import act_as
    from config.database import open_database
    from config.keys import load_keys
    from config.operators import NotPermittedError, admit, record_refusal
    from config.settings import load_settings

    right = RIGHT.get()
    settings = load_settings()
    if settings.embedded and not _embedded_file_exists(settings):
        raise _not_initialised()
    database = open_database(settings)
    try:
        _check_tables(database)
        try:
            operator = admit(settings, database, right, glass=glass)
            act_as(operator.name)
            if operator.reach is Reach.NOTHING and not glass:
                operator.refuse()
        except NotPermittedError as refused:
            record_refusal(database, refused)
            raise
        if need_keys:
            return KeyedStore(settings, database, operator, load_keys(settings.key_file))
        return Store(settings, database, operator)
    except BaseException:
        database.dispose()
        raise


def _embedded_file_exists(settings: Settings) -> bool:
    # Connecting would make an empty one.
    from sqlalchemy.engine import make_url

    file = make_url(settings.database_url).database
    return file is not None and Path(file).exists()


def _check_tables(database: Database) -> None:
    from config.migrations import current_revision, head_revision

    current, head = current_revision(database), head_revision()
    if current is None or head is None:
        raise _not_initialised()
    if current < head:
        raise UsageError(
            "The database has the tables of an older version of Beredskap.",
            remedy="Run beredskap init again: it keeps what is stored, and brings the tables up to date.",
        )
    if current > head:
        raise UsageError(
            "The database was made by a newer version of Beredskap than this one.",
            remedy="Install that version on this machine, too.",
        )


def _not_initialised() -> UsageError:
    return UsageError("The database is not initialised.", remedy="Run beredskap init.")


def command_errors(
    right: Right, *, interrupted: str | Callable[[], str] = STOPPED
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates a command: what it raises becomes one or two sentences on stderr and the command's exit status.

    `right` is what its operator must have: the store that it opens asks for it.

    When the command has a true `as_json`, or "json" as its `output`, the sentences become
    {"error": {"what", "unchanged", "remedy"}, "exit_status": n} on stdout instead. `interrupted` is said after Ctrl-C:
    what goes on, or that nothing was changed; a function is asked at that moment. `BEREDSKAP_DEBUG=1` lets the
    exception through with its traceback.
    """

    def decorate(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            def run() -> R:
                RIGHT.set(right)
                return command(*args, **kwargs)

            try:
                result = contextvars.copy_context().run(run)
                sys.stdout.flush()  # a pipe that broke is told here, not after the end
                return result
            except (typer.Exit, typer.Abort, typer.exceptions.TyperException):
                raise
            except BrokenPipeError:
                # The reader (head, less) has seen enough. Python would complain when it flushes at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(ExitStatus.OK) from None
            except KeyboardInterrupt:
                print(f"\n{interrupted if isinstance(interrupted, str) else interrupted()}", file=sys.stderr)  # noqa: T201
                raise typer.Exit(ExitStatus.INTERRUPTED) from None
            except Exception as error:
                if os.environ.get("BEREDSKAP_DEBUG") == "1":
                    raise
                from config.faults import explain

                told = error if isinstance(error, BeredskapError) else explain(error)
                _tell(told, as_json=kwargs.get("as_json") is True or kwargs.get("output") == "json")
                raise typer.Exit(int(told.exit_status)) from None

        guarded.right = right  # type: ignore[attr-defined]
        return guarded

    return decorate


def declared_right(command: Callable[..., object]) -> Right | None:
    """The right that a command has declared to need; None when it declared nothing."""
    return getattr(command, "right", None)


def _tell(error: BeredskapError, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "error": {"what": error.what, "unchanged": error.unchanged, "remedy": error.remedy},
                "exit_status": int(error.exit_status),
            }
        )
    else:
        print(error, file=sys.stderr)  # noqa: T201


def print_json(document: object) -> None:
    """One JSON document on stdout: times as ISO 8601, enums as their values, dataclasses as objects."""
    print(json.dumps(document, default=plain, ensure_ascii=False, indent=2))  # noqa: T201


def plain(value: object) -> object:
    """What JSON cannot hold by itself, in a form that it can; for `json.dumps(…, default=plain)`."""
    import dataclasses

    if isinstance(value, date):  # and datetime, which is a date
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def console(*, stderr: bool = False) -> Console:
    """Where tables and progress are drawn: colours only on a terminal and without NO_COLOR; 80 wide elsewhere."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 80, highlight=False, soft_wrap=False)


def answers(typed: str, *expected: str) -> bool:
    """Whether one of `expected` was typed (capitals and spaces around it do not matter)."""
    return typed.strip().casefold() in {one.strip().casefold() for one in expected}


def confirm_typed(prompt: str, *expected: str, refused: str = "Nothing was changed.", unasked: str = "--yes") -> None:
    """Ask `prompt` and go on only when it is answered by one of `expected`.

    Raises BeredskapError with status NOT_CONFIRMED for another answer, UsageError where nobody can type one.
    `refused` says what did not happen, `unasked` is the option of the command that goes on without the question.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "The question cannot be asked: this is not a terminal.",
            unchanged=refused,
            remedy=f"Give {unasked} to go on without it.",
        )
    print(prompt, end=" ", file=sys.stderr, flush=True)  # noqa: T201
    if not answers(sys.stdin.readline(), *expected):
        raise BeredskapError(
            "Not confirmed: the answer was not the one asked for.",
            unchanged=refused,
            remedy="Run the command again, and type exactly what it asks for.",
            status=ExitStatus.NOT_CONFIRMED,
        )
