"""From a claimed delivery to the message that leaves: the frozen text of its alert, or the text of its notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, select

from dispatcher.outbox.claim import Claimed
from dispatcher.tables import ALERT_TEXT, AnyRow
from providers.base import Channel, LookupQuery, Message
from providers.spoken import spoken_language


class NoticeTexts(Protocol):
    """Where the texts of notices come from (`dispatcher/routine/notices.py`): computed when sent, never stored."""

    def text(self, connection: Connection, notice_id: int, language: str, channel: Channel) -> tuple[str, str]:
        """(subject, text) of the notice in that language. Raises LookupError when there is nothing to tell any more."""
        ...


class Renderer:
    """Makes messages; reads each alert's frozen texts once. Frozen means that what was read stays true."""

    def __init__(self, notices: NoticeTexts) -> None:
        self._notices = notices
        self._texts: dict[tuple[int, str], AlertWords] = {}

    def message(self, connection: Connection, claimed: Claimed) -> Message:
        """The message of a claim. Raises LookupError when there is none."""
        subject, body = self._words(connection, claimed.channel, claimed.alert_id, claimed.notice_id, claimed.language)
        return Message(
            delivery_id=claimed.delivery_id,
            attempt=claimed.attempt,
            channel=claimed.channel,
            to=claimed.to,
            body=body,
            subject=subject,
            language=claimed.language,
            validity_seconds=max(1, int(claimed.seconds_left)),
            urgent=claimed.alert_id is not None,
        )

    def lookup_query(self, connection: Connection, row: AnyRow) -> LookupQuery:
        """What to look for at the provider, for a delivery of unknown fate."""
        _subject, body = self._words(connection, row.channel, row.alert_id, row.notice_id, row.language)
        return LookupQuery(row.id, row.attempt, row.to, body, row.claimed_at)

    def _words(
        self, connection: Connection, channel: Channel, alert_id: int | None, notice_id: int | None, language: str
    ) -> tuple[str, str]:
        if alert_id is None:
            assert notice_id is not None
            return self._notices.text(connection, notice_id, language, channel)
        if channel is Channel.VOICE:
            return "", self._alert_words(connection, alert_id, spoken_language(language)).spoken
        words = self._alert_words(connection, alert_id, language)
        return words.subject, (words.sms if channel is Channel.SMS else words.email)

    def _alert_words(self, connection: Connection, alert_id: int, language: str) -> AlertWords:
        key = (alert_id, language)
        if key not in self._texts:
            self._texts[key] = alert_words(connection, alert_id, language)
        return self._texts[key]


@dataclass(frozen=True, slots=True)
class AlertWords:
    """The frozen words of an alert in one language."""

    sms: str
    subject: str
    email: str
    spoken: str


def alert_words(connection: Connection, alert_id: int, language: str) -> AlertWords:
    """Raises LookupError when the alert has none in that language."""
    row = connection.execute(
        select(ALERT_TEXT).where(ALERT_TEXT.c.alert_id == alert_id, ALERT_TEXT.c.language == language)
    ).one_or_none()
    if row is None:
        raise LookupError(f"alert {alert_id} has no text in {language}")
    return AlertWords(row.sms, row.subject, row.email, row.spoken or row.sms)
