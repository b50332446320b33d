"""One round of a register: whom it is asked about, its answers, and what they change, by the one way of every import.

Everything is asked first; nothing of the store is touched, and no transaction is open, until all answers are there.
A round that breaks off before has changed nothing. What they change is applied in portions, each in a transaction of
its own, because SQLite has one writer: an alert waits for one portion at most. No record is half entered; a round that
breaks off there leaves the rest to the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeAlias

from sqlalchemy import Connection, func, or_, select

from config.clock import oslo_date
from config.database import Database
from config.errors import BeredskapError, ExitStatus
from config.keys import Keys
from contacts.codes import Basis
from contacts.imports import krr
from contacts.imports.freg import read_freg
from contacts.imports.krr import read_krr
from contacts.imports.person_steps import REGISTER
from contacts.imports.plan import Plan
from contacts.imports.records import Reading, shown
from contacts.imports.staged_import import LARGE, StagedImport, stage
from contacts.imports.step import Kind
from contacts.registers.answers import Answer, Answers, batches
from contacts.registers.calls import Calls, LiveRegister
from contacts.registers.documents import documents_about
from contacts.registers.feed import last_event
from contacts.registers.state import noted, set_position
from contacts.registers.whom import Asked, contact_register_asked, numbers_of, population_register_asked
from contacts.tables import CONTACT_POINT, GUARDIANSHIP

# Nobody looks at a nightly round before it is applied: more than this share, and more than so many, is for a person.
_MOST_ENDED_PERCENT = 5
_FEW_ENDED = 20
# So many answers are applied in one transaction (docs/performance.md says how long that takes).
PORTION: Final = 250
# Who asks after so many answers plans with what they have changed.
_MANY: Final = 1000

# What answers tell, as records; they may be gone through more than once.
_Reader: TypeAlias = Callable[[Iterable[Answer]], Reading]


@dataclass(frozen=True, slots=True)
class Round:
    """What rounds work with, and how: by whom, whether only to look, how many links or addresses may end.

    `show` gets the preview before it is applied. `postal_addresses`: those of guardians are taken.
    """

    database: Database
    keys: Keys
    operator: str
    trusted_sources: tuple[str, ...] = ()
    postal_addresses: bool = False
    dry_run: bool = False
    allow_ending: int | None = None
    show: Callable[[Plan], None] = lambda _plan: None

    def today(self) -> date:
        return oslo_date(self.database.now())

    def noted(self, name: str) -> AbstractContextManager[None]:
        """Writes down how what is done within went, unless it is only looked at."""
        return nullcontext() if self.dry_run else noted(self.database, name)


@dataclass(frozen=True, slots=True)
class Result:
    """`asked`: about how many persons."""

    plan: Plan
    asked: int
    applied: bool


def sync_krr(one: Round, live: LiveRegister) -> Result:
    """Ask the contact register about the guardians who may be told today. Raises BeredskapError: nothing changed."""
    with one.noted(live.register.section):
        today = one.today()
        with one.database.read() as connection:
            persons = contact_register_asked(connection, today)
            numbers = sorted(numbers_of(connection, one.keys, persons).values())
        answers = Answers(live, krr.LIST)

        async def ask(calls: Calls) -> None:
            for batch in batches(numbers):
                reply = await calls.post("/rest/v2/personer", {"personidentifikatorer": batch})
                answers.add(answers.items_of(reply))

        live.ask(ask)

        def read(told: Iterable[Answer]) -> Reading:
            return read_krr(((answer.name, answer.items) for answer in told), answers.server, today)

        return _import(one, live, answers, read, len(numbers), len(persons) - len(numbers))


def sync_freg(one: Round, live: LiveRegister) -> Result:
    """Ask the population register about students under 18 and their guardians. Raises BeredskapError: nothing changed.

    What happens from here on is for the reader of events: it begins after the last event of before the first question.
    """
    with one.noted(live.register.section):
        last = last_event(live)
        with one.database.read() as connection:
            asked = population_register_asked(connection, one.today())
        result = sync_documents(one, live, asked)
        if not one.dry_run:
            with one.database.write() as connection:
                set_position(connection, last + 1)
        return result


def sync_documents(one: Round, live: LiveRegister, asked: Asked) -> Result:
    """Ask about some of those whom the population register may be asked about. Raises BeredskapError."""
    today = one.today()
    found = documents_about(one.database, one.keys, live, asked, today)

    def read(told: Iterable[Answer]) -> Reading:
        whole = ((answer.name, answer.items) for answer in told if not answer.in_part)
        basic = ((answer.name, answer.items) for answer in told if answer.in_part)
        reading = read_freg(whole, basic, found.answers.server, today)
        return replace(reading, records=map(found.by_number_in_use, reading.records))

    return _import(one, live, found.answers, read, found.asked, found.without_number)


def _import(one: Round, live: LiveRegister, answers: Answers, read: _Reader, asked: int, without_number: int) -> Result:
    """Preview what the answers change, and apply it, unless too much would end.

    `live` is asked before each portion whether to go on, as before each call.
    """
    reading = _noting(read(answers), without_number)
    with _staged(one, reading) as staged:
        plan = staged.preview()
    one.show(plan)
    with one.database.read() as connection:
        _check_endings(connection, plan, one.today(), one.allow_ending)
    if one.dry_run or not plan.changes:
        return Result(plan, asked, False)
    # Guardians' documents first, which say by which numbers they are known. The children's may bring new guardians,
    # whose documents nobody took before.
    for in_part in (True, False, True):
        for portion in answers.portions(PORTION, in_part=in_part):
            live.before_call()
            _apply(one, read([portion]), answers.digest)
    if plan.records > _MANY:
        one.database.refresh_statistics(LARGE)
    return Result(plan, asked, True)


def _apply(one: Round, reading: Reading, digest: str) -> None:
    """Apply a portion. One that changes nothing, as most do on most nights, takes no turn at writing."""
    with _staged(one, reading, lambda: digest) as staged:
        if staged.preview().changes:
            staged.apply(operator=one.operator)


def _staged(
    one: Round, reading: Reading, digest: Callable[[], str] = lambda: ""
) -> AbstractContextManager[StagedImport]:
    return stage(
        one.database,
        one.keys,
        reading,
        trusted_sources=one.trusted_sources,
        postal_addresses=one.postal_addresses,
        digest=digest,
    )


def _noting(reading: Reading, without_number: int) -> Reading:
    if not without_number:
        return reading
    note = f"Not asked about: {shown(without_number)} whose identity number is not known."
    return replace(reading, notes=(*reading.notes, note))


def _check_endings(connection: Connection, plan: Plan, today: date, allowed: int | None) -> None:
    """A register that suddenly knows nobody any more (another environment, another right) must not empty the store."""
    if plan.format == krr.FORMAT:
        point = CONTACT_POINT.c
        what, ending = "addresses", plan.count(Kind.CONTACT_POINTS).ended
        in_force = select(func.count()).where(point.source == krr.SOURCE, point.ended_at.is_(None))
    else:
        link = GUARDIANSHIP.c
        what, ending = "guardianships", plan.count(Kind.GUARDIANSHIPS).ended
        in_force = select(func.count()).where(
            link.source == REGISTER, link.basis == Basis.CUSTODY, or_(link.valid_to.is_(None), link.valid_to > today)
        )
    current = int(connection.execute(in_force).scalar_one())
    if ending <= (_FEW_ENDED if allowed is None else allowed) or (
        allowed is None and ending * 100 <= current * _MOST_ENDED_PERCENT
    ):
        return
    raise BeredskapError(
        f"The round was stopped: it would end {shown(ending)} of {shown(current)} {what} from {plan.source}.",
        remedy=f"Check that the right register was asked. If this is right: beredskap sync {plan.format} "
        f"--allow-ending {ending}.",
        status=ExitStatus.REFUSED,
    )
