"""A guardian's own code: through the notice that carries it, in their language, and typed when there is none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from config.clock import bound_db_now
from config.database import Database
from config.keys import create_key_file, load_keys
from config.settings import load_settings
from contacts.codes import AddressChannel
from contacts.contact_points import TypedAddress
from contacts.own_acts import Added, Refused, add_own, choose_language, confirm_own
from contacts.verification import MAX_PER_HOUR, Confirmed, NoCode
from dispatcher.routine.notices import Notices
from dispatcher.routine.own_codes import CodeSent, send_own_code
from dispatcher.tables import DELIVERY, NOTICE
from providers.base import Channel
from tests.contacts.store import LATELY, ContactStore
from tests.dispatcher.world import NOW


def test_the_code_comes_by_a_notice_in_the_chosen_language_and_confirms(database: Database, tmp_path: Path) -> None:
    create_key_file(tmp_path / "beredskap.key")
    settings, keys = load_settings(), load_keys(tmp_path / "beredskap.key")
    with database.write() as connection:
        store = ContactStore(connection)
        ola = store.found_guardian(store.guardian(store.student(school=store.school())))
        choose_language(connection, ola, "en", operator=f"guardian {ola.label}")
        added = add_own(connection, ola, TypedAddress(AddressChannel.SMS, "+4799999912", True))
        assert isinstance(added, Added)
        sent = send_own_code(connection, ola, added.point_id, settings.organisation)
        assert isinstance(sent, CodeSent) and sent.masked == "+47 9xx xx x12"
        row = connection.execute(
            select(NOTICE.c.id, NOTICE.c.operator, DELIVERY.c.language, DELIVERY.c.channel)
            .join(DELIVERY, DELIVERY.c.notice_id == NOTICE.c.id)
            .where(DELIVERY.c.id == sent.delivery_id)
        ).one()
        assert tuple(row)[1:] == (f"guardian {ola.label}", "en", Channel.SMS)
        said = Notices(settings, keys).text(connection, row.id, row.language, Channel.SMS)[1]
        code = next(word.strip(".") for word in said.split() if word.strip(".").isdigit() and len(word.strip(".")) == 6)
        assert confirm_own(connection, keys, ola, added.point_id, code) == Confirmed()


def test_why_there_is_no_code(database: Database) -> None:
    organisation = load_settings().organisation
    with bound_db_now(NOW), database.write() as connection:
        store = ContactStore(connection)
        student = store.student()
        ola, liv = (store.found_guardian(store.guardian(student)) for _ in range(2))
        line = store.point(ola.id, "+4722225555", takes_messages=False)
        stopped = store.point(ola.id, "+4799999911", opted_out_at=LATELY)
        mails = [store.point(ola.id, f"ola{number}@example.com", verified=None) for number in range(3)]

        def asked(point: int) -> object:
            return send_own_code(connection, ola, point, organisation)

        assert asked(line) is NoCode.FIXED_LINE
        assert asked(stopped) is NoCode.STOPPED
        assert asked(store.point(liv.id)) is Refused.NOT_YOURS
        for _ in range(MAX_PER_HOUR):
            assert isinstance(asked(mails[0]), CodeSent)
        assert asked(mails[0]) is NoCode.LIMIT_OF_POINT
        for _ in range(MAX_PER_HOUR):
            assert isinstance(asked(mails[1]), CodeSent)
        assert asked(mails[2]) is NoCode.LIMIT_OF_PERSON
    with bound_db_now(NOW + timedelta(hours=1)), database.write() as connection:
        assert isinstance(send_own_code(connection, ola, mails[2], organisation), CodeSent)
