"""A round of the population register: who is asked about, which parts of whom, and all of the answers or nothing."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import update

from config.errors import BeredskapError, ExitStatus
from contacts import tables
from contacts.registers import documents, sync
from tests.contacts.imports.freg_files import document, responsible
from tests.contacts.imports.pifu_files import ADULT_NIN, EMIL_NIN, KARI_NIN, NORA_NIN, OLE_NIN, STRANGER_NIN
from tests.contacts.registers.asking import (
    EMIL_NAME,
    KARI_NAME,
    NORA_NAME,
    NORAS_CUSTODY,
    OLE_NAME,
    RUTH_NIN,
    Asking,
    valid_numbers,
)
from tests.services.registers import Answered

BASIS, RELATIONS = ("person-basis",), ("person-basis", "relasjon-utvidet")


@pytest.mark.parametrize("portion", [sync.PORTION, 1])
def test_children_are_asked_about_with_custody_and_parents_without(
    portion: int, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "PORTION", portion)
    asking.known()
    asking.registers.freg[NORA_NIN] |= {"adressebeskyttelse": [{"graderingsnivaa": "fortrolig"}]}
    result = asking.freg()
    assert (result.asked, result.applied, result.plan.refused) == (4, True, 0)
    assert asking.registers.asked == [
        ("freg", tuple(sorted((NORA_NIN, EMIL_NIN))), RELATIONS),
        ("freg", tuple(sorted((KARI_NIN, OLE_NIN))), BASIS),
    ]
    importer = asking.importer
    assert {link for link in importer.links() if link[2] == "custody"} == {
        (NORA_NAME, KARI_NAME, "custody"),
        (NORA_NAME, OLE_NAME, "custody"),
        (EMIL_NAME, KARI_NAME, "custody"),
    }
    assert importer.person(NORA_NAME).protection == "fortrolig"
    assert importer.person(KARI_NAME).birth_date == date(1975, 7, 14)
    state = asking.state("freg")
    assert (state.done_at, state.fault, asking.position) == (importer.now, None, 1)
    before = asking.contents()
    assert (asking.freg().applied, asking.contents()) == (False, before)
    assert not any(number in path for path in asking.registers.paths for number in (NORA_NIN, KARI_NIN))


def test_adults_and_their_guardians_are_never_asked_about(sqlite_asking: Asking) -> None:
    asking = sqlite_asking
    asking.known()
    asking.registers.freg[ADULT_NIN] = document(
        ADULT_NIN, born="2008-02-01", custody=[responsible(ADULT_NIN, RUTH_NIN)]
    )
    asking.freg()
    assert asking.registers.numbers("freg").isdisjoint({ADULT_NIN, RUTH_NIN})
    # On the day itself a student is an adult, from midnight in Oslo.
    with asking.importer.database.write() as connection:
        born = tables.PERSON.c.birth_date
        connection.execute(update(tables.PERSON).where(born.is_not(None)).values(birth_date=date(2008, 11, 23)))
    asking.registers.asked.clear()
    assert asking.freg().asked == 0
    assert asking.registers.asked == []


def test_of_one_without_a_birth_date_only_the_age_is_asked_first(sqlite_asking: Asking) -> None:
    asking, importer = sqlite_asking, sqlite_asking.importer
    asking.known()
    asking.registers.freg[ADULT_NIN] = document(
        ADULT_NIN, name=("AKSEL", "EKSEMPEL"), born="2008-02-01", custody=[responsible(ADULT_NIN, RUTH_NIN)]
    )
    young = importer.person(NORA_NAME).id
    with importer.database.write() as connection:
        unknown = tables.PERSON.c.id.in_((young, importer.person("Aksel Eksempel").id))
        connection.execute(update(tables.PERSON).where(unknown).values(birth_date=None))
    result = asking.freg()
    assert result.plan.refused == 0
    assert asking.registers.asked[:2] == [
        ("freg", tuple(sorted((NORA_NIN, ADULT_NIN), key=lambda each: (each != NORA_NIN, each))), BASIS),
        ("freg", (EMIL_NIN, NORA_NIN), RELATIONS),
    ]
    assert RUTH_NIN not in asking.registers.numbers("freg")
    assert importer.person("Aksel Eksempel").birth_date == date(2008, 2, 1)
    assert importer.person(NORA_NAME).birth_date == date(2010, 3, 2)
    assert (NORA_NAME, KARI_NAME, "custody") in importer.links()


def test_whoever_has_custody_is_asked_about_in_the_same_round(sqlite_asking: Asking) -> None:
    """And a teenage parent does not become a student by it."""
    asking = sqlite_asking
    asking.known()
    asking.registers.freg[EMIL_NIN]["foreldreansvar"] = [
        responsible(EMIL_NIN, KARI_NIN),
        responsible(EMIL_NIN, STRANGER_NIN),
    ]
    asking.registers.freg[STRANGER_NIN] = document(STRANGER_NIN, name=("SIRI", "NY"), born="2009-01-01")
    assert asking.freg().plan.refused == 0
    assert asking.registers.asked[-1][1:] == ((KARI_NIN, OLE_NIN, STRANGER_NIN), BASIS)
    assert (EMIL_NAME, "Siri Ny", "custody") in asking.importer.links()
    assert asking.importer.students() == {NORA_NAME, EMIL_NAME, "Aksel Eksempel"}


@pytest.mark.parametrize("portion", [sync.PORTION, 1])
def test_a_guardian_named_by_several_numbers_is_one(
    portion: int, sqlite_asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One who is new, and one whom the store knows by a number that has ended since; whatever is applied first."""
    monkeypatch.setattr(sync, "PORTION", portion)
    asking, importer = sqlite_asking, sqlite_asking.importer
    asking.known()
    new, ended, oles_new = [number for number, _ in zip(valid_numbers(), range(4), strict=False)][1:]
    siri = document(new, ended, name=("SIRI", "NY"), born="1979-01-01")
    ole = document(oles_new, OLE_NIN, name=("OLE", "EKSEMPEL"), born="1970-08-21")
    asking.registers.freg |= {new: siri, ended: siri, OLE_NIN: ole, oles_new: ole}
    for child, guardians in ((NORA_NIN, (KARI_NIN, ended, oles_new)), (EMIL_NIN, (KARI_NIN, new))):
        asking.registers.freg[child]["foreldreansvar"] = [responsible(child, one) for one in guardians]
    assert asking.freg().plan.refused == 0
    assert {link[:2] for link in importer.links() if link[2] == "custody"} == {
        (NORA_NAME, KARI_NAME),
        (NORA_NAME, "Siri Ny"),
        (NORA_NAME, OLE_NAME),
        (EMIL_NAME, KARI_NAME),
        (EMIL_NAME, "Siri Ny"),
    }
    assert importer.numbers("Siri Ny") == {new: True, ended: False}
    assert importer.numbers(OLE_NAME) == {oles_new: True, OLE_NIN: False}
    before = asking.contents()
    assert (asking.freg().applied, asking.contents()) == (False, before)


