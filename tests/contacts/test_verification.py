"""Verification codes: computed and never stored, short-lived, few tries, few an hour."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from config.audit import AuditEntry
from config.clock import bound_db_now
from config.counters import CONTACTS_REVISION, read_counter
from config.database import Database
from config.errors import BeredskapError, ExitStatus, UsageError
from config.keys import Keys, create_key_file, load_keys
from config.tables import core_table
from contacts import tables
from contacts.codes import VerifiedBy
from contacts.contact_points import (
    GUARDIAN_SOURCE,
    TypedAddress,
    add_point,
    point_to_confirm,
    point_to_verify,
    points_of,
    read_typed,
    remove_point,
)
from contacts.verification import (
    Challenge,
    Confirmation,
    Confirmed,
    Dead,
    NoCode,
    NoCodeError,
    NotWaiting,
    WrongCode,
    code_for,
    confirm,
    is_code,
    open_challenge,
    refused,
)
from tests.contacts.store import LATELY, ContactStore

NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
MOBILE = "999 99 912"
AUDIT = core_table(AuditEntry)


class Desk:
    """One guardian with one unverified number, the keys, and a clock that stands until `later`."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self.database = database
        self.keys = keys
        self.now = NOON
        with database.write() as connection:
            store = ContactStore(connection)
            self.guardian_id = store.guardian(store.student())
            self.guardian = store.found_guardian(self.guardian_id)
            self.point_id = store.point(self.guardian_id, verified=None, confirmed=None, source="pifu")

    def later(self, **passed: float) -> None:
        self.now += timedelta(**passed)

    def open(self, point_id: int | None = None) -> Challenge:
        with bound_db_now(self.now), self.database.write() as connection:
            return open_challenge(connection, point_id or self.point_id)

    def confirm(self, code: str, point_id: int | None = None) -> Confirmation:
        with bound_db_now(self.now), self.database.write() as connection:
            return confirm(connection, self.keys, point_id or self.point_id, code)

    def code(self, challenge: Challenge) -> str:
        return code_for(self.keys, challenge.id, challenge.nonce)

    def wrong(self, challenge: Challenge) -> str:
        return f"{(int(self.code(challenge)) + 1) % 1_000_000:06d}"

    def verified(self) -> VerifiedBy | None:
        with self.database.read() as connection:
            row = connection.execute(
                select(tables.CONTACT_POINT).where(tables.CONTACT_POINT.c.id == self.point_id)
            ).one()
            assert (row.verified_at, row.confirmed_at) in ((None, None), (self.now, self.now))
            return row.verified_by  # type: ignore[no-any-return]

    def failing(self) -> tuple[int, datetime | None]:
        with self.database.read() as connection:
            row = connection.execute(
                select(tables.ADDRESS.c.failures, tables.ADDRESS.c.failing_since)
                .join(tables.CONTACT_POINT)
                .where(tables.CONTACT_POINT.c.id == self.point_id)
            ).one()
            return row.failures, row.failing_since


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    create_key_file(tmp_path / "beredskap.key")
    return load_keys(tmp_path / "beredskap.key")


@pytest.fixture
def desk(database: Database, keys: Keys) -> Iterator[Desk]:
    return Desk(database, keys)


def test_the_right_code_verifies_the_contact_point(desk: Desk) -> None:
    challenge = desk.open()
    assert challenge.expires_at == NOON + timedelta(minutes=15)
    desk.later(minutes=14)
    assert desk.verified() is None
    assert desk.confirm(f" {desk.code(challenge)} ") == Confirmed()
    assert desk.verified() is VerifiedBy.CODE


def test_whoever_confirms_a_code_has_an_address_that_works(desk: Desk) -> None:
    challenge = desk.open()
    with desk.database.write() as connection:
        connection.execute(update(tables.ADDRESS).values(failures=3, failing_since=NOON))
    assert isinstance(desk.confirm(desk.wrong(challenge)), WrongCode)
    assert desk.failing() == (3, NOON)
    desk.confirm(desk.code(challenge))
    assert desk.failing() == (0, None)


