"""The population register's documents, by bulk look-up: of whom, and of each only the parts that are used.

`person-basis` is who somebody is, their birth, death and address protection; `relasjon-utvidet` adds who has parental
responsibility, and is asked of students under 18 alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from config.database import Database
from config.keys import Keys
from contacts.entitlement import is_adult
from contacts.imports.freg import LIST, live_records
from contacts.imports.records import NIN, GuardianshipRecord, Identifier, PersonRecord, Record
from contacts.registers.answers import Answers, batches
from contacts.registers.calls import Calls, LiveRegister
from contacts.registers.whom import Asked, known_by, numbers_of, without_document

_BASIS: Final = (("part", "person-basis"),)
_RELATIONS: Final = (*_BASIS, ("part", "relasjon-utvidet"))


@dataclass(frozen=True, slots=True)
class Found:
    """`asked`: about how many persons; `without_number`: how many could not be asked about.

    `in_use`: of those whom the answers know by several numbers, the one in use, by each ended one.
    """

    answers: Answers
    asked: int
    without_number: int
    in_use: Mapping[str, str]

    def by_number_in_use(self, record: Record) -> Record:
        """The record with its guardian named by the number in use: a child's document may name an ended one, and the
        guardian's own document, which knows both, may be applied in another transaction."""
        if not isinstance(record, GuardianshipRecord) or record.guardian.scheme != NIN:
            return record
        number = self.in_use.get(record.guardian.value)
        return record if number is None else replace(record, guardian=Identifier(NIN, number))


def documents_about(database: Database, keys: Keys, live: LiveRegister, asked: Asked, today: date) -> Found:
    """The documents of those persons, and of whoever has custody by them and was not among them.

    Raises BeredskapError when the register does not give them all.
    """
    with database.read() as connection:
        numbers = numbers_of(connection, keys, asked.everybody, ended_too=True)

    def of(persons: Iterable[int]) -> list[str]:
        return [numbers[person] for person in sorted(persons) if person in numbers]

    answers = Answers(live, LIST)
    minors = of(asked.minors)

    def take_ages(items: list[object]) -> None:
        told = [(item, _minor(item, today)) for item in items]
        # Who turns out to be a minor is asked about again, with relations: two documents of one would be too many.
        minors.extend(number for _, number in told if number is not None)
        answers.add([item for item, number in told if number is None])

    _look_up(live, of(asked.ageless), _BASIS, answers, take_ages)
    responsible: dict[str, None] = {}

    def take_students(items: list[object]) -> None:
        responsible.update(dict.fromkeys(_responsible(items, today)))
        answers.add(items)

    _look_up(live, minors, _RELATIONS, answers, take_students)
    with database.read() as connection:
        known = known_by(connection, keys, responsible)
        # Somebody may be named by a number that they had: the register is asked by the one in use.
        others = without_document(connection, set(known.values()) - asked.everybody)
        in_store = numbers_of(connection, keys, others, ended_too=True)
    named = [number for number in responsible if number not in known] + [in_store[each] for each in sorted(in_store)]
    _look_up(live, of(asked.guardians) + named, _BASIS, answers, lambda items: answers.add(items, in_part=True))
    return Found(
        answers, len(numbers) + len(named), len(asked.everybody) - len(numbers), _numbers_in_use(answers, today)
    )


def _look_up(
    live: LiveRegister,
    numbers: Sequence[str],
    parts: Sequence[tuple[str, str]],
    answers: Answers,
    take: Callable[[list[object]], None],
) -> None:
    if not numbers:
        return

    async def ask(calls: Calls) -> None:
        for batch in batches(numbers):
            reply = await calls.post("/v1/personer/bulkoppslag", {"foedselsEllerDNummer": batch}, query=parts)
            take(answers.items_of(reply))

    live.ask(ask)


def _minor(item: object, today: date) -> str | None:
    """The number in use of the person whom an item is about, when it says that they are under 18."""
    for record in live_records([("", [item])], today):
        if isinstance(record, PersonRecord) and record.birth_date and not is_adult(record.birth_date, today):
            return record.identifiers[0].value
    return None


def _numbers_in_use(answers: Answers, today: date) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for record in live_records(((answer.name, answer.items) for answer in answers), today):
        if isinstance(record, PersonRecord):
            numbers = [each for each in record.identifiers if each.scheme == NIN]
            in_use = next((each.value for each in numbers if each.current), None)
            if in_use is not None:
                found.update((each.value, in_use) for each in numbers if not each.current)
    return found


def _responsible(items: list[object], today: date) -> Iterable[str]:
    """The numbers of those who have parental responsibility now, by these documents."""
    for record in live_records([("", items)], today):
        if isinstance(record, GuardianshipRecord) and record.creates_guardian:
            yield record.guardian.value
