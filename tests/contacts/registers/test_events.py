"""The list of events: only those about people of the store lead to a question, and our place in it is never ahead."""

from __future__ import annotations

import pytest

from config.errors import BeredskapError
from contacts.registers import events
from contacts.registers.state import EVENTS
from tests.contacts.imports.freg_files import document
from tests.contacts.imports.pifu_files import ADULT_NIN, KARI_NIN, NORA_NIN, STRANGER_NIN
from tests.contacts.registers.asking import KARI_NAME, NORA_NAME, NORAS_CUSTODY, OLE_NAME, RUTH_NIN, Asking
from tests.services.registers import Answered


@pytest.fixture
def asking(sqlite_asking: Asking) -> Asking:
    """After a full round; what was asked in it is forgotten."""
    return begun(sqlite_asking)


def begun(asking: Asking) -> Asking:
    asking.known()
    asking.registers.events = [(number, STRANGER_NIN) for number in range(1, 8)]
    asking.freg()
    assert asking.position == 8
    asking.registers.asked.clear()
    return asking


def happens(asking: Asking, *persons: str) -> None:
    last = asking.registers.events[-1][0]
    asking.registers.events += [(last + number, person) for number, person in enumerate(persons, 1)]


def test_an_event_about_one_of_ours_leads_to_a_question(asking: Asking) -> None:
    asking.registers.freg[NORA_NIN]["adressebeskyttelse"] = [{"graderingsnivaa": "strengtFortrolig"}]
    happens(asking, STRANGER_NIN, NORA_NIN, NORA_NIN, STRANGER_NIN)
    read = asking.events()
    assert (read.events, [(result.asked, result.applied) for result in read.results]) == (4, [(1, True)])
    assert [numbers for _, numbers, _ in asking.registers.asked] == [(NORA_NIN,)]
    assert asking.importer.person(NORA_NAME).protection == "strengtFortrolig"
    assert (asking.position, asking.state(EVENTS).done_at) == (12, asking.importer.now)


def test_strangers_and_adults_are_not_asked_about(asking: Asking) -> None:
    happens(asking, STRANGER_NIN, ADULT_NIN, RUTH_NIN, "no number")
    read = asking.events()
    assert (read.events, read.results, asking.registers.asked, asking.position) == (4, (), [], 12)


def test_of_a_parent_nothing_but_who_they_are_is_asked(asking: Asking) -> None:
    asking.registers.freg[KARI_NIN] = document(KARI_NIN, name=("KARI", "NY"), born="1975-07-14")
    happens(asking, KARI_NIN)
    asking.events()
    assert asking.registers.asked == [("freg", (KARI_NIN,), ("person-basis",))]
    assert "Kari Ny" in asking.importer.people().values()


def test_nothing_new_is_asked_for_with_the_etag(asking: Asking) -> None:
    asking.events()
    asking.events()
    happens(asking, STRANGER_NIN)
    asking.events()
    assert asking.registers.feed_asked == [(8, 200), (8, 304), (8, 200), (9, 200)]


def test_page_after_page_to_the_end(asking: Asking) -> None:
    asking.registers.page = 2
    happens(asking, STRANGER_NIN, NORA_NIN, KARI_NIN, STRANGER_NIN, STRANGER_NIN)
    read = asking.events()
    assert (read.events, len(read.results), asking.position) == (5, 2, 13)
    assert [seq for seq, _ in asking.registers.feed_asked] == [8, 10, 12, 13]


def test_a_page_whose_effect_failed_is_read_again(asking: Asking) -> None:
    asking.registers.page = 2
    asking.registers.freg[NORA_NIN]["foreldreansvar"] = NORAS_CUSTODY[:1]
    happens(asking, STRANGER_NIN, STRANGER_NIN, NORA_NIN)
    asking.registers.next["freg"] = [Answered(400)]
    before = asking.contents()
    with pytest.raises(BeredskapError) as caught:
        asking.events()
    assert (asking.position, asking.contents(), asking.state(EVENTS).fault) == (10, before, caught.value.what)
    assert caught.value.unchanged == "2 events were read before and stay so; the rest is for the next time."
    asking.events()
    assert (NORA_NAME, OLE_NAME, "custody") in asking.importer.links(ended=True)
    assert (asking.position, asking.state(EVENTS).fault) == (11, None)


def test_a_crash_between_the_effect_and_the_place(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    asking.registers.freg[NORA_NIN]["foreldreansvar"] = NORAS_CUSTODY[:1]
    happens(asking, NORA_NIN)

    class Crash(BaseException):
        pass

    def crash(*_given: object) -> None:
        raise Crash

    with monkeypatch.context() as broken, pytest.raises(Crash):
        broken.setattr(events, "set_position", crash)
        asking.events()
    assert asking.position == 8
    assert (NORA_NAME, OLE_NAME, "custody") in asking.importer.links(ended=True)
    before = asking.contents()
    read = asking.events()
    assert [result.applied for result in read.results] == [False]
    assert (asking.position, asking.contents()) == (9, before)


def test_events_that_are_too_old_need_a_full_round(asking: Asking) -> None:
    asking.registers.oldest = 100
    asking.registers.events = [(number, STRANGER_NIN) for number in range(100, 105)]
    with pytest.raises(BeredskapError) as caught:
        asking.events()
    assert caught.value.what == (
        "The events that the population register (FREG) had for us are older than 36 months and gone."
    )
    assert "beredskap sync freg" in caught.value.remedy
    assert asking.position is None
    with pytest.raises(BeredskapError, match="is not known yet"):
        asking.events()
    asking.freg()
    assert (asking.position, asking.events().events) == (105, 0)


def test_before_the_first_full_round_nothing_is_read(sqlite_asking: Asking) -> None:
    with pytest.raises(BeredskapError) as caught:
        sqlite_asking.events()
    assert "beredskap sync freg" in caught.value.remedy
    assert sqlite_asking.registers.paths == []


@pytest.mark.parametrize(
    "body",
    [{"events": []}, ["x"], [{"sekvensnummer": 3, "hendelse": {}}], [{"sekvensnummer": "9", "hendelse": {}}], [{}]],
)
def test_an_answer_that_is_none_moves_nothing(body: object, asking: Asking) -> None:
    asking.registers.next["feed"] = [Answered(200, body=body)]
    with pytest.raises(BeredskapError, match="cannot be read"):
        asking.events()
    assert asking.position == 8


def test_a_dead_register(asking: Asking) -> None:
    happens(asking, KARI_NIN)
    asking.registers.next["feed"] = [Answered(500)] * 4
    with pytest.raises(BeredskapError, match="status 500"):
        asking.events()
    assert (asking.position, KARI_NAME in asking.importer.people().values()) == (8, True)
