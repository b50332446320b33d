"""Guardians by hand: what each column means, and every reason for which a line is refused."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from config.errors import ExitStatus, UsageError
from contacts import tables
from contacts.forgetting import lock_persons, take_out
from contacts.imports.step import Kind
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import KARI_NIN, STRANGER_NIN

HEAD = (
    "student;guardian_ref;guardian_nin;given_name;family_name;basis;decision_ref;student_agreed;valid_from;valid_to;"
    "consent;consent_date;evidence;phone;email;language\n"
)


def line(**fields: str) -> str:
    values = {"student": "2B-017", "given_name": "Berit", "family_name": "Foster", "basis": "foster"} | fields
    return ";".join(values.get(name, "") for name in HEAD.strip().split(";")) + "\n"


@pytest.fixture
def importer(sqlite_importer: Importer) -> Importer:
    """One kind of database: test_both_databases.py takes the same ways on the other one."""
    return sqlite_importer


def test_a_foster_parent(school: Importer) -> None:
    plan = school.guardians(
        HEAD
        + line(
            decision_ref="2026/113", valid_from="2026-08-01", valid_to="2027-06-30", phone="912 34 567", language="nn"
        )
    )
    assert plan.refused == 0
    assert ("Nora Eksempel", "Berit Foster", "foster") in school.links()
    (link,) = (row for row in school.rows(tables.GUARDIANSHIP) if row.source == "manual")
    assert (link.decision_ref, link.valid_from, link.valid_to) == ("2026/113", date(2026, 8, 1), date(2027, 7, 1))
    assert ("Berit Foster", "+4791234567") in school.points()
    assert school.person("Berit Foster").language == "nn"


def test_twice_changes_no_row(school: Importer) -> None:
    text = HEAD + line(
        guardian_nin=STRANGER_NIN, phone="91234567", consent="alerts", consent_date="2026-11-01", evidence="x"
    )
    school.guardians(text)
    before = school.everything()
    school.now += timedelta(days=1)
    assert school.guardians(text).changes == 0
    assert school.everything() == before


def test_it_never_ends_what_is_absent(school: Importer) -> None:
    school.guardians(HEAD + line(phone="91234567", email="b@example.com"))
    school.guardians(HEAD + line(phone="91234568") + line(student="2B-018", family_name="Annen"))
    assert school.links(ended=True) == set()
    assert school.points(ended=True) == set()


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        ({"guardian_nin": KARI_NIN, "family_name": ""}, "Kari Eksempel"),
        ({"guardian_ref": "verge-7"}, "Berit Foster"),
        ({}, "Berit Foster"),
    ],
)
def test_who_is_meant(school: Importer, fields: dict[str, str], who: str) -> None:
    text = HEAD + line(**fields)
    school.guardians(text)
    assert ("Nora Eksempel", who, "foster") in school.links()
    assert school.guardians(text).changes == 0


def test_by_the_number_that_people_see(school: Importer) -> None:
    ole = school.person("Ole Eksempel").id
    school.guardians(HEAD + line(guardian_ref=f"G-{ole}", given_name="", family_name="", basis="appointed"))
    assert ("Nora Eksempel", "Ole Eksempel", "appointed") in school.links()


def test_one_ref_is_one_person_for_two_students(school: Importer) -> None:
    school.guardians(HEAD + line(guardian_ref="verge-7") + line(guardian_ref="verge-7", student="2B-018"))
    assert {student for student, guardian, _ in school.links() if guardian == "Berit Foster"} == {
        "Nora Eksempel",
        "Emil Eksempel",
    }
    assert list(school.people().values()).count("Berit Foster") == 1


def test_same_name_without_ref_is_two_persons(school: Importer) -> None:
    school.guardians(HEAD + line() + line(student="2B-018"))
    assert list(school.people().values()).count("Berit Foster") == 2


def test_consent(school: Importer) -> None:
    school.guardians(
        HEAD + line(basis="", consent="alerts", consent_date="2026-11-01", evidence="samtykke 17", guardian_ref="b")
    )
    (consent,) = school.rows(tables.CONSENT)
    assert (consent.purpose, consent.given_on, consent.given_evidence, consent.given_by) == (
        "alerts",
        date(2026, 11, 1),
        "samtykke 17",
        "tester",
    )
    assert ("Nora Eksempel", "Berit Foster", "contact_person") in school.links()


def test_withdrawn_consent_is_not_given_again_by_the_old_file(school: Importer) -> None:
    text = HEAD + line(basis="", consent="alerts", consent_date="2026-11-01", evidence="17", guardian_ref="b")
    school.guardians(text)
    with school.database.write() as connection:
        connection.execute(
            update(tables.CONSENT).values(
                withdrawn_on=date(2026, 11, 10), withdrawn_evidence="18", withdrawn_by="x", withdrawn_at=school.now
            )
        )
    plan = school.guardians(text)
    assert plan.count(Kind.CONSENTS).added == 0
    assert [refusal.reason for refusal in plan.refusals] == [
        "the consent was withdrawn on or after the day of this one"
    ]
    newer = text.replace("2026-11-01", "2026-11-20")
    assert school.guardians(newer).count(Kind.CONSENTS).added == 1


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"student": ""}, "column student"),
        ({"student": "9Z-999"}, "its student is neither"),
        ({"basis": "custody"}, "column basis"),
        ({"basis": ""}, "column basis"),
        ({"family_name": ""}, "nobody is named"),
        ({"guardian_nin": "12345678901"}, "column guardian_nin"),
        ({"guardian_ref": "G-99999"}, "no person of this number"),
        ({"valid_from": "03/04/2026"}, "column valid_from"),
        ({"valid_from": "2026-02-30"}, "column valid_from"),
        ({"valid_from": "2026-08-02", "valid_to": "2026-08-01"}, "column valid_to"),
        ({"phone": "98765432;41111111"}, "columns, the header"),
        ({"phone": "98765432/41111111"}, "column phone"),
        ({"email": "b at example.com"}, "column email"),
        ({"language": "klingon"}, "column language"),
        ({"given_name": "Be\x00rit"}, "column given_name"),
        ({"student_agreed": "kanskje"}, "column student_agreed"),
        ({"consent": "alt"}, "column consent"),
        ({"consent": "alerts", "evidence": "x"}, "column consent_date"),
        ({"consent": "alerts", "consent_date": "2026-11-24", "evidence": "x"}, "column consent_date"),
        ({"consent": "alerts", "consent_date": "2026-11-01"}, "column evidence"),
        ({"evidence": "x"}, "column consent"),
    ],
)
def test_a_bad_line_enters_not_at_all_and_stops_no_other(school: Importer, fields: dict[str, str], reason: str) -> None:
    plan = school.guardians(HEAD + line(**fields) + line(student="2B-018", given_name="God"))
    assert plan.exit_status is ExitStatus.PARTLY
    assert {refusal.place.record for refusal in plan.refusals} == {"line 2"}
    assert reason in " ".join(refusal.reason for refusal in plan.refusals)
    assert ("Emil Eksempel", "God Foster", "foster") in school.links()
    assert "Berit Foster" not in school.people().values()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (HEAD.encode("utf-16"), "not UTF-8"),
        ((HEAD + line(family_name="Ås")).encode("cp1252"), "Windows-1252"),
        (b"student;basis;telefon\n", "column 3"),
        (b"\n", "is empty"),
        (b"student;basis;basis\n", "two columns"),
        (b"student;given_name\n", "no column student, or none called basis"),
        ((HEAD + '"2B-017;;').encode(), "inside quotation marks"),
    ],
)
def test_unusable_files(school: Importer, content: bytes, words: str) -> None:
    before = school.everything()
    with pytest.raises(UsageError, match=words):
        school.apply("guardians", school.file("foresatte.csv", content))
    assert school.everything() == before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_commas_and_a_byte_order_mark(school: Importer, encoding: str) -> None:
    text = "student,given_name,family_name,basis\r\n2B-017,Bjørn,Ås,appointed\r\n\r\n"
    school.apply("guardians", school.file("foresatte.csv", text.encode(encoding)))
    assert ("Nora Eksempel", "Bjørn Ås", "appointed") in school.links()


def test_a_number_of_somebody_who_was_forgotten_is_nobodys(school: Importer) -> None:
    school.guardians(HEAD + line(guardian_nin=STRANGER_NIN))
    gone = school.person("Berit Foster").id
    with school.database.write() as connection:
        lock_persons(connection, [gone])
        take_out(connection, [gone])
    plan = school.guardians(HEAD + line(guardian_ref=f"G-{gone}", phone="91234567"))
    assert "no person of this number" in plan.refusals[0].reason
    assert "Berit Foster" not in school.people().values()
    # Whom a register tells of again is somebody new.
    school.guardians(HEAD + line(guardian_nin=STRANGER_NIN))
    assert school.person("Berit Foster").id != gone


def test_a_student_without_a_ref_is_named_as_the_store_calls_them(school: Importer) -> None:
    nora, kari = school.person("Nora Eksempel").id, school.person("Kari Eksempel").id
    # As long as the school has a ref for her, she goes by that one; and a guardian is no student.
    for nobody in (nora, kari, nora + 999):
        plan = school.guardians(HEAD + line(student=f"S-{nobody}"))
        assert [each.reason for each in plan.refusals] == ["its student is neither in the file nor in the store"]
    with school.database.write() as connection:
        connection.execute(update(tables.PERSON).where(tables.PERSON.c.id == nora).values(ref=None))
    assert school.guardians(HEAD + line(student=f"S-{nora}")).refused == 0
    assert ("Nora Eksempel", "Berit Foster", "foster") in school.links()
    with school.database.write() as connection:
        connection.execute(update(tables.PERSON).where(tables.PERSON.c.ref == "2B-018").values(ref=f"S-{nora}"))
    plan = school.guardians(HEAD + line(student=f"S-{nora}", given_name="Siri"))
    assert [each.reason for each in plan.refusals] == [
        "its student may be two students: one is called so by the school, the other by the store"
    ]
    with school.database.write() as connection:
        connection.execute(update(tables.PERSON).where(tables.PERSON.c.id == nora).values(ref="2B-017"))
    assert school.guardians(HEAD + line(student=f"S-{nora}", given_name="Siri")).refused == 0
    assert ("Emil Eksempel", "Siri Foster", "foster") in school.links()
