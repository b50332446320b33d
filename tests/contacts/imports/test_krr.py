"""The contact register's answers: what is taken from them, and who wins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from contacts import tables
from contacts.codes import VerifiedBy
from contacts.explain import Explanation, explain
from contacts.imports.step import Kind
from contacts.own_acts import choose_language
from contacts.people import find_guardian, find_student, guardian_ref
from tests.contacts.imports.freg_files import document, responsible
from tests.contacts.imports.importing import TODAY, Importer
from tests.contacts.imports.krr_files import (
    JUNE,
    KARI,
    MAIL,
    OLE,
    PHONE,
    active,
    contacts,
    deleted,
    entries,
    marks,
    never_registered,
    reasons,
    told,
)
from tests.contacts.imports.pifu_files import (
    KARI_NIN,
    NORA_NIN,
    OLE_NIN,
    OLE_OLD_NIN,
    STRANGER_NIN,
    small_school,
)
from tests.contacts.imports.test_guardians_csv import HEAD, line


def test_an_answer_enters_with_its_own_times(school: Importer) -> None:
    plan = school.krr(
        active(
            KARI_NIN,
            kontaktinformasjon=contacts(
                PHONE,
                MAIL,
                updated="2025-01-10T08:00:00+01",
                verified="2026-06-29T12:15:52+02:00",
                email_verified="2024-01-10T08:00:00.123Z",
            ),
            spraak="nn",
        ),
        active(STRANGER_NIN, kontaktinformasjon=contacts("+4799900222", "fremmed@eksempel.example"), spraak="en"),
    )
    assert (plan.refused, plan.strangers) == (0, 1)
    assert [(count.kind, count.added, count.changed, count.ended) for count in plan.counts] == [
        (Kind.GUARDIANS, 0, 1, 0),
        (Kind.CONTACT_POINTS, 2, 0, 0),
        (Kind.REGISTER_ENTRIES, 1, 0, 0),
    ]
    january = datetime(2025, 1, 10, 7, tzinfo=UTC)
    assert told(school) == {
        (KARI, PHONE): (JUNE, VerifiedBy.SOURCE, JUNE),
        (KARI, MAIL): (january, VerifiedBy.SOURCE, january),
    }
    assert entries(school) == {KARI: ("active", False, False, "nn")}
    assert school.person(KARI).language == "nn"
    assert (KARI, "+4790000001") in school.points()  # the school's own stays beside it
    stored = repr(school.everything())
    assert "fremmed" not in stored
    assert "99900222" not in stored
    assert school.keys.lookup_hash(STRANGER_NIN, "nin") not in stored


def test_twice_changes_no_row(school: Importer) -> None:
    answer = active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL), spraak="nn")
    school.krr(answer)
    before = school.everything()
    school.now += timedelta(days=1)
    assert school.krr(answer).changes == 0
    assert school.everything() == before


def test_four_facts_are_kept_apart(school: Importer) -> None:
    known = contacts(PHONE, MAIL)
    answers = {
        "reserved": active(KARI_NIN, reservasjon="JA", varslingsstatus="KAN_IKKE_VARSLES", kontaktinformasjon=known),
        "expired": active(KARI_NIN, varslingsstatus="KAN_IKKE_VARSLES", kontaktinformasjon=known),
        "deleted": deleted(KARI_NIN),
        "never": never_registered(KARI_NIN),
    }
    found = {}
    for name, answer in answers.items():
        school.krr(answer)
        found[name] = (entries(school)[KARI], len(told(school)))
    assert found == {
        "reserved": (("active", True, None, None), 2),
        "expired": (("active", False, True, None), 2),
        "deleted": (("deleted", False, None, None), 0),
        "never": (("not_registered", None, None, None), 0),
    }


def test_the_register_decides_the_language(school: Importer) -> None:
    assert school.person(KARI).language == "se"
    school.krr(active(KARI_NIN, spraak="en"))
    assert school.pifu(small_school()).changes == 0
    assert school.person(KARI).language == "en"
    # It says none any more: the school's own word counts again.
    school.krr(active(KARI_NIN))
    school.pifu(small_school())
    assert school.person(KARI).language == "se"


def test_what_a_guardian_chose_with_us_stays_whatever_is_told(school: Importer) -> None:
    with school.database.write() as connection:
        kari = find_guardian(connection, guardian_ref(school.person(KARI).id))
        choose_language(connection, kari, "nb", operator="guardian G-1")
    school.krr(active(KARI_NIN, spraak="en"))
    school.pifu(small_school())
    school.guardians(HEAD + line(guardian_nin=KARI_NIN, given_name="", family_name="", language="nn"))
    assert school.person(KARI).language == "nb"
    assert entries(school)[KARI][3] == "en"


def test_it_takes_nobody_over(sqlite_importer: Importer) -> None:
    """Who came by the population register alone goes to the school's export that describes them, not to this one."""
    sqlite_importer.freg(document(NORA_NIN, custody=[responsible(NORA_NIN, KARI_NIN)]))
    sqlite_importer.krr(active(KARI_NIN, kontaktinformasjon=contacts(PHONE)))
    assert {row.source for row in sqlite_importer.rows(tables.PERSON)} == {"freg"}
    sqlite_importer.pifu(small_school())
    assert KARI in sqlite_importer.people().values()


