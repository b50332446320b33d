"""A draft freezes what is said and whom it is about, and tells nobody."""

from __future__ import annotations

from typing import Any

import pytest

from config.catalogue import LANGUAGES, Severity
from config.errors import UsageError
from config.settings import load_settings
from config.spare_sections import FallbackSettings
from contacts.tables import PERSON, STUDENT
from dispatcher.alerts.draft import DRAFT_SECONDS, discard_draft, discard_old_drafts, speaking_name
from dispatcher.codes import AlertState, AlertStatus
from dispatcher.outbox.following import Kind
from dispatcher.tables import ALERT, ALERT_STUDENT, ALERT_TEXT, CHAIN, DECISION, DELIVERY
from providers.base import Channel
from tests.dispatcher.alerts.drafting import confirmed, draft, follow_up
from tests.dispatcher.world import World


def test_a_draft_holds_everything_and_does_nothing(world: World) -> None:
    families = [world.family(2), world.family()]
    made = draft(world, channels=frozenset({Channel.SMS}), expires_seconds=900)
    (row,) = world.rows(ALERT)
    assert (row.state, row.number, row.status) == (AlertState.DRAFT, None, AlertStatus.ACTUAL)
    assert (row.sms, row.email, row.expires_after_seconds, row.student_count) == (True, False, 900, 3)
    assert (row.confirmed_at, row.expires_at, row.hold_until) == (None, None, None)
    assert made.student_count == 3
    assert made.speaker == "Eksempel vgs"
    students = {row.student_id for row in world.rows(ALERT_STUDENT)}
    assert students == {student for family in families for student in family.students}
    assert world.plan() == 0
    assert world.claim() == []
    assert world.rows(DECISION) == world.rows(DELIVERY) == []


@pytest.mark.parametrize("status", list(AlertStatus))
def test_the_texts_are_frozen_in_every_language_with_the_word_of_a_drill(world: World, status: AlertStatus) -> None:
    world.family()
    draft(world, status=status)
    texts = {row.language: row for row in world.rows(ALERT_TEXT)}
    assert set(texts) == set(LANGUAGES)
    drill = status is AlertStatus.EXERCISE
    for language, word in {"nb": "ØVELSE", "nn": "ØVING"}.items():
        text = texts[language]
        assert {word in part for part in (text.sms, text.subject, text.email)} == {drill}
    assert all(text.segments >= 1 for text in texts.values())


def test_that_it_asks_for_an_answer_is_frozen_and_is_another_request(world: World) -> None:
    world.family()
    plain, asking = draft(world), draft(world, ask_confirmation=True)
    assert [row.ask_confirmation for row in world.rows(ALERT)] == [False, True]
    assert plain.request_id != asking.request_id
    (text,) = world.rows(ALERT_TEXT, ALERT_TEXT.c.alert_id == asking.alert_id, ALERT_TEXT.c.language == "nb")
    assert text.sms.endswith("Svar 1 når du har lest dette.")
    assert text.segments == asking.composition.text("nb").size.segments


def test_who_has_left_or_died_is_in_no_draft(world: World) -> None:
    stays, left, died = world.family(), world.family(), world.family()
    with world.store() as store:
        store.connection.execute(
            STUDENT.update().where(STUDENT.c.person_id == left.student).values(left_on=world.now.date())
        )
        store.connection.execute(PERSON.update().where(PERSON.c.id == died.student).values(deceased=True))
    draft(world)
    assert [row.student_id for row in world.rows(ALERT_STUDENT)] == [stays.student]


def test_whoever_comes_to_the_school_after_the_preview_is_not_in_it(world: World) -> None:
    family = world.family()
    made = draft(world)
    world.family()
    alert = confirmed(world, made).alert_id
    world.plan()
    assert [student for student, *_ in world.decisions(alert)] == [family.student]


