"""One SMS as most programs send it: load its row, ask Twilio's own synchronous client, set the row, commit.

The dramatiq and the Celery peer share it; only what calls `deliver` differs. Imported by their workers, which are told
by the environment where things are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

from contract import Call, PeerError
from sqlalchemy import Engine, insert
from sqlmodel import Field, Session, SQLModel, col, create_engine, func, select
from twilio.rest import Client

SCHEMA = "peer_sms"
TEXT = "Eksempel vgs: Skolen er stengt. Elevene er trygge og blir inne til politiet sier fra. Ikke kom til skolen."
STALLED_SECONDS = 60.0


class Notification(SQLModel, table=True):
    """One message to one number."""

    id: int | None = Field(default=None, primary_key=True)
    phone: str
    text: str
    status: str = "created"
    reference: str | None = None
    sent_at: datetime | None = None


def tell_workers(call: Call) -> None:
    """Put into the environment, which workers inherit, what this module reads when it is imported there."""
    os.environ["PEER_DATABASE_URL"] = call.database_url
    os.environ["PEER_REDIS_URL"] = call.redis_url
    os.environ["PEER_SMS_URL"] = call.sms_url


def connect(threads: int) -> Engine:
    """An engine with a connection for each thread."""
    options = {"options": f"-csearch_path={SCHEMA}"}
    return create_engine(os.environ["PEER_DATABASE_URL"], pool_size=threads, connect_args=options)


def twilio() -> Client:
    """Twilio's synchronous client, whose one `requests` session keeps its connections."""
    client = Client("AC00000000000000000000000000000001", "peer", environment={"PEER": "1"})
    client.api.base_url = os.environ["PEER_SMS_URL"].rstrip("/")
    # A sixth of the processor time otherwise: each request looks for proxies in the environment and for a netrc file.
    client.http_client.session.trust_env = False
    return client


def deliver(engine: Engine, client: Client, notification_id: int) -> None:
    """Send one message and record it: one row, one commit."""
    with Session(engine) as session:
        notification = session.get_one(Notification, notification_id)
        message = client.messages.create(to=notification.phone, from_="PEER", body=notification.text)
        notification.status = "sent"
        notification.reference = message.sid
        notification.sent_at = datetime.now(UTC)
        session.commit()


def store(engine: Engine, count: int) -> list[int]:
    """Make the table and `count` rows in it, in bulk, before the clock starts. Answers their ids."""
    SQLModel.metadata.create_all(engine)
    rows = [{"phone": f"+479990{n:07}", "text": TEXT, "status": "created"} for n in range(count)]
    with Session(engine) as session:
        session.execute(insert(Notification), rows)
        session.commit()
        return list(session.exec(select(Notification.id).order_by(col(Notification.id))).all())


def wait_until_sent(engine: Engine, check: Callable[[], object]) -> None:
    """Return when no row waits. Looks at the oldest that does, by the primary key: a count would slow the peer down."""
    oldest = select(Notification.id).where(Notification.status != "sent").order_by(col(Notification.id)).limit(1)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        seen, moved = 0, time.monotonic()
        while True:
            waiting = connection.scalar(oldest.where(col(Notification.id) >= seen))
            if waiting is None:
                return
            if waiting > seen:
                seen, moved = waiting, time.monotonic()
            elif time.monotonic() - moved > STALLED_SECONDS:
                raise PeerError(f"A message was not recorded as sent for {STALLED_SECONDS:g} s: is the far end up?")
            check()
            time.sleep(0.02)


def verify(engine: Engine, count: int) -> None:
    """All are recorded as sent, each with a reference of Twilio's. Raises PeerError."""
    with Session(engine) as session:
        recorded = session.exec(
            select(func.count(col(Notification.reference))).where(Notification.status == "sent")
        ).one()
    if recorded != count:
        raise PeerError(f"{recorded} of {count} messages are recorded as sent.")
