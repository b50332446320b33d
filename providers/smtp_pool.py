"""A few SMTP connections that are opened when needed and used again, and the mails that wait for one of them."""

from __future__ import annotations

import asyncio
from collections import deque

from providers.base import Deferred, Outcome
from providers.errors import own_outcome
from providers.smtp_alarm import Alarm
from providers.smtp_mail import OutgoingMail
from providers.smtp_server import NotConnected, SmtpServerAddress, connect
from providers.smtp_session import SmtpSession

# A server that took some connections and refused one more is not asked for another before this has passed.
_ENOUGH_SECONDS = 5.0


class SmtpPool:
    """At most `size` connections at a time; the one used last is used next, so that surplus ones grow old and go.

    Mails leave in the order they came, but for one that was under way on a connection which turned out to be closed:
    that one comes first, on a new connection. `pipelining`: False to wait for every answer, whatever the server offers.
    """

    def __init__(
        self, server: SmtpServerAddress, *, size: int, timeout_seconds: float, pipelining: bool = True
    ) -> None:
        self._server = server
        self._size = size
        self._timeout = timeout_seconds
        self._pipelining = pipelining
        self._waiting: deque[OutgoingMail] = deque()
        self._again: deque[OutgoingMail] = deque()
        self._sessions: set[SmtpSession] = set()
        self._idle: list[SmtpSession] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._enough_until = 0.0
        self._alarm = Alarm(self._ring)

    async def deliver(self, mail: OutgoingMail) -> Outcome:
        """Hand a mail over. Ends by `mail.end_by`. When cancelled, the mail leaves no more than it already has."""
        self._waiting.append(mail)
        self._alarm.set(mail.wait_until)
        self._serve()
        try:
            return await mail.ended
        except asyncio.CancelledError:
            if mail.carrier is not None:
                mail.carrier.given_up()
            raise

    async def close(self) -> None:
        """Take leave of every idle connection, and end the others."""
        for session in self._sessions.difference(self._idle):
            session.abort()
        for opening in self._opening:
            opening.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        self._opening.clear()
        self._end_all(Deferred("lost_before_sending"))
        self._alarm.cancel()
        idle, self._idle = self._idle, []
        self._sessions.difference_update(idle)
        await asyncio.gather(*(session.leave() for session in idle))

    # What the connections ask and tell: smtp_session.Keeper.

    def next_mail(self, session: SmtpSession) -> OutgoingMail | None:
        if session.fresh and (mail := _first(self._again, session)) is not None:
            return mail
        return _first(self._waiting, session)

    def mail_to_follow(self, session: SmtpSession) -> OutgoingMail | None:
        """None while a connection is being opened: a mail of its own is better than a place in a queue."""
        return None if self._opening else _first(self._waiting, session)

    def rests(self, session: SmtpSession) -> None:
        self._idle.append(session)

    def gone(self, session: SmtpSession, unsent: OutgoingMail | None) -> None:
        self._sessions.discard(session)
        if session in self._idle:
            self._idle.remove(session)
        if unsent is not None:
            unsent.carrier = None
            self._again.append(unsent)
            self._alarm.set(unsent.end_by)
        self._serve()

    # Opening.

    def _serve(self) -> None:
        """See to it that what waits is taken by an idle connection, or that one is being opened."""
        while self._idle and self._waiting:
            self._idle.pop().work()
        room = self._size - len(self._sessions) - len(self._opening)
        if room <= 0:
            return
        wanted = len(self._again)
        alone = not (self._sessions or self._opening)
        if alone or asyncio.get_running_loop().time() >= self._enough_until:
            wanted += len(self._waiting)
        for _ in range(min(room, wanted - len(self._opening))):
            opening = asyncio.create_task(self._open())
            self._opening.add(opening)

    async def _open(self) -> None:
        this = asyncio.current_task()
        assert this is not None
        try:
            client = await connect(self._server, self._timeout)
        except NotConnected as refused:
            self._opening.discard(this)
            self._not_opened(Deferred(refused.code))
        except Exception as fault:  # noqa: BLE001 (a fault of the program: whoever waits for it gets to see it)
            self._opening.discard(this)
            self._end_all(fault)
        else:
            self._opening.discard(this)
            session = SmtpSession(client, self, timeout_seconds=self._timeout, pipelining=self._pipelining)
            self._sessions.add(session)
            session.work()
        self._serve()

    def _not_opened(self, refused: Deferred) -> None:
        """A refused greeting or log-in says nothing about a recipient: whatever its number, it defers."""
        if self._again:
            self._again.popleft().settle(refused)
        if self._sessions or self._opening:
            self._enough_until = asyncio.get_running_loop().time() + _ENOUGH_SECONDS
        else:
            self._end_all(refused)

    def _end_all(self, end: Outcome | Exception) -> None:
        """Give this end to every mail that waits."""
        while mails := self._again or self._waiting:
            mail = mails.popleft()
            if not isinstance(end, Exception):
                mail.settle(end)
            elif not mail.over:
                mail.ended.set_exception(end)

    def _ring(self) -> None:
        """Time is up for a mail that waits."""
        now = asyncio.get_running_loop().time()
        late = Deferred("too_busy" if self._sessions else "connect_timeout")
        # The others came later, and have longer.
        while self._waiting and (self._waiting[0].over or self._waiting[0].wait_until <= now):
            self._waiting.popleft().settle(late)
        for mail in [mail for mail in self._again if mail.end_by <= now]:
            self._again.remove(mail)
            mail.settle(late)
        if self._waiting:
            self._alarm.set(self._waiting[0].wait_until)
        if self._again:
            self._alarm.set(min(mail.end_by for mail in self._again))


def _first(mails: deque[OutgoingMail], session: SmtpSession) -> OutgoingMail | None:
    """The first mail that somebody still waits for and that this connection can carry."""
    while mails:
        mail = mails.popleft()
        if mail.over:
            continue
        if not mail.smtputf8 or session.smtputf8:
            return mail
        mail.settle(own_outcome("smtputf8_missing"))
    return None
