"""The official samples, with the results that the rules demand of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from contacts import tables
from tests.contacts.imports.fint_files import SCHOOL, page, placement
from tests.contacts.imports.importing import Importer


def test_pifu_example(importer: Importer, samples: Path) -> None:
    importer.apply("pifu", samples / "pifu" / "PIFU-IMS_SAS_eksempel.xml")
    assert importer.students() == {"Ola Tobias Nordmann"}
    assert importer.links() == {
        ("Ola Tobias Nordmann", "Jon Nordmann", "school_register"),
        ("Ola Tobias Nordmann", "Bertha Nordmann", "school_register"),
    }
    assert importer.points() == {("Bertha Nordmann", "+4799900999")}
    ola = importer.person("Ola Tobias Nordmann")
    assert (ola.ref, ola.birth_date, ola.language) == ("5892956", date(1993, 11, 9), "nn")
    assert importer.schools() == {("Ola Tobias Nordmann", "Måneflekken skole")}
    assert [row.ref for row in importer.rows(tables.SCHOOL)] == ["333000333"]
    before = importer.everything()
    assert importer.apply("pifu", samples / "pifu" / "PIFU-IMS_SAS_eksempel.xml").changes == 0
    assert importer.everything() == before


def test_freg_child(importer: Importer, samples: Path) -> None:
    importer.apply("freg", samples / "freg" / "personMedForeldreansvar.json")
    assert importer.students() == {"Interessant Persepsjon"}
    assert {(guardian, basis) for _, guardian, basis in importer.links()} == {
        ("?25929297736", "custody"),
        ("?25819499821", "custody"),
    }
    assert importer.person("Interessant Persepsjon").birth_date == date(2019, 11, 7)


def test_freg_folder(importer: Importer, samples: Path) -> None:
    """One child; the others are adults of whom nobody here has heard, one of them in three files that agree."""
    plan = importer.apply("freg", samples / "freg")
    assert importer.students() == {"Interessant Persepsjon"}
    assert len(importer.people()) == 3
    assert {each.place.file for each in plan.refusals} == {
        "exampleResponse.json",
        "personMedBostedsadresse.json",
        "personMedPostadresseFrittFormat.json",
    }


def test_fint_alone_makes_nobody_a_student(importer: Importer, samples: Path) -> None:
    """Two persons, a pupil, a class and a contact person, none of whom any elevforhold puts into a school."""
    plan = importer.apply("fint", samples / "fint")
    assert (plan.full, plan.changes, importer.people()) == (False, 0, {})
    assert [(each.place.file, each.reason) for each in plan.refusals] == [
        ("klasse.json", "its school is not in the file")
    ]


def test_fint_pupil_at_a_school(importer: Importer, samples: Path) -> None:
    """The official pupil, whose person is named by number alone, with the elevforhold that they name."""
    school = importer.file("skole.json", page(SCHOOL))
    at_school = importer.file("elevforhold.json", page(placement("E_500001_1", "elevnummer/500001")))
    plan = importer.apply("fint", samples / "fint" / "elev.json", school, at_school)
    assert [each.reason for each in plan.refusals] == ["its person is not among the files"]
    assert importer.students() == {"?07911998224"}
    assert importer.schools() == {("?07911998224", "Eksempel vgs")}
    (pupil,) = importer.rows(tables.PERSON)
    assert (pupil.ref, pupil.birth_date, pupil.protection_unknown) == ("500001", None, True)


def test_school_data_sync(importer: Importer, samples: Path) -> None:
    """On a day of its school year. All phone numbers are none: their area codes begin with 0 or 1."""
    importer.now = datetime(2021, 10, 1, 12, tzinfo=UTC)
    plan = importer.apply("sds", samples / "ms-sds-v2.1")
    assert {(each.place.file, each.place.record, each.reason.split(":")[1]) for each in plan.refusals} == {
        ("users.csv", "line 3", " column sms"),
        ("users.csv", "line 3", " column phone"),
        ("users.csv", "line 6", " column sms"),
        ("users.csv", "line 6", " column phone"),
    }
    assert importer.without_ids() == {
        "people": [
            ("", "Bob Smithee", None, False, "none", ""),
            ("", "Jean Craig", None, False, "none", ""),
            ("114001", "Jack Craig", date(2001, 7, 2), False, "none", ""),
            ("114003", "Fred Hutch", date(2002, 3, 2), False, "none", ""),
            ("114004", "Alice Smithee", date(2001, 9, 2), False, "none", ""),
            ("114008", "Simon Miller", date(2001, 6, 6), False, "none", ""),
        ],
        "students": {"Jack Craig", "Fred Hutch", "Alice Smithee", "Simon Miller"},
        "links": {
            ("Jack Craig", "Jean Craig", "contact_person"),
            ("Fred Hutch", "Jean Craig", "contact_person"),
            ("Alice Smithee", "Bob Smithee", "contact_person"),
        },
        "over": set(),
        "points": {("Jean Craig", "jean.craig@outlook.com"), ("Bob Smithee", "bobsmithee@outlook.com")},
        "schools": {
            ("Jack Craig", "School of TwoDotOne"),
            ("Fred Hutch", "School of TwoDotOne"),
            ("Alice Smithee", "School of TwoDotOne"),
            ("Simon Miller", "College of Engineering"),
        },
        "groups": {
            ("Jack Craig", "Biology 10"),
            ("Fred Hutch", "Biology 10"),
            ("Alice Smithee", "Biology 10"),
            ("Simon Miller", "Computer Science 101"),
        },
    }