def test_codes_are_six_digits_each_their_own_and_the_same_when_computed_again(keys: Keys) -> None:
    codes = [code_for(keys, number, "nonce") for number in range(300)]
    assert all(is_code(code) and len(code) == 6 for code in codes)
    assert codes == [code_for(keys, number, "nonce") for number in range(300)]
    assert len(set(codes)) > 290
    assert code_for(keys, 1, "nonce") != code_for(keys, 1, "another")


def test_another_installation_s_key_gives_other_codes(keys: Keys, tmp_path: Path) -> None:
    create_key_file(tmp_path / "other.key")
    other = load_keys(tmp_path / "other.key")
    assert [code_for(keys, n, "n") for n in range(5)] != [code_for(other, n, "n") for n in range(5)]


def test_no_code_is_stored_anywhere(desk: Desk) -> None:
    challenge = desk.open()
    desk.confirm(desk.wrong(challenge))
    code = desk.code(challenge)
    with desk.database.read() as connection:
        rows = connection.execute(select(tables.CHALLENGE)).all()
        rows += connection.execute(select(tables.CONTACT_POINT)).all()
    assert code not in repr(rows) and base64.b64encode(code.encode()).decode() not in repr(rows)


def test_a_code_dies_after_a_quarter_of_an_hour(desk: Desk) -> None:
    challenge = desk.open()
    desk.later(minutes=15)
    assert desk.confirm(desk.code(challenge)) == NotWaiting(Dead.EXPIRED)
    assert desk.verified() is None


def test_five_tries_and_then_not_even_the_right_code(desk: Desk) -> None:
    challenge = desk.open()
    assert [desk.confirm(desk.wrong(challenge)) for _ in range(5)] == [WrongCode(left) for left in (4, 3, 2, 1, 0)]
    assert desk.confirm(desk.code(challenge)) == NotWaiting(Dead.TRIES_USED)
    assert desk.verified() is None
    fresh = desk.open()
    assert desk.confirm(desk.code(fresh)) == Confirmed()


def test_the_fifth_try_may_be_the_right_one(desk: Desk) -> None:
    challenge = desk.open()
    for _ in range(4):
        desk.confirm(desk.wrong(challenge))
    assert desk.confirm(desk.code(challenge)) == Confirmed()


def test_a_code_is_used_once(desk: Desk) -> None:
    challenge = desk.open()
    desk.confirm(desk.code(challenge))
    assert desk.confirm(desk.code(challenge)) == NotWaiting(Dead.ALREADY_CONFIRMED)


def test_a_new_code_puts_the_earlier_out_of_force(desk: Desk) -> None:
    first = desk.open()
    second = desk.open()
    assert isinstance(desk.confirm(desk.code(first)), WrongCode)
    assert desk.confirm(desk.code(second)) == Confirmed()


def test_a_code_of_one_contact_point_confirms_no_other(desk: Desk) -> None:
    with desk.database.write() as connection:
        other = ContactStore(connection).point(desk.guardian_id, "ola@example.com", verified=None)
    challenge = desk.open()
    assert desk.confirm(desk.code(challenge), other) == NotWaiting(Dead.NEVER_SENT)
    desk.open(other)
    assert isinstance(desk.confirm(desk.code(challenge), other), WrongCode)


def test_five_codes_an_hour_and_no_more(desk: Desk) -> None:
    for _ in range(5):
        desk.open()
        desk.later(minutes=10)
    with pytest.raises(BeredskapError, match="5 codes within an hour") as error:
        desk.open()
    assert error.value.exit_status is ExitStatus.REFUSED
    desk.later(minutes=9, seconds=59)
    with pytest.raises(BeredskapError):
        desk.open()
    desk.later(seconds=1)
    assert desk.open()


def test_the_limit_is_each_contact_point_s_own(desk: Desk) -> None:
    with desk.database.write() as connection:
        other = ContactStore(connection).point(desk.guardian_id, "ola@example.com", verified=None)
    for _ in range(5):
        desk.open()
    assert desk.open(other)


def test_all_contact_points_of_a_person_get_ten_codes_an_hour(desk: Desk) -> None:
    with desk.database.write() as connection:
        store = ContactStore(connection)
        points = [store.point(desk.guardian_id, f"ola{number}@example.com", verified=None) for number in range(5)]
        stranger = store.point(store.guardian(), "ola0@example.com", verified=None)
    for point in points * 2:
        desk.open(point)
    with pytest.raises(NoCodeError) as error:
        desk.open()
    assert (error.value.why, error.value.exit_status) == (NoCode.LIMIT_OF_PERSON, ExitStatus.REFUSED)
    assert desk.open(stranger)
    desk.later(hours=1)
    assert desk.open()


