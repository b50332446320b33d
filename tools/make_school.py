"""Write the files of a fictional school, or of a county of them: PIFU roster, register documents, manual guardians.

Everything is made up and follows from the seed: synthetic identity numbers (month + 80), names from a short list,
example.com addresses, and numbers that only a sandbox should ever be given. Written as a stream, so that a county of
100,000 students costs no memory.

    python tools/make_school.py --out files --students 1000
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from fictional_people import GRADES, SCHOOL_SIZE, Fiction, Guardian, Student

from contacts.entitlement import is_adult


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
