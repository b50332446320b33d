"""An SMS that somebody sent to one of our numbers, as Twilio tells of it; answered with TwiML, which may hold a reply.

https://www.twilio.com/docs/messaging/guides/webhook-request · https://www.twilio.com/docs/messaging/twiml
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from sqlalchemy import Connection
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from twilio.twiml.messaging_response import MessagingResponse

from config.catalogue import LANGUAGES, load_catalogue
from config.database import Database
from config.sections import Language
from config.settings import Settings
from dispatcher.answers.taking import Inbound, Reply, take_answer
from portal.arrivals import Gathering, NotStored
from portal.twilio_signature import Complaint, NotBelieved, TwilioSignature, try_again

# `provider`: the account whose number it is; each has a token of its own.
PATH: Final = "/callbacks/{provider}/answers"

_SID: Final = re.compile(r"[A-Za-z]{2}[0-9A-Za-z]{1,62}")
# Some senders have a name instead of a number, or a short one.
_FROM: Final = re.compile(r"[^\r\n\0]{1,64}")
_SPEAKER: Final = "{school}"


class TwilioAnswers:
    """What comes in at the numbers of one account. Only messages to our own senders are taken."""

    def __init__(self, signature: TwilioSignature, provider: str, settings: Settings, database: Database) -> None:
        """Raises UsageError when the message catalogue cannot be used."""
        self._signature = signature
        self._provider = provider
        accounts = (settings.sms, settings.sms_backup)
        senders = (sender for one in accounts for sender in (one.sender, one.routine_sender))
        self._senders = {_plain(sender) for sender in senders if sender}
        self._organisation = settings.organisation
        extra = settings.organisation.messages_dir
        self._catalogue = load_catalogue(Path(extra) if extra else None)
        # A transaction each: an act is to be recorded last, when nothing else is waited for any more.
        self._answers = Gathering[Inbound, Reply | None](
            database, self._take_all, name="answers", gather_seconds=0.0, batch=1
        )
        self._strangers = Complaint("an SMS to a number that is no sender in the settings was not taken")

    def routes(self) -> list[Route]:
        path = PATH.replace("{provider}", self._provider)
        return [Route(each, self._take, methods=["POST"]) for each in self._signature.paths(path)]

    def close(self) -> None:
        self._answers.close()

    async def _take(self, request: Request) -> Response:
        url = self._signature.base_url + PATH.replace("{provider}", self._provider)
        try:
            form = await self._signature.form(request, url)
        except NotBelieved as stranger:
            return stranger.response
        inbound = _inbound(form)
        if inbound is None:
            return PlainTextResponse("no message", 400)
        if not self._is_ours(form):
            self._strangers.note()
            return _twiml("")
        try:
            reply = await self._answers.store(inbound)
        except NotStored:
            return try_again()
        return _twiml("" if reply is None else self._words(reply))

    def _take_all(self, connection: Connection, batch: Sequence[Inbound]) -> list[Reply | None]:
        return [take_answer(connection, self._provider, one) for one in batch]

    def _is_ours(self, form: ImmutableMultiDict[str, str]) -> bool:
        return not self._senders.isdisjoint(_plain(form.get(name, "")) for name in ("To", "MessagingServiceSid"))

    def _words(self, reply: Reply) -> str:
        known = reply.language in LANGUAGES
        language = cast(Language, reply.language) if known else self._organisation.default_language
        speaker = reply.school or self._organisation.name or "Beredskap"
        return self._catalogue.phrase(reply.phrase, language).text.replace(_SPEAKER, speaker)


def _inbound(form: ImmutableMultiDict[str, str]) -> Inbound | None:
    """The message; None when it is none."""
    sid, number = form.get("MessageSid", ""), form.get("From", "")
    if not _SID.fullmatch(sid) or not _FROM.fullmatch(number):
        return None
    return Inbound(sid, number, form.get("Body", ""), form.get("OptOutType", ""))


def _plain(sender: str) -> str:
    return sender.replace(" ", "").casefold()


def _twiml(reply: str) -> Response:
    response = MessagingResponse()
    if reply:
        response.message(reply)
    return Response(str(response), media_type="text/xml")