@pytest.mark.parametrize(
    ("values", "why", "words"),
    [
        ({"takes_messages": False}, NoCode.FIXED_LINE, "fixed line"),
        ({"opted_out_at": LATELY}, NoCode.STOPPED, "STOP"),
        ({"ended_at": LATELY}, NoCode.REMOVED, "removed"),
    ],
)
def test_no_code_for_what_no_message_can_reach(desk: Desk, values: dict[str, object], why: NoCode, words: str) -> None:
    with desk.database.write() as connection:
        point = ContactStore(connection).point(desk.guardian_id, "+4799999913", verified=None, **values)  # type: ignore[arg-type]
    with pytest.raises(NoCodeError, match=words) as error:
        desk.open(point)
    assert (error.value.why, error.value.exit_status) == (why, ExitStatus.UNUSABLE)


def test_stop_concerns_sms_alone(desk: Desk) -> None:
    with desk.database.write() as connection:
        mail = ContactStore(connection).point(desk.guardian_id, "ola@example.com", opted_out_at=LATELY)
    assert desk.open(mail)


def test_a_contact_point_removed_meanwhile_is_not_verified(desk: Desk) -> None:
    challenge = desk.open()
    with desk.database.write() as connection:
        connection.execute(tables.CONTACT_POINT.update().values(ended_at=LATELY))
    assert desk.confirm(desk.code(challenge)) == NotWaiting(Dead.REMOVED)
    assert desk.verified() is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (WrongCode(2), "2 tries are left"),
        (WrongCode(1), "1 try is left"),
        (WrongCode(0), "No try is left. Send a new code: beredskap contacts verify G-17"),
        (NotWaiting(Dead.EXPIRED), "more than 15 minutes ago"),
        (NotWaiting(Dead.TRIES_USED), "All 5 tries"),
        (NotWaiting(Dead.NEVER_SENT), "No code has been sent"),
        (NotWaiting(Dead.ALREADY_CONFIRMED), "used already"),
        (NotWaiting(Dead.REMOVED), "has been removed"),
    ],
)
def test_every_refusal_says_what_to_do(answer: WrongCode | NotWaiting, words: str) -> None:
    assert words in str(refused(answer, "G-17"))


@pytest.mark.parametrize(
    ("text", "possible"), [("012345", True), (" 012345\n", True), ("12345", False), ("٠١٢٣٤٥", False), ("", False)]
)
def test_what_can_be_a_code(text: str, possible: bool) -> None:
    assert is_code(text) is possible


def typed(phone: str | None = MOBILE, email: str | None = None) -> TypedAddress:
    address = read_typed(phone, email)
    assert address is not None
    return address


def test_a_number_is_added_once_and_shared_by_its_owners(store: ContactStore) -> None:
    student = store.student()
    ola, liv = (store.found_guardian(store.guardian(student)) for _ in range(2))
    assert add_point(store.connection, ola, typed(), operator="kari").changed
    assert not add_point(store.connection, ola, typed("+47 99999912"), operator="kari").changed
    assert add_point(store.connection, liv, typed(), operator="kari").changed
    points = [points_of(store.connection, person.id) for person in (ola, liv)]
    assert [[(one.source, one.verified_at) for one in mine] for mine in points] == [[(GUARDIAN_SOURCE, None)]] * 2
    assert points[0][0].address_id == points[1][0].address_id


def test_mail_is_one_address_however_it_is_written(store: ContactStore) -> None:
    ola = store.found_guardian(store.guardian(store.student()))
    assert add_point(store.connection, ola, typed(None, "Ola.E@Example.com"), operator="kari").changed
    assert not add_point(store.connection, ola, typed(None, "ola.e@example.com"), operator="kari").changed


def test_what_was_removed_comes_back_and_must_be_verified_again(store: ContactStore) -> None:
    ola = store.found_guardian(store.guardian(store.student()))
    store.point(ola.id, source=GUARDIAN_SOURCE, ended_at=LATELY)
    assert add_point(store.connection, ola, typed(), operator="kari").changed
    (point,) = points_of(store.connection, ola.id)
    assert point.verified_at is None and point.verified_by is None


