"""One connection to a mail server that is ready for mail: which answer belongs to which command of which mail.

Where the server announces PIPELINING (RFC 2920), MAIL, RCPT and DATA leave as one group, and the text of one mail in
one group with the envelope of the next: one round trip a mail. Otherwise every command waits for its answer. Either
way the text of a mail leaves only after the server's 354 to that very mail, and at most two mails are under way: one
whose text was handed over, and behind it one of which the server knows the envelope alone.

Answers are told apart by their order alone. So whatever does not fit the order ends the connection: it is never
guessed which answer was meant.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from contextlib import suppress
from enum import Enum, IntEnum
from typing import Protocol, cast

import aiosmtplib

from providers.base import Accepted, Outcome
from providers.errors import own_outcome, smtp_outcome
from providers.smtp_alarm import Alarm
from providers.smtp_mail import OutgoingMail
from providers.smtp_replies import Reply, ReplyReader

_QUEUED_AS = re.compile(rb"(?:queued as|id=)\s*([A-Za-z0-9._-]{4,40})")
_LEAVE_SECONDS = 1.0

_DONE = 250
_GO_ON = 354
# RFC 5321: the server closes the connection; on one that was used before, the sign that it stood idle for too long.
_GOING_AWAY = 421


class _Stage(IntEnum):
    """What an answer is awaited to."""

    RESET = 0
    SENDER = 1
    RECIPIENT = 2
    DATA = 3
    TEXT = 4


class _End(Enum):
    """Why a connection ended: the code of a mail whose text was not handed over, and of one whose text was."""

    LOST = ("lost_before_sending", "connection_lost")
    LATE = ("answered_late", "read_timeout")
    IRREGULAR = ("lost_before_sending", "bad_answer")


_ENVELOPE = (_Stage.SENDER, _Stage.RECIPIENT, _Stage.DATA)
_POSITIVE = {
    _Stage.RESET: frozenset({_DONE}),
    _Stage.SENDER: frozenset({_DONE}),
    _Stage.RECIPIENT: frozenset({_DONE, 251}),
    _Stage.DATA: frozenset({_GO_ON}),
}


class Keeper(Protocol):
    """Whoever gives the connection its mails."""

    def next_mail(self, session: SmtpSession) -> OutgoingMail | None:
        """The next mail for a connection on which nothing is under way."""
        ...

    def mail_to_follow(self, session: SmtpSession) -> OutgoingMail | None:
        """A mail whose envelope can go along with the text of the one before it."""
        ...

    def rests(self, session: SmtpSession) -> None:
        """Nothing is under way on this connection, and there was no next mail."""
        ...

    def gone(self, session: SmtpSession, unsent: OutgoingMail | None) -> None:
        """The connection has ended. `unsent`: a mail that certainly did not leave and can take another connection."""
        ...


class SmtpSession(asyncio.Protocol):
    """Takes over a connection that aiosmtplib has made, secured and logged in."""

    def __init__(
        self, client: aiosmtplib.SMTP, keeper: Keeper, *, timeout_seconds: float, pipelining: bool = True
    ) -> None:
        assert client.protocol is not None
        assert client.transport is not None
        self.smtputf8 = client.supports_extension("smtputf8")
        self._pipelining = pipelining and client.supports_extension("pipelining")
        self._client = client
        self._first_protocol = client.protocol
        self._transport = cast(asyncio.Transport, client.transport)
        self._keeper = keeper
        self._timeout = timeout_seconds
        self._loop = asyncio.get_running_loop()
        self._replies = ReplyReader()
        self._awaited: deque[_Stage] = deque()
        self._unwritten: deque[tuple[_Stage, bytes]] = deque()
        self._text: OutgoingMail | None = None
        self._envelope: OutgoingMail | None = None
        self._refusal: Outcome | None = None
        self._begun = 0
        self._to_reset = False
        self._ending = False
        self._over = False
        self._until = 0.0
        self._alarm = Alarm(self._ring)
        self._transport.set_protocol(self)

    @property
    def fresh(self) -> bool:
        """No mail was ever tried on it, so it cannot have stood idle for too long."""
        return not self._begun

    def work(self) -> None:
        """Begin with the next mail, or rest. Only while nothing is under way."""
        if self._ending:
            return
        mail = self._keeper.next_mail(self)
        if mail is None:
            self._keeper.rests(self)
        else:
            self._transport.write(self._begin(mail))

    def given_up(self) -> None:
        """End the connection when nobody waits for anything on it; otherwise the others' mails go on."""
        if all(mail is None or mail.over for mail in (self._text, self._envelope)):
            self._break_off(_End.LOST)

    async def leave(self) -> None:
        """Say QUIT and close; only while nothing is under way."""
        self._over = True
        self._transport.set_protocol(self._first_protocol)
        # The server may be gone or slow; the connection is closed all the same.
        with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            await self._client.quit(timeout=_LEAVE_SECONDS)
        self._client.close()

    def abort(self) -> None:
        self._break_off(_End.LOST)

    # What the transport tells.

    def data_received(self, data: bytes) -> None:
        replies = self._replies.feed(data)
        # These bytes left the server before it saw what is written from here on: they answer nothing but what was
        # awaited already. When there is too much of them, the connection ends, and no text leaves on it any more.
        self._ending = self._replies.bad or len(replies) > len(self._awaited)
        for reply in replies:
            if not self._awaited or self._over:
                break
            self._answered(reply)
        if self._ending:
            self._break_off(_End.IRREGULAR)

    def connection_lost(self, exc: Exception | None) -> None:
        self._break_off(_End.LOST)

    # One mail after the other.

    def _begin(self, mail: OutgoingMail) -> bytes:
        """Start on a mail's envelope; returns what is to be written now."""
        self._begun += 1
        self._envelope = mail
        mail.carrier = self
        if self._text is None:
            self._turn_of(mail)
        reset, self._to_reset = self._to_reset, False
        if self._pipelining:
            if reset:
                self._awaited.append(_Stage.RESET)
            self._awaited.extend(_ENVELOPE)
            return b"RSET\r\n" + mail.envelope if reset else mail.envelope
        if reset:
            self._unwritten.append((_Stage.RESET, b"RSET\r\n"))
        self._unwritten.extend(zip(_ENVELOPE, mail.envelope.splitlines(keepends=True), strict=True))
        return self._next_command()

    def _next_command(self) -> bytes:
        stage, command = self._unwritten.popleft()
        self._awaited.append(stage)
        return command

    def _answered(self, reply: Reply) -> None:
        stage = self._awaited.popleft()
        if stage is _Stage.TEXT:
            self._text_answered(reply)
        elif reply.code in _POSITIVE[stage]:
            if stage is _Stage.DATA:
                self._hand_over()
            elif self._unwritten:
                self._transport.write(self._next_command())
        elif reply.code >= 400 and stage is not _Stage.RESET:
            self._refused(stage, reply)
        else:
            self._break_off(_End.IRREGULAR)

    def _hand_over(self) -> None:
        """The server said 354: from here on it may have the mail."""
        mail = self._envelope
        assert mail is not None
        if self._refusal or mail.over or self._ending or self._transport.is_closing():
            # Refused before, given up, or on its way to nowhere. To end without the final dot leaves nothing behind
            # (RFC 5321 4.1.1.4).
            self._break_off(_End.IRREGULAR)
            return
        self._envelope, self._text = None, mail
        self._awaited.append(_Stage.TEXT)
        follower = self._keeper.mail_to_follow(self) if self._pipelining else None
        self._transport.write(b"".join((mail.head, mail.text, self._begin(follower) if follower else b"")))

    def _text_answered(self, reply: Reply) -> None:
        mail = self._text
        assert mail is not None
        self._text = None
        mail.settle(_outcome_of_text(reply, mail.reference))
        if reply.code != _DONE and (reply.code < 400 or reply.code == _GOING_AWAY):
            self._break_off(_End.IRREGULAR)
        elif self._envelope is None:
            self.work()
        else:
            self._turn_of(self._envelope)

    def _refused(self, stage: _Stage, reply: Reply) -> None:
        mail = self._envelope
        assert mail is not None
        if self._refusal is None and (reply.code != _GOING_AWAY or self._begun == 1):
            self._refusal = smtp_outcome(reply.code, reply.text, our_sender=stage is _Stage.SENDER)
        if reply.code == _GOING_AWAY:
            self._break_off(_End.LOST)
            return
        self._unwritten.clear()
        if not self._awaited and self._refusal is not None:  # the answers to what was sent along have come as well
            mail.settle(self._refusal)
            self._envelope = self._refusal = None
            self._to_reset = True
            self.work()

    # The end, and time.

    def _break_off(self, end: _End) -> None:
        """End the connection, and give each mail under way its outcome.

        One that was not handed over, on a connection that was used before, is tried once more on a new one. Not so
        when the server just does not answer it: it would let the new one wait as well.
        """
        if self._over:
            return
        self._over = True
        self._transport.abort()
        self._alarm.cancel()
        envelope, text = self._envelope, self._text
        before, after = end.value
        if text is not None:
            text.settle(own_outcome(after))
        unsent = None
        if envelope is not None and not envelope.over:
            if self._refusal is not None:
                envelope.settle(self._refusal)
            elif self._begun > 1 and (text is not None or end is not _End.LATE):
                unsent = envelope
            else:
                envelope.settle(own_outcome(before))
        self._keeper.gone(self, unsent)

    def _turn_of(self, mail: OutgoingMail) -> None:
        """From now on it is this mail that the server lets wait."""
        self._until = min(self._loop.time() + self._timeout, mail.end_by)
        self._alarm.set(self._until)

    def _ring(self) -> None:
        if self._text is None and self._envelope is None:
            return
        if self._loop.time() < self._until:
            self._alarm.set(self._until)
        else:
            self._break_off(_End.LATE)


def _outcome_of_text(reply: Reply, reference: str) -> Outcome:
    """The answer to the final dot. The reference is the server's queue id when it names one."""
    if reply.code != _DONE:
        return smtp_outcome(reply.code, reply.text)
    queued = _QUEUED_AS.search(reply.lines)
    return Accepted(queued.group(1).decode("ascii") if queued else reference)
