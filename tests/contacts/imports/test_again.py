"""The same file again, and newer ones: nothing for what is known, changes for what is new, and whose word counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from config.counters import CONTACTS_REVISION, read_counter
from config.errors import BeredskapError
from config.tables import core_table
from contacts.imports.step import Kind
from contacts.models import ImportRun
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import EMIL, KARI, NORA, OLE, TEACHER, school, small_school


def test_running_it_twice_changes_no_row(importer: Importer) -> None:
    importer.pifu(small_school())
    before = importer.everything()
    importer.now += timedelta(days=3)
    plan = importer.pifu(small_school())
    assert plan.changes == 0
    assert importer.everything() == before


def test_preview_changes_nothing(importer: Importer) -> None:
    before = importer.everything()
    with importer.staged("pifu", importer.file("elever.xml", small_school())) as staged:
        assert staged.preview().count(Kind.STUDENTS).added == 2
    assert importer.everything() == before


def test_an_import_is_on_record_and_raises_the_revision(importer: Importer) -> None:
    importer.pifu(small_school())
    (run,) = importer.rows(core_table(ImportRun))
    assert (run.format, run.source, run.operator, run.ended) == ("pifu", "pifu:sas@eksempel.no", "tester", 0)
    assert importer.acts() == 1
    with importer.database.read() as connection:
        assert read_counter(connection, CONTACTS_REVISION) == 1


def test_store_changed_since_the_preview(importer: Importer) -> None:
    file = importer.file("elever.xml", small_school())
    with importer.staged("pifu", file) as staged:
        plan = staged.preview()
        importer.pifu(school(NORA, KARI, OLE, enrolled=("p1",)))
        before = importer.everything()
        with pytest.raises(BeredskapError, match="since the preview"):
            staged.apply(operator="tester", expected=plan)
    assert importer.everything() == before


def test_changed_number_replaces_the_old_one(importer: Importer) -> None:
    importer.pifu(small_school())
    plan = importer.pifu(school(NORA, EMIL, replace(KARI, mobile="+4790000005"), OLE, TEACHER))
    counts = plan.count(Kind.CONTACT_POINTS)
    assert (counts.added, counts.changed, counts.ended) == (1, 0, 1)
    assert ("Kari Eksempel", "+4790000005") in importer.points()
    assert importer.points(ended=True) == {("Kari Eksempel", "+4790000001")}


def test_mistyped_number_ends_nothing(importer: Importer) -> None:
    importer.pifu(small_school())
    plan = importer.pifu(school(NORA, EMIL, replace(KARI, mobile="+47900"), OLE, TEACHER))
    assert plan.refused == 1
    assert ("Kari Eksempel", "+4790000001") in importer.points()


def test_number_that_comes_back_is_the_same_point(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.pifu(school(NORA, EMIL, replace(KARI, mobile=""), OLE, TEACHER))
    plan = importer.pifu(small_school())
    assert plan.count(Kind.CONTACT_POINTS).changed == 1
    assert importer.points(ended=True) == set()


def test_changed_name_birth_date_and_class(importer: Importer) -> None:
    importer.pifu(small_school())
    plan = importer.pifu(small_school().replace("<given>Nora<", "<given>Nora Marie<").replace(">2B<", ">2C<"))
    assert plan.count(Kind.STUDENTS).changed == 1
    assert plan.count(Kind.GROUPS).changed == 1
    assert ("Nora Marie Eksempel", "2C") in importer.groups()


def test_another_source_fills_blanks_and_overrules_nobody(importer: Importer) -> None:
    importer.pifu(small_school())
    importer.pifu(
        school(
            replace(NORA, given="Noora", language="nb", guardians=()),
            enrolled=("p1",),
            source="annet@eksempel.no",
        )
    )
    nora = importer.person("Nora Eksempel")
    assert nora.language == "nn"
    assert len(importer.students()) == 2


def test_two_stored_persons_are_never_merged(importer: Importer) -> None:
    importer.pifu(small_school())
    plan = importer.pifu(school(NORA, EMIL, replace(KARI, nin=OLE.nin), TEACHER))
    assert "its identifiers belong to two persons in the store" in {each.reason for each in plan.refusals}
    assert len(importer.people()) == 4
    # What the refused record may be about is spared.
    assert len(importer.links()) == 3
    assert len(importer.points()) == 4
