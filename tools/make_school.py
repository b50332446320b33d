"""Write the files of a fictional school, or of a county of them: PIFU roster, register documents, manual guardians.

Everything is made up and follows from the seed: synthetic identity numbers (month + 80), names from a short list,
example.com addresses, and numbers that only a sandbox should ever be given. Written as a stream, so that a county of
100,000 students costs no memory.

    python tools/make_school.py --out files --students 1000
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from contacts.entitlement import is_adult

GIVEN = [
    "Nora",
    "Emma",
    "Ella",
    "Maja",
    "Olivia",
    "Sofie",
    "Ingrid",
    "Sara",
    "Aksel",
    "Jakob",
    "Noah",
    "Oskar",
    "Lucas",
    "Filip",
    "Johan",
    "Ánte",
    "Máret",
    "Amina",
    "Yusuf",
]
FAMILY = [
    "Hansen",
    "Olsen",
    "Larsen",
    "Berg",
    "Haugen",
    "Lie",
    "Moen",
    "Bakke",
    "Eide",
    "Sand",
    "Dahl",
    "Utsi",
    "Gaup",
    "Sara",
    "Ali",
    "Nguyen",
    "Kowalska",
    "Vik",
]
LANGUAGES = ("nb",) * 80 + ("nn",) * 12 + ("en",) * 5 + ("se",) * 3
GRADES = ("VG1", "VG2", "VG3")
CLASS_SIZE = 28
SCHOOL_SIZE = 1000
# Endings of numbers, and tags of addresses, that the sandbox treats badly on purpose: about one guardian in fifty.
BAD_ENDINGS = ("0003", "0005", "0610", "0429", "0408", "0500", "0501", "0710")
BAD_TAGS = ("+refuse", "+full", "+later-data", "+cut")
SCRIPTED = frozenset((*BAD_ENDINGS, "0006", "0007", "0211", "0614", "0700", "0711", "0720", "0800", "0801"))


@dataclass(slots=True)
class Guardian:
    key: str
    nin: str
    given: str
    family: str
    language: str
    mobile: str = ""
    landline: str = ""
    email: str = ""


@dataclass(slots=True)
class Student:
    key: str
    ref: str
    nin: str
    given: str
    family: str
    birth: date
    school: int
    class_key: str
    guardians: list[Guardian] = field(default_factory=list)
    birth_known: bool = True
    protection: str = "ugradert"


class Fiction:
    """The people, one school after the other."""

    def __init__(self, seed: int, today: date) -> None:
        self._random = random.Random(seed)
        self._today = today
        self._nins: set[str] = set()
        self._phones = 0
        self._people = 0

    def students(self, school: int, count: int) -> Iterator[Student]:
        household: list[Guardian] = []
        for number in range(count):
            grade = number * len(GRADES) // count
            class_number = (number - grade * count // len(GRADES)) // CLASS_SIZE
            name = f"{grade + 1}{chr(ord('A') + class_number % 26)}{class_number // 26 or ''}"
            # One in eight is the sibling of the student before: the guardians get one message about both.
            if not household or self._random.random() > 0.12:
                household = [self._guardian() for _ in range(self._random.choices((1, 2), (20, 80))[0])]
            student = Student(
                key=f"elev-{school}-{number}",
                ref=f"{name}-{number % CLASS_SIZE + 1:03d}" if school == 1 else f"S{school}-{name}-{number:04d}",
                nin="",
                given=self._random.choice(GIVEN),
                family=household[0].family,
                birth=self._birth(grade),
                school=school,
                class_key=f"klasse-{school}-{name}",
                guardians=household,
                birth_known=self._random.random() > 0.002,
                protection=self._random.choices(("ugradert", "fortrolig", "strengtFortrolig"), (0.993, 0.005, 0.002))[
                    0
                ],
            )
            student.nin = self._nin(student.birth)
            yield student

    def _birth(self, grade: int) -> date:
        # The school year's cohort, so that about a third of the oldest have turned 18.
        start = self._today.year - 16 - grade
        return date(start, 1, 1) + timedelta(days=self._random.randrange(365))

    def _guardian(self) -> Guardian:
        self._people += 1
        born = date(1968, 1, 1) + timedelta(days=self._random.randrange(8000))
        guardian = Guardian(
            key=f"foresatt-{self._people}",
            nin=self._nin(born),
            given=self._random.choice(GIVEN),
            family=self._random.choice(FAMILY),
            language=self._random.choice(LANGUAGES),
        )
        chance = self._random.random()
        if chance < 0.02:
            return guardian  # nobody knows how to reach them
        if chance < 0.03:
            guardian.landline = f"+4722{self._random.randrange(10**6):06d}"
            return guardian
        guardian.mobile = self._mobile()
        if self._random.random() < 0.95:
            tag = self._random.choice(BAD_TAGS) if self._random.random() < 0.008 else ""
            guardian.email = f"foresatt{self._people}{tag}@example.com"
        return guardian

    def _mobile(self) -> str:
        self._phones += 1
        if self._random.random() < 0.012:
            return f"+4791{self._phones % 100:02d}{self._random.choice(BAD_ENDINGS)}"
        while f"{self._phones % 10_000:04d}" in SCRIPTED:
            self._phones += 1
        return f"+4792{self._phones:06d}"

    def _nin(self, born: date) -> str:
        """A synthetic identity number with the right check digits; the birth date decides the first six."""
        first = f"{born.day:02d}{born.month + 80:02d}{born.year % 100:02d}"
        low, high = (500, 999) if born.year >= 2000 else (0, 499)
        while True:
            digits = [int(digit) for digit in first + f"{self._random.randint(low, high):03d}"]
            for weights in ((3, 7, 6, 1, 8, 9, 4, 5, 2), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)):
                digits.append(-sum(w * d for w, d in zip(weights, digits, strict=True)) % 11)
            nin = "".join(map(str, digits))
            if 10 not in digits and nin not in self._nins:
                self._nins.add(nin)
                return nin


def write_school(out: Path, students: int, seed: int, today: date, name: str) -> None:
    """Write roster.xml (PIFU), register.json (FREG, a bulk answer) and guardians.csv (manual) into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    fiction = Fiction(seed, today)
    with ExitStack() as files:
        roster = files.enter_context((out / "roster.xml").open("w", encoding="utf-8"))
        register = files.enter_context((out / "register.json").open("w", encoding="utf-8"))
        manual = files.enter_context((out / "guardians.csv").open("w", encoding="utf-8"))
        roster.write(_ROSTER_HEAD.format(now=f"{today.isoformat()}T04:00:00"))
        register.write('{"oppslag":[\n')
        manual.write(_MANUAL_HEAD)
        tails: list[tuple[int, str, list[Student]]] = []
        first = True
        for school in range(1, -(-students // SCHOOL_SIZE) + 1):
            count = min(SCHOOL_SIZE, students - (school - 1) * SCHOOL_SIZE)
            here = list(fiction.students(school, count))
            first = _write_people(here, roster, register, manual, today, first)
            for student in here:
                student.guardians = []  # written; only who goes where is still to come
            tails.append((school, name if school == 1 else f"{name} {school}", here))
        for school, title, _here in tails:
            _write_groups(roster, school, title, _here)
        for school, _title, here in tails:
            _write_memberships(roster, school, here)
        roster.write("</enterprise>\n")
        register.write("\n]}\n")


def _write_people(
    students: list[Student], roster: IO[str], register: IO[str], manual: IO[str], today: date, first: bool
) -> bool:
    written: set[str] = set()
    for student in students:
        adult = is_adult(student.birth, today)
        roster.write(_student_xml(student))
        for guardian in student.guardians:
            if guardian.key not in written:
                written.add(guardian.key)
                roster.write(_guardian_xml(guardian))
        if adult:
            _write_consent(manual, student, today)
        else:
            register.write(("" if first else ",\n") + json.dumps(_register_document(student), ensure_ascii=False))
            first = False
    return first


def _write_consent(manual: IO[str], student: Student, today: date) -> None:
    """Three in four adult students let their guardians be told; registered by hand, with the paper's number."""
    if int(student.nin[-3:]) % 4 == 0:
        return
    for number, guardian in enumerate(student.guardians):
        manual.write(
            f"{student.ref};{guardian.nin};{guardian.given};{guardian.family};contact_person;;"
            f"alerts;{today.isoformat()};samtykke {student.ref}/{number + 1};{guardian.mobile};{guardian.email};"
            f"{guardian.language}\n"
        )


_MANUAL_HEAD = (
    "student;guardian_nin;given_name;family_name;basis;decision_ref;"
    "consent;consent_date;evidence;phone;email;language\n"
)
_ROSTER_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<enterprise xmlns="http://pifu.no/xsd/pifu-ims_sas/pifu-ims_sas-v1">
<properties lang="no"><datasource>fiction@example.com</datasource><type>full</type>\
<datetime>{now}</datetime></properties>
"""
_SOURCED = "<sourcedid><source>fiction@example.com</source><id>{}</id></sourcedid>"


def _person_xml(key: str, userids: str, given: str, family: str, rest: str) -> str:
    return (
        f"<person>{_SOURCED.format(key)}{userids}<name><fn>{given} {family}</fn><n><family>{family}</family>"
        f"<given>{given}</given></n></name>{rest}</person>\n"
    )


def _student_xml(student: Student) -> str:
    ids = f'<userid useridtype="personNIN">{student.nin}</userid><userid useridtype="studentID">{student.ref}</userid>'
    born = f"<demographics><bday>{student.birth.isoformat()}</bday></demographics>" if student.birth_known else ""
    links = "".join(
        f'<pifu_hasContactPerson type="guardian">{_SOURCED.format(one.key)}</pifu_hasContactPerson>'
        for one in student.guardians
    )
    return _person_xml(student.key, ids, student.given, student.family, f"{born}<extension>{links}</extension>")


def _guardian_xml(guardian: Guardian) -> str:
    rest = f"<email>{guardian.email}</email>" if guardian.email else ""
    tel = '<pifu_tel type="{}">{}</pifu_tel>'
    phones = tel.format("personMobilePrivate", guardian.mobile) if guardian.mobile else ""
    phones += tel.format("personTelephonePrivate", guardian.landline) if guardian.landline else ""
    language = f'<pifu_preferredLanguage source="ISO 639-1">{guardian.language}</pifu_preferredLanguage>'
    ids = f'<userid useridtype="personNIN">{guardian.nin}</userid>'
    rest += f"<extension>{phones}{language}</extension>"
    return _person_xml(guardian.key, ids, guardian.given, guardian.family, rest)


def _write_groups(roster: IO[str], school: int, title: str, students: list[Student]) -> None:
    key = f"skole-{school}"
    roster.write(
        f"<group>{_SOURCED.format(key)}<grouptype><scheme>pifu-ims-go-org</scheme>"
        f'<typevalue level="2">skole</typevalue></grouptype><description><short>{title}</short></description>'
        f'<extension><pifu_id type="organizationNumber"><pifu_value>9{school:08d}</pifu_value></pifu_id></extension>'
        "</group>\n"
    )
    names = {f"trinn-{school}-{grade}": (grade, "trinn") for grade in GRADES}
    names |= {one.class_key: (one.class_key.rsplit("-", 1)[1], "basisgruppe") for one in students}
    for group, (name, kind) in names.items():
        roster.write(
            f"<group>{_SOURCED.format(group)}<grouptype><scheme>pifu-ims-go-grp</scheme>"
            f'<typevalue level="1">{kind}</typevalue></grouptype><description><short>{name}</short></description>'
            f'<relationship relation="1">{_SOURCED.format(key)}<label>{title}</label></relationship></group>\n'
        )


def _write_memberships(roster: IO[str], school: int, students: list[Student]) -> None:
    members: dict[str, list[str]] = {}
    for one in students:
        grade = GRADES[int(one.class_key.rsplit("-", 1)[1][0]) - 1]
        for group in (f"skole-{school}", f"trinn-{school}-{grade}", one.class_key):
            members.setdefault(group, []).append(one.key)
    for group, keys in members.items():
        roster.write(f"<membership>{_SOURCED.format(group)}")
        for key in keys:
            roster.write(
                f"<member>{_SOURCED.format(key)}<idtype>1</idtype>"
                '<role roletype="01"><status>1</status></role></member>'
            )
        roster.write("</membership>\n")


def _register_document(student: Student) -> dict[str, object]:
    """A population register document: names in capitals, one element of `foreldreansvar` per parent, no phones."""
    now = {"erGjeldende": True, "kilde": "Fiksjon"}
    return {
        "foedselsEllerDNummer": student.nin,
        "folkeregisterperson": {
            "identifikasjonsnummer": [
                {**now, "foedselsEllerDNummer": student.nin, "identifikatortype": "foedselsnummer", "status": "iBruk"}
            ],
            "status": [{**now, "status": "bosatt"}],
            "foedsel": [{**now, "foedselsdato": student.birth.isoformat()}] if student.birth_known else [],
            "navn": [{**now, "fornavn": student.given.upper(), "etternavn": student.family.upper()}],
            "adressebeskyttelse": [{**now, "graderingsnivaa": student.protection}],
            "foreldreansvar": [
                {
                    **now,
                    "ansvar": "felles" if len(student.guardians) > 1 else "mor",
                    "ansvarssubjekt": student.nin,
                    "ansvarlig": guardian.nin,
                }
                for guardian in student.guardians
            ],
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--name", default="Eksempel vgs")
    parser.add_argument("--today", type=date.fromisoformat, help="the day the ages are for; today when not given")
    given = parser.parse_args()
    today = given.today or datetime.now(ZoneInfo("Europe/Oslo")).date()
    write_school(given.out, given.students, given.seed, today, given.name)


if __name__ == "__main__":
    main()