def test_an_audience_of_nobody_is_refused_and_leaves_nothing(world: World) -> None:
    with pytest.raises(UsageError, match="No student"):
        draft(world)
    assert world.rows(ALERT) == []


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"expires_seconds": 60}, True),
        ({"operator": "rektor"}, False),
        ({"status": AlertStatus.EXERCISE}, False),
        ({"scenario": "fire"}, False),
        ({"text": "Alle er trygge."}, False),
        ({"channels": frozenset({Channel.SMS})}, False),
        ({"include_unverified": True}, False),
        ({"schools": [], "grades": ["VG1"]}, False),
    ],
)
def test_what_makes_a_request_the_same(world: World, other: dict[str, Any], same: bool) -> None:
    world.family()
    assert (draft(world).request_id == draft(world, **other).request_id) is same


def test_a_draft_that_is_discarded_leaves_nothing(world: World) -> None:
    world.family()
    gone, kept = draft(world), draft(world)
    with world.clock(), world.database.write() as connection:
        discard_draft(connection, gone.alert_id)
        discard_draft(connection, gone.alert_id)
    assert [row.id for row in world.rows(ALERT)] == [kept.alert_id]
    assert {row.alert_id for table in (ALERT_TEXT, ALERT_STUDENT) for row in world.rows(table)} == {kept.alert_id}


def test_a_confirmed_alert_cannot_be_discarded(world: World) -> None:
    world.family()
    made = draft(world)
    confirmed(world, made)
    with world.clock(), world.database.write() as connection:
        discard_draft(connection, made.alert_id)
    world.later(DRAFT_SECONDS * 2)
    with world.clock(), world.database.write() as connection:
        assert discard_old_drafts(connection) == 0
    assert world.alert_state(made.alert_id) is AlertState.PLANNING


def test_drafts_that_were_left_behind_go_after_an_hour(world: World) -> None:
    world.family()
    draft(world)
    world.later(DRAFT_SECONDS)
    kept = draft(world)
    with world.clock(), world.database.write() as connection:
        assert discard_old_drafts(connection) == 0
    world.later(1)
    with world.clock(), world.database.write() as connection:
        assert discard_old_drafts(connection) == 1
    assert [row.id for row in world.rows(ALERT)] == [kept.alert_id]


@pytest.mark.parametrize(
    ("schools", "organisation", "name"),
    [
        ([], "", "Skolen"),
        ([], "Innlandet", "Innlandet"),
        (["A vgs"], "", "A vgs"),
        (["A vgs"], "Innlandet", "A vgs"),
        (["A vgs", "B vgs"], "Innlandet", "Innlandet"),
        (["A vgs", "B vgs"], "", "A vgs, B vgs"),
        (["Hallingdal vidaregåande skule", "Valdres vidaregåande skule"], "", "Fylkeskommunen"),
    ],
)
def test_who_speaks(schools: list[str], organisation: str, name: str) -> None:
    assert speaking_name(schools, organisation) == name


@pytest.mark.parametrize(
    ("scenario", "status", "follows"),
    [
        ("lockdown", AlertStatus.ACTUAL, ["sms", "email", "voice"]),
        ("lockdown", AlertStatus.EXERCISE, None),
        ("fire", AlertStatus.ACTUAL, None),
    ],
)
def test_what_may_follow_is_frozen_with_the_alert(
    world: World, scenario: str, status: AlertStatus, follows: list[str] | None
) -> None:
    world.family()
    section = load_settings().fallback
    assert isinstance(section, FallbackSettings)
    made = draft(world, scenario=scenario, status=status, fallback=section)
    (row,) = world.rows(ALERT)
    if follows is None:
        assert (row.fallback, made.chain) == (None, None)
        return
    assert made.chain is not None and made.chain.as_json() == row.fallback
    assert [step["channel"] for step in row.fallback["steps"]] == follows
    assert row.fallback["at_once"] == ["sms", "email"]
    confirmed(world, made, hold=0.0)
    world.plan()
    assert len(world.rows(CHAIN)) == 1


@pytest.mark.parametrize("kind", list(Kind))
def test_nobody_is_called_because_it_is_over(world: World, kind: Kind) -> None:
    family = world.family()
    first = world.sent(family)
    section = load_settings().fallback
    assert isinstance(section, FallbackSettings)
    always = [step.model_copy(update={"severities": tuple(Severity)}) for step in section.steps]
    made = follow_up(world, first, kind, fallback=section.model_copy(update={"steps": tuple(always)}))
    assert (made.chain is None) == kind.ends_it
