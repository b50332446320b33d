"""Reading what the CAP document of an alert says."""

from __future__ import annotations

from sqlalchemy import Connection, select

from config.catalogue import LANGUAGES
from dispatcher.alerts.thread import thread_of
from dispatcher.reports.cap import CapAlert, CapReference, CapText
from dispatcher.tables import ALERT_TEXT


def cap_facts(connection: Connection, alert_id: int, *, sender: str, organisation: str) -> CapAlert:
    """The facts of a confirmed alert. `organisation`: who speaks, where the settings name one; else the schools."""
    thread = thread_of(connection, alert_id)
    row = next(one for one in thread if one.id == alert_id)
    texts = connection.execute(select(ALERT_TEXT).where(ALERT_TEXT.c.alert_id == alert_id)).all()
    return CapAlert(
        identifier=row.number,
        sender=sender,
        sent=row.confirmed_at,
        status=row.status,
        msg_type=row.msg_type,
        response_type=row.response_type,
        scenario=row.scenario,
        severity=row.severity,
        expires=row.expires_at,
        sender_name=organisation or row.school_names,
        area=row.school_names,
        texts=[
            CapText(text.language, text.subject, text.email)
            for text in sorted(texts, key=lambda text: LANGUAGES.index(text.language))
        ],
        references=[CapReference(one.number, one.confirmed_at) for one in thread if one.id < alert_id],
    )