def test_what_is_removed_ends_for_every_source_and_waiting_messages_are_decided_again(store: ContactStore) -> None:
    student = store.student()
    ola, liv = (store.found_guardian(store.guardian(student)) for _ in range(2))
    for source in ("krr", "pifu"):
        store.point(ola.id, source=source)
    store.point(ola.id, "ola@example.com")
    store.point(liv.id)
    before = read_counter(store.connection, CONTACTS_REVISION)
    act = remove_point(store.connection, ola, typed(), operator="kari")
    assert act.changed and "x12 of" in act.words and "No verified" not in act.words
    assert [point.value for point in points_of(store.connection, ola.id)] == ["ola@example.com"]
    assert len(points_of(store.connection, liv.id)) == 1  # who shares it has it still
    assert read_counter(store.connection, CONTACTS_REVISION) == before + 1
    (kept,) = store.connection.execute(
        select(AUDIT.c.operator, AUDIT.c.act, AUDIT.c.subject, AUDIT.c.details).order_by(AUDIT.c.id.desc()).limit(1)
    )
    assert tuple(kept) == ("kari", "contact.remove", f"guardian {ola.label}", {"channel": "sms"})
    last = remove_point(store.connection, ola, typed(None, "ola@example.com"), operator="kari")
    assert "No verified contact point is left" in last.words
    with pytest.raises(UsageError, match="no such contact point"):
        remove_point(store.connection, ola, typed(), operator="kari")


def test_a_fixed_line_is_taken_and_said_to_be_one(store: ContactStore) -> None:
    ola = store.found_guardian(store.guardian(store.student()))
    act = add_point(store.connection, ola, typed("22 22 55 55"), operator="kari")
    assert act.changed and "fixed line" in act.words


@pytest.mark.parametrize("phone", ["12345", "98765432;41111111", "99999912 ext 3"])
def test_a_number_that_cannot_be_used_is_not_repeated(phone: str) -> None:
    with pytest.raises(UsageError) as error:
        read_typed(phone, None)
    assert phone not in str(error.value)


def test_typed_addresses_come_one_at_a_time() -> None:
    assert read_typed(None, None) is None
    with pytest.raises(UsageError, match="Both"):
        read_typed(MOBILE, "ola@example.com")


def test_no_repr_shows_an_address(store: ContactStore) -> None:
    guardian = store.guardian(store.student())
    store.point(guardian, "+4799999912")
    assert "99999912" not in repr(points_of(store.connection, guardian)) + repr(typed())


def test_the_only_unverified_point_is_the_one_to_verify(store: ContactStore) -> None:
    ola = store.found_guardian(store.guardian(store.student()))
    with pytest.raises(UsageError, match="No contact point"):
        point_to_verify(store.connection, ola, None)
    store.point(ola.id, "ola@example.com")
    number = store.point(ola.id, verified=None, source="pifu")
    assert point_to_verify(store.connection, ola, None).id == number
    store.point(ola.id, "second@example.com", verified=None)
    with pytest.raises(UsageError, match="More than one") as error:
        point_to_verify(store.connection, ola, None)
    assert "99999912" not in str(error.value)
    assert point_to_verify(store.connection, ola, typed()).id == number
    with pytest.raises(UsageError, match="no such contact point"):
        point_to_verify(store.connection, ola, typed("99999914"))


def test_the_point_to_confirm_is_the_one_that_waits_for_a_code(store: ContactStore) -> None:
    ola = store.found_guardian(store.guardian(store.student()))
    number = store.point(ola.id, verified=None, source="pifu")
    same = store.point(ola.id, verified=None, source="guardian")
    mail = store.point(ola.id, "ola@example.com", verified=None)
    with pytest.raises(UsageError, match="waits for a code"):
        point_to_confirm(store.connection, ola, None)
    open_challenge(store.connection, same)
    assert point_to_confirm(store.connection, ola, None).id == same
    assert point_to_confirm(store.connection, ola, typed()).id == same
    open_challenge(store.connection, mail)
    with pytest.raises(UsageError, match="More than one"):
        point_to_confirm(store.connection, ola, None)
    assert number not in (same, mail)
