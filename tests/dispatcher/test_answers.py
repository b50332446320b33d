"""An SMS that comes in: kept once, obeyed, and told to belong to the alert that it probably answers."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from config.audit_reading import Wanted, newest_entries
from config.database import Database
from contacts.people import guardian_ref
from contacts.tables import ADDRESS, CONTACT_POINT
from dispatcher.answers.listing import ListedAnswer, list_answers
from dispatcher.answers.taking import Inbound, Reply, take_answer
from dispatcher.codes import AnswerKind, DeliveryState
from dispatcher.reports.classes import ClassCounts, class_counts
from dispatcher.reports.counting import report
from dispatcher.tables import ANSWER, DELIVERY, RECIPIENT
from providers.base import Accepted, Channel, ReceiptStatus, Rejected, Unknown
from tests.dispatcher.world import FakeProvider, Family, World, check_books

STRANGER = "+4791234567"


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def answer(
    world: World, number: str, body: str, reference: str | None = None, *, opt_out_type: str = "", by: str = "twilio"
) -> Reply | None:
    world._made += 1
    inbound = Inbound(reference or f"SM{world._made:032d}", number, body, opt_out_type)
    with world.clock(), world.database.write() as connection:
        return take_answer(connection, by, inbound)


def opted_out(world: World, number: str) -> bool:
    (row,) = world.rows(ADDRESS, ADDRESS.c.value == number)
    return row.opted_out_at is not None


def acts(world: World) -> list[tuple[str, str, str]]:
    with world.database.read() as connection:
        entries = newest_entries(connection, Wanted(), 10)
    return [(entry.operator, entry.act, entry.subject) for entry in reversed(entries)]


def listed(world: World, **options: object) -> list[ListedAnswer]:
    with world.database.read() as connection:
        return list_answers(connection, limit=100, **options)  # type: ignore[arg-type]


def sent(world: World, *families: Family, **values: object) -> int:
    """An alert whose SMS have been accepted."""
    alert = world.sent(*families, **values)
    world.record(*((one, Accepted(f"SM-{one.delivery_id}")) for one in world.claim()))
    return alert


def test_stop_and_start_hold_for_everybody_who_shares_the_number_and_are_on_record(world: World) -> None:
    family = world.family()
    sharer, other = world.family(phone=family.phone), world.family()
    answer(world, family.phone, "Stopp!")
    assert opted_out(world, family.phone) and not opted_out(world, other.phone)
    subjects = [f"guardian {guardian_ref(one)}" for one in (family.guardian, sharer.guardian)]
    assert acts(world) == [("twilio", "contact.opt_out", subject) for subject in subjects]
    answer(world, family.phone, "start")
    assert not opted_out(world, family.phone)
    assert acts(world)[2:] == [("twilio", "contact.opt_in", subject) for subject in subjects]


def test_a_stop_holds_for_what_is_planned_and_not_yet_claimed(world: World) -> None:
    family, other = world.family(email=True), world.family()
    alert = world.sent(family, other)
    answer(world, family.phone, "STOP")
    assert [one.to for one in world.claim()] == [other.phone]
    (held,) = world.rows(DELIVERY, DELIVERY.c.alert_id == alert, DELIVERY.c.state == DeliveryState.CANCELLED)
    assert held.code == "opted_out"
    assert [one.to for one in world.claim(Channel.EMAIL)] == [family.email]


def test_what_is_told_twice_is_done_once(world: World) -> None:
    family = world.family()
    sid = "SM" + "a" * 32
    assert answer(world, family.phone, "STOPP", sid) is not None
    answer(world, family.phone, "START")
    # The first again, late: it must not undo what came after it, nor be replied to.
    assert answer(world, family.phone, "STOPP", sid) is None
    assert not opted_out(world, family.phone)
    assert [one.kind for one in listed(world)] == [AnswerKind.START, AnswerKind.STOP]
    # What another account calls the same is another SMS.
    answer(world, family.phone, "STOPP", sid, by="twilio_backup")
    assert opted_out(world, family.phone)
    assert acts(world)[-1][:2] == ("twilio_backup", "contact.opt_out")


def test_a_stop_of_somebody_who_had_stopped_already_is_no_act(world: World) -> None:
    family = world.family()
    answer(world, family.phone, "START")
    answer(world, family.phone, "STOP")
    answer(world, family.phone, "STOP")
    assert [act for _, act, _ in acts(world)] == ["contact.opt_out"]


@pytest.mark.parametrize(
    ("body", "judged", "phrase"),
    [
        ("STOPP", "", "answered_stop"),
        ("hjelp", "", "answered_help"),
        ("STOP", "", None),
        ("HELP", "", None),
        ("START", "", None),
        ("STOPP", "STOP", None),
        ("Kari er her", "", None),
    ],
)
def test_only_what_twilio_does_not_answer_is_replied_to(
    world: World, body: str, judged: str, phrase: str | None
) -> None:
    never_told, told = world.family(), world.family(language="nn")
    sent(world, told, school_names="Eksempel vgs")
    world.later(30 * 24 * 3600)
    # Who was told something hears it from the name that wrote last, in the language of that message.
    for family, language, school in ((never_told, None, None), (told, "nn", "Eksempel vgs")):
        reply = answer(world, family.phone, body, opt_out_type=judged)
        assert reply == (None if phrase is None else Reply(phrase, language, school))


def test_of_a_number_that_nobody_has_no_more_than_its_end_is_kept(world: World) -> None:
    assert answer(world, STRANGER, "STOPP") is None
    assert answer(world, STRANGER, "hvem er dette") is None
    assert acts(world) == []
    rows = world.rows(ANSWER)
    assert [(row.address_id, row.masked, row.text) for row in rows] == [
        (None, "+47 9xx xx x67", ""),
        (None, "+47 9xx xx x67", "hvem er dette"),
    ]
    assert not any(STRANGER in str(tuple(row)) for row in rows)


@pytest.mark.parametrize("number", ["Telenor", "12345", "", "+"])
def test_a_sender_that_is_no_number_is_masked_whole(world: World, number: str) -> None:
    answer(world, number, "hei")
    assert [one.number for one in listed(world)] == ["(phone number)"]


def test_an_answer_belongs_to_the_newest_alert_of_the_day_that_reached_the_number(world: World) -> None:
    family, other = world.family(), world.family()
    sent(world, family)
    world.later(60)
    newest = sent(world, family, other)
    sent(world, other)
    world.later(24 * 3600 - 1)
    answer(world, family.phone, "Kari er hos meg")
    world.later(1)
    answer(world, family.phone, "for sent")
    (row, late) = world.rows(ANSWER)
    (delivery,) = world.rows(
        DELIVERY,
        DELIVERY.c.alert_id == newest,
        DELIVERY.c.address_id == select(ADDRESS.c.id).where(ADDRESS.c.value == family.phone).scalar_subquery(),
    )
    assert (row.alert_id, row.delivery_id) == (newest, delivery.id)
    assert (late.alert_id, late.delivery_id) == (None, None)


def test_a_message_that_never_left_is_not_answered(world: World) -> None:
    family = world.family()
    reached = sent(world, family)
    world.later(1)
    world.sent(family)  # queued
    answer(world, family.phone, "hei")
    world.record((world.claim_one(), Rejected("21211")))
    answer(world, family.phone, "hei igjen")
    assert [row.alert_id for row in world.rows(ANSWER)] == [reached] * 2


def test_the_list_names_nobody_and_shows_what_was_written(world: World) -> None:
    family = world.family()
    sharer = world.family(phone=family.phone)
    alert = sent(world, family)
    answer(world, family.phone, "Kari er hos meg")
    answer(world, family.phone, "STOP")
    answer(world, STRANGER, "hvem er dette")
    stranger, stop, words = listed(world)
    assert (stranger.guardians, stranger.alert) == ((), None)
    assert (stop.kind, stop.text) == (AnswerKind.STOP, "")
    assert words == ListedAnswer(
        received_at=world.now,
        kind=AnswerKind.OTHER,
        number=f"+47 9xx xx x{family.phone[-2:]}",
        guardians=(guardian_ref(family.guardian), guardian_ref(sharer.guardian)),
        alert=words.alert,
        text="Kari er hos meg",
    )
    assert words.alert is not None and words.alert.startswith("A-2611-")
    assert listed(world, alert_id=alert) == [stop, words]
    assert listed(world, unmatched=True) == [stranger, words]
    assert listed(world, alert_id=alert, unmatched=True) == [words]
    with world.clock(), world.database.read() as connection:
        assert report(connection, alert).unmatched_answers == 1


# Confirmations


def classes(world: World, alert: int) -> ClassCounts:
    with world.database.read() as connection:
        return class_counts(connection, alert)


def test_a_one_confirms_the_alert_that_asked_for_all_whom_the_message_was_meant_for(world: World) -> None:
    family = world.family(2)
    sharer, other = world.family(phone=family.phone), world.family()
    alert = sent(world, family, sharer, other, ask_confirmation=True)
    assert classes(world, alert).handed_over == 4
    assert answer(world, family.phone, "1") is None
    counts = classes(world, alert)
    assert (counts.confirmed, counts.handed_over) == (3, 1)
    (row,) = world.rows(ANSWER)
    assert (row.kind, row.alert_id, row.text) == (AnswerKind.CONFIRMATION, alert, "")
    # The message keeps what the provider said of it.
    assert world.state(row.delivery_id) is DeliveryState.ACCEPTED
    answer(world, family.phone, "1")
    with world.clock(), world.database.read() as connection:
        figures = report(connection, alert)
    assert (figures.confirmed_by_answer, figures.unmatched_answers) == (1, 0)
    assert figures.classes == classes(world, alert)


def test_what_was_said_to_have_failed_and_is_answered_has_arrived(world: World) -> None:
    family = world.family()
    alert = sent(world, family, ask_confirmation=True)
    (row,) = world.rows(DELIVERY, DELIVERY.c.alert_id == alert)
    world.receipt(f"SM-{row.id}", ReceiptStatus.UNDELIVERED, row.id, 1, code="30008")
    assert classes(world, alert).unreached == 1
    answer(world, family.phone, "1")
    assert classes(world, alert).confirmed == 1
    assert world.state(row.id) is DeliveryState.UNDELIVERED


def test_what_is_of_unknown_fate_and_is_answered_is_not_sent_again(world: World) -> None:
    family = world.family()
    world.sent(family, ask_confirmation=True)
    claimed = world.claim_one()
    world.record((claimed, Unknown("read_timeout")))
    answer(world, family.phone, "1")
    row = world.delivery(claimed.delivery_id)
    assert (row.state, row.code) == (DeliveryState.DELIVERED, "answered")
    provider = FakeProvider()
    for _ in range(3):
        world.later(60)
        world.look_up(provider)
    assert (provider.asked, world.claim()) == ([], [])
    check_books(world.database)


def test_a_one_goes_to_the_newest_alert_that_asked_and_to_none_of_yesterday(world: World) -> None:
    family = world.family()
    sent(world, family, ask_confirmation=True)
    world.later(60)
    asked = sent(world, family, ask_confirmation=True)
    world.later(60)
    newest = sent(world, family)
    answer(world, family.phone, "1")
    world.later(24 * 3600 - 60)
    answer(world, family.phone, "1")
    first, late = world.rows(ANSWER)
    assert (first.kind, first.alert_id) == (AnswerKind.CONFIRMATION, asked)
    assert (late.kind, late.alert_id, late.text) == (AnswerKind.OTHER, newest, "1")


def test_a_one_that_nobody_asked_for_is_for_a_person_to_read(world: World) -> None:
    family, never_told = world.family(), world.family()
    alert = sent(world, family)
    for number in (family.phone, never_told.phone, STRANGER):
        answer(world, number, "1")
    assert [(one.kind, one.text) for one in listed(world, unmatched=True)] == [(AnswerKind.OTHER, "1")] * 3
    assert classes(world, alert).confirmed == 0


def test_somebody_who_is_not_meant_any_more_confirms_nothing(world: World) -> None:
    family = world.family()
    alert = sent(world, family, ask_confirmation=True)
    with world.database.write() as connection:
        connection.execute(update(RECIPIENT).values(unlinked_at=world.now))
    answer(world, family.phone, "1")
    assert classes(world, alert).confirmed == 0


def test_a_number_that_ended_is_stopped_all_the_same(world: World) -> None:
    family = world.family()
    with world.store() as store:
        store.connection.execute(update(CONTACT_POINT).values(ended_at=world.now))
    answer(world, family.phone, "STOP")
    assert opted_out(world, family.phone)
    assert acts(world) == [("twilio", "contact.opt_out", "contacts")]