def test_the_parents_who_lose_custody_stop_and_the_dead_are_known(sqlite_asking: Asking) -> None:
    asking = sqlite_asking
    asking.known()
    asking.freg()
    asking.registers.freg[NORA_NIN]["foreldreansvar"] = NORAS_CUSTODY[:1]
    asking.registers.freg[KARI_NIN]["doedsfall"] = {"erGjeldende": True, "doedsdato": "2026-11-20"}
    asking.freg()
    assert (NORA_NAME, OLE_NAME, "custody") in asking.importer.links(ended=True)
    assert asking.importer.person(KARI_NAME).deceased


def test_who_is_not_in_the_answer_stays_as_they_were(sqlite_asking: Asking) -> None:
    before = sqlite_asking.contents()
    result = sqlite_asking.freg()
    assert (result.asked, result.applied) == (4, False)
    assert sqlite_asking.contents() == before


def test_a_round_that_breaks_off_has_changed_nothing(sqlite_asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """The children's documents came, the parents' did not."""
    asking = sqlite_asking
    asking.known()
    before = asking.contents()
    look_up = documents._look_up

    def breaks_off(*given: object) -> None:
        if asking.registers.asked:
            asking.registers.next["freg"] = [Answered(400)]
        look_up(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(documents, "_look_up", breaks_off)
    with pytest.raises(BeredskapError) as caught:
        asking.freg()
    assert len(asking.registers.asked) == 1
    assert asking.contents() == before
    assert (asking.state("freg").fault, asking.position) == (caught.value.what, None)


def test_a_right_that_shows_no_custody_any_more_ends_none(
    sqlite_asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = sqlite_asking
    asking.known()
    asking.freg()
    monkeypatch.setattr("contacts.registers.sync._FEW_ENDED", 2)
    for number in (NORA_NIN, EMIL_NIN):
        asking.registers.freg[number]["foreldreansvar"] = []
    before = asking.contents()
    with pytest.raises(BeredskapError, match=r"it would end 3 of 3 guardianships from freg\.") as caught:
        asking.freg()
    assert (caught.value.exit_status, asking.contents()) == (ExitStatus.REFUSED, before)
    asking.freg(allow_ending=3)
    assert {basis for _, _, basis in asking.importer.links()} == {"school_register"}
