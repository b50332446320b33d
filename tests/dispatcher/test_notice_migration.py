"""A notice of before the county was told of anything: kept, with its message, and others than persons may be told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from config import migrations
from config.database import Database
from contacts.tables import STUDENT
from dispatcher.codes import DeliveryState, Lane, NoticeKind
from dispatcher.tables import DELIVERY, NOTICE
from providers.base import Channel
from tests.contacts.store import LATELY, ContactStore
from tests.services.older_tables import tables_before
from tests.services.schema import all_tables


@pytest.fixture
def older(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database with the tables that it had before operators."""
    return tables_before("0012", database_url, tmp_path, monkeypatch)


def test_notices_and_their_messages_are_kept(older: Database) -> None:
    with older.write() as connection:
        store = ContactStore(connection)
        person, address = store.guardian(), store.address("+4740000001")
        connection.execute(
            text(
                "INSERT INTO notice (id, kind, person_id, operator, created_at) "
                "VALUES (1, 'verification_code', :person, 'leder', '2026-06-29 12:00:00.000000')"
            ),
            {"person": person},
        )
        connection.execute(
            insert(DELIVERY).values(
                notice_id=1,
                lane=Lane.ROUTINE,
                channel=Channel.SMS,
                address_id=address,
                language="nb",
                round=1,
                segments=1,
                state=DeliveryState.DELIVERED,
                attempt=1,
                lost_claims=0,
                deferrals=0,
                repeats=0,
                lookups=0,
                due_at=LATELY,
                expires_at=LATELY,
                contacts_revision=0,
                decided_on=date(2026, 6, 29),
            )
        )
    migrations.upgrade(older, all_tables())
    with older.write() as connection:
        kept = connection.execute(select(NOTICE)).one()
        assert (kept.id, kept.kind, kept.person_id, kept.alert_id) == (1, NoticeKind.VERIFICATION_CODE, person, None)
        assert connection.execute(select(DELIVERY.c.notice_id)).all() == [(1,)]
        connection.execute(insert(NOTICE).values(id=2, kind=NoticeKind.BREAK_GLASS, operator="innom"))
    with older.write() as connection, pytest.raises(IntegrityError):
        connection.execute(
            text("INSERT INTO notice (id, kind, operator, created_at) VALUES (3, 'gossip', 'x', '2026-06-29')")
        )
    older.dispose()


def test_what_the_county_was_told_is_kept_and_students_can_be_asked(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tables_before("0013", database_url, tmp_path, monkeypatch)
    with older.write() as connection:
        student = ContactStore(connection).student()
        connection.execute(insert(NOTICE).values(id=1, kind=NoticeKind.BREAK_GLASS, operator="innom"))
    migrations.upgrade(older, all_tables())
    with older.write() as connection:
        connection.execute(
            insert(NOTICE).values(id=2, kind=NoticeKind.CONSENT_QUESTION, person_id=student, operator="beredskap")
        )
        assert [row.kind for row in connection.execute(select(NOTICE).order_by(NOTICE.c.id))] == [
            NoticeKind.BREAK_GLASS,
            NoticeKind.CONSENT_QUESTION,
        ]
        assert connection.execute(select(STUDENT.c.person_id, STUDENT.c.consent_asked_at)).all() == [(student, None)]
    with older.write() as connection, pytest.raises(IntegrityError):
        connection.execute(
            text("INSERT INTO notice (id, kind, operator, created_at) VALUES (3, 'gossip', 'x', '2026-06-29')")
        )
    older.dispose()