def test_addresses_are_taken_of_guardians_alone(sqlite_school: Importer) -> None:
    sqlite_school.krr(active(NORA_NIN, kontaktinformasjon=contacts(PHONE), spraak="en"))
    assert told(sqlite_school) == {}
    assert sqlite_school.person("Nora Eksempel").language == "en"


def test_a_number_that_has_ended_says_nothing_of_its_person(school: Importer) -> None:
    school.freg(document(OLE_NIN, OLE_OLD_NIN, name=("OLE", "EKSEMPEL"), born="1970-08-21"))
    school.krr(active(OLE_NIN, kontaktinformasjon=contacts(PHONE)))
    before = school.everything()
    plan = school.krr(deleted(OLE_OLD_NIN))
    assert reasons(plan) == [
        (
            "person 1",
            "it is about an identity number that the person no longer has: ask the register about the one in use",
        )
    ]
    assert school.everything() == before


def test_a_foreign_mobile_is_taken_and_a_fixed_line_is_kept_for_calls(sqlite_school: Importer) -> None:
    sqlite_school.krr(
        active(KARI_NIN, kontaktinformasjon=contacts("+46701740605")),
        active(OLE_NIN, kontaktinformasjon=contacts("+4722225555")),
    )
    assert set(told(sqlite_school)) == {(KARI, "+46701740605"), (OLE, "+4722225555")}
    takes = {row.value: row.takes_messages for row in sqlite_school.rows(tables.ADDRESS)}
    assert (takes["+46701740605"], takes["+4722225555"]) == (True, False)


def test_the_same_person_twice(sqlite_school: Importer) -> None:
    answer = active(KARI_NIN, kontaktinformasjon=contacts(PHONE))
    assert sqlite_school.krr(answer, answer).refused == 0
    assert set(told(sqlite_school)) == {(KARI, PHONE)}
    before = sqlite_school.everything()
    plan = sqlite_school.krr(answer, deleted(KARI_NIN))
    assert {reason for _, reason in reasons(plan)} == {"the same person occurs more than once, with other contents"}
    assert sqlite_school.everything() == before


def test_explain_tells_the_four_facts(school: Importer) -> None:
    def facts(answer: dict[str, Any]) -> Any:
        school.krr(answer)
        with school.database.read() as connection:
            found = explain(connection, find_student(connection, "2B-017"), TODAY, stale_after_months=18)
        assert isinstance(found, Explanation)
        kari = guardian_ref(school.person(KARI).id)
        (entry,) = (each.contact_register for each in found.guardians if each.guardian == kari)
        assert entry is not None
        return entry.status, entry.reserved, entry.expired

    assert facts(active(KARI_NIN)) == ("active", False, False)
    assert facts(active(KARI_NIN, reservasjon="JA", varslingsstatus="KAN_IKKE_VARSLES")) == ("active", True, None)
    assert facts(active(KARI_NIN, varslingsstatus="KAN_IKKE_VARSLES")) == ("active", False, True)
    assert facts(deleted(KARI_NIN)) == ("deleted", False, None)
    assert facts(never_registered(KARI_NIN)) == ("not_registered", None, None)


def test_the_sample(importer: Importer, samples: Path) -> None:
    """The two guardians of the population register's sample child; of the other two nobody here has heard."""
    importer.apply("freg", samples / "freg" / "personMedForeldreansvar.json")
    plan = importer.apply("krr", samples / "krr" / "personer.json", trusted=("krr",))
    one, other = "?25929297736", "?25819499821"
    assert plan.strangers == 2
    # Its Swedish number is of a series that nobody has.
    assert reasons(plan) == [
        ("person 2", "left out: mobiltelefonnummer: no such number series is in use: check the digits")
    ]
    june = datetime(2026, 6, 29, 10, 15, 52, tzinfo=UTC)
    mail = datetime(2026, 6, 29, 8, 15, 52, tzinfo=UTC)
    old = datetime(2023, 1, 10, 8, 1, tzinfo=UTC)
    assert told(importer) == {
        (one, "+4799900999"): (june, VerifiedBy.SOURCE, june),
        (one, "verifisert@example.com"): (mail, VerifiedBy.SOURCE, mail),
        (other, "utloept@example.com"): (old, VerifiedBy.SOURCE, old),
    }
    assert entries(importer) == {one: ("active", False, False, "nn"), other: ("active", False, True, "se")}
    assert {importer.person(name).language for name in (one, other)} == {"nn", "se"}
    assert set(marks(importer).values()) == {None}


def test_the_sample_s_shared_number(sqlite_school: Importer, samples: Path) -> None:
    """It is marked at one who is no guardian of the sample child: here they are one, as the school has it."""
    sqlite_school.guardians(HEAD + line(guardian_nin="07919697150", given_name="Per", family_name="Delt", phone=""))
    plan = sqlite_school.apply("krr", samples / "krr" / "personer.json", trusted=("krr",))
    assert (plan.strangers, plan.refused) == (3, 0)
    assert {key: mark for key, mark in marks(sqlite_school).items() if key[2] == "krr"} == {
        ("Per Delt", "+4790000001", "krr"): True
    }
