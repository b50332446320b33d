"""What guardians do about their own addresses and language: typed answers, limits, and a trace under their own name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.clock import bound_db_now
from config.database import Database
from config.keys import Keys, create_key_file, load_keys
from config.tables import core_table
from contacts import tables
from contacts.addresses import AddressFault
from contacts.codes import AddressChannel, VerifiedBy
from contacts.contact_points import GUARDIAN_SOURCE, TypedAddress
from contacts.own_acts import (
    MOST_POINTS,
    Added,
    Refused,
    Removed,
    add_own,
    choose_language,
    confirm_own,
    find_own,
    read_own,
    remove_own,
)
from contacts.own_points import OwnPoint, PointState, ToldBy, own_points
from contacts.verification import Confirmed, Dead, NotWaiting, WrongCode, code_for, open_challenge
from tests.contacts.store import DAY, LATELY, LONG_AGO, ContactStore
from tests.contacts.test_verification import NOON

AUDIT = core_table(AuditEntry)
SMS, EMAIL = AddressChannel.SMS, AddressChannel.EMAIL


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    create_key_file(tmp_path / "beredskap.key")
    return load_keys(tmp_path / "beredskap.key")


def number(last: int) -> TypedAddress:
    return TypedAddress(SMS, f"+47999999{last:02d}", True)


def points(store: ContactStore, guardian: int) -> tuple[OwnPoint, ...]:
    return own_points(store.connection, guardian, DAY, stale_after_months=18)


def added(answer: Added | Refused) -> Added:
    assert isinstance(answer, Added)
    return answer


def traces(store: ContactStore) -> list[tuple[str, str, str, dict[str, object]]]:
    columns = (AUDIT.c.operator, AUDIT.c.act, AUDIT.c.subject, AUDIT.c.details)
    return [tuple(row) for row in store.connection.execute(select(*columns).order_by(AUDIT.c.id))]


@pytest.mark.parametrize(
    ("channel", "text", "read"),
    [
        (SMS, "999 99 912", number(12)),
        (SMS, "22 22 55 55", TypedAddress(SMS, "+4722225555", False)),
        (SMS, "12", AddressFault.NOT_A_NUMBER),
        (SMS, "", AddressFault.EMPTY),
        (EMAIL, "Ola.E@Example.com", TypedAddress(EMAIL, "ola.e@example.com", True)),
        (EMAIL, "ola", AddressFault.NO_AT_SIGN),
    ],
)
def test_what_is_typed_is_an_address_or_says_why_not(
    channel: AddressChannel, text: str, read: TypedAddress | AddressFault
) -> None:
    assert read_own(channel, text) == read


def test_the_whole_way_of_a_changed_number(store: ContactStore, keys: Keys) -> None:
    student = store.student()
    ola = store.found_guardian(store.guardian(student))
    old = store.point(ola.id, "+4799999911", source="krr")
    new = added(add_own(store.connection, ola, number(12)))
    assert (new.masked, new.known, new.takes_codes) == ("+47 9xx xx x12", False, True)
    assert added(add_own(store.connection, ola, number(12))).known
    assert [(one.state, one.told_by, one.shown.replace("\u00a0", " ")) for one in points(store, ola.id)] == [
        (PointState.USED, (ToldBy.CONTACT_REGISTER,), "+47 9xx xx x11"),
        (PointState.UNCONFIRMED, (ToldBy.YOU,), "+47 99 99 99 12"),
    ]
    # The old one serves until the new one is confirmed, and is never removed in passing.
    assert remove_own(store.connection, ola, old, even_last=False) is Refused.LAST
    challenge = open_challenge(store.connection, new.point_id)
    code = code_for(keys, challenge.id, challenge.nonce)
    assert [one.code_waiting for one in points(store, ola.id)] == [False, True]
    assert confirm_own(store.connection, keys, ola, new.point_id, "12") is Refused.NOT_A_CODE
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert confirm_own(store.connection, keys, ola, new.point_id, wrong) == WrongCode(4)
    assert confirm_own(store.connection, keys, ola, new.point_id, code) == Confirmed()
    # The register's gives way to what they confirmed with us, and goes when they say so.
    assert [one.state for one in points(store, ola.id)] == [PointState.REPLACED, PointState.USED]
    assert remove_own(store.connection, ola, old, even_last=False) == Removed("+47 9xx xx x11", 1)
    assert remove_own(store.connection, ola, old, even_last=True) is Refused.NOT_YOURS
    assert remove_own(store.connection, ola, new.point_id, even_last=True) == Removed("+47 9xx xx x12", 0)
    assert points(store, ola.id) == ()
    who = f"guardian {ola.label}"
    assert traces(store) == [
        (who, act, who, {"channel": "sms"})
        for act in ("contact.add", "contact.confirm", "contact.remove", "contact.remove")
    ]


def test_nobody_touches_another_s_contact_point(store: ContactStore, keys: Keys) -> None:
    student = store.student()
    ola, liv = (store.found_guardian(store.guardian(student)) for _ in range(2))
    shared = store.point(liv.id, "+4799999911")
    store.point(ola.id, "+4799999911")
    removed = store.point(ola.id, "+4799999912", ended_at=LATELY)
    for point in (shared, removed, 987654):
        assert find_own(store.connection, ola, point) is None
        assert remove_own(store.connection, ola, point, even_last=True) is Refused.NOT_YOURS
        assert confirm_own(store.connection, keys, ola, point, "012345") is Refused.NOT_YOURS
    assert traces(store) == []


def test_a_code_that_staff_sent_for_another_source_s_word_confirms_the_same_address(
    store: ContactStore, keys: Keys
) -> None:
    ola = store.found_guardian(store.guardian(store.student()))
    by_school = store.point(ola.id, "+4799999911", source="pifu", verified=None)
    own = added(add_own(store.connection, ola, number(11)))
    assert confirm_own(store.connection, keys, ola, own.point_id, "012345") == NotWaiting(Dead.NEVER_SENT)
    challenge = open_challenge(store.connection, by_school)
    code = code_for(keys, challenge.id, challenge.nonce)
    assert confirm_own(store.connection, keys, ola, own.point_id, code) == Confirmed()
    (point,) = points(store, ola.id)
    assert (point.point_id, point.state, point.told_by) == (own.point_id, PointState.USED, (ToldBy.SCHOOL, ToldBy.YOU))


def test_twenty_of_their_own_and_no_more_by_removing_in_turn(database: Database) -> None:
    with bound_db_now(NOON), database.write() as connection:
        store = ContactStore(connection)
        ola, liv = (store.found_guardian(store.guardian(store.student(ref))) for ref in ("A", "B"))
        store.point(ola.id, "ola@example.com", source="krr")  # what registers tell does not count
        own = [added(add_own(connection, ola, number(last))) for last in range(MOST_POINTS)]
        assert add_own(connection, ola, number(50)) is Refused.TOO_MANY
        kept = select(tables.ADDRESS).where(tables.ADDRESS.c.value == number(50).value)
        assert connection.execute(kept).first() is None
        assert added(add_own(connection, ola, number(0))).known
        remove_own(connection, ola, own[0].point_id, even_last=True)
        assert add_own(connection, ola, number(50)) is Refused.TOO_MANY
        assert not added(add_own(connection, ola, number(0))).known
        remove_own(connection, ola, own[0].point_id, even_last=True)
        assert added(add_own(connection, liv, number(50)))
    with bound_db_now(NOON + timedelta(days=31)), database.write() as connection:
        assert added(add_own(connection, ola, number(50)))


def test_states_of_addresses_as_their_owner_sees_them(store: ContactStore) -> None:
    ola = store.guardian(store.student())
    for value, values in {
        "+4799999901": {"confirmed": LONG_AGO, "verified": LONG_AGO},
        "+4799999902": {"failing_since": LATELY + timedelta(days=1)},
        "+4799999903": {"opted_out_at": LATELY},
        "+4722225555": {"takes_messages": False},
        "ola@example.com": {"verified": None},
        "ola.e@example.com": {},
    }.items():
        store.point(ola, value, source="pifu:sas", **values)  # type: ignore[arg-type]
    assert [(one.channel, one.state, one.code_helps) for one in points(store, ola)] == [
        (SMS, PointState.STALE, True),
        (SMS, PointState.FAILING, True),
        (SMS, PointState.STOPPED, False),
        (SMS, PointState.CALLS_ONLY, False),
        (EMAIL, PointState.UNCONFIRMED, True),
        (EMAIL, PointState.USED, False),
    ]


def test_what_they_have_not_shown_that_they_know_is_masked(store: ContactStore) -> None:
    ola = store.guardian(store.student())
    store.point(ola, "+4799999901", source="pifu")
    store.point(ola, "+4799999902", source="krr", by=VerifiedBy.CODE)
    store.point(ola, "+4799999903", source=GUARDIAN_SOURCE, verified=None)
    shown = [one.shown.replace("\u00a0", " ") for one in points(store, ola)]
    assert shown == ["+47 9xx xx x01", "+47 99 99 99 02", "+47 99 99 99 03"]
    assert "99 99" not in repr(points(store, ola)).replace("\u00a0", " ")


def test_that_an_address_is_shared_with_somebody_blocked_is_not_theirs_to_learn(store: ContactStore) -> None:
    student = store.student()
    ola, liv = store.guardian(student), store.guardian(student)
    for guardian in (ola, liv):
        store.point(guardian)
    store.block(liv)
    assert [one.state for one in points(store, ola)] == [PointState.USED]


def test_the_language_is_chosen_once_and_says_who_chose(store: ContactStore) -> None:
    ola = store.found_guardian(store.guardian(store.student()))
    who = f"guardian {ola.label}"
    # "nb" is what the register says; chosen, it stays.
    assert choose_language(store.connection, ola, "nb", operator=who)
    assert not choose_language(store.connection, ola, "nb", operator=who)
    assert choose_language(store.connection, ola, "se", operator=who)
    row = store.connection.execute(select(tables.PERSON).where(tables.PERSON.c.id == ola.id)).one()
    assert row.language == "se" and row.language_chosen_at is not None
    assert [(who, "contact.language", who, {"language": one}) for one in ("nb", "se")] == traces(store)
