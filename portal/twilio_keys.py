"""A key that was pressed in a call, as Twilio tells of it; answered with TwiML, with which the call goes on.

https://www.twilio.com/docs/voice/twiml/gather#action
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from config.database import Database
from dispatcher.answers.keys import Pressed, Said, take_key
from portal.arrivals import Gathering, NotStored
from portal.twilio_callbacks import ATTEMPT, DELIVERY_ID, SID
from portal.twilio_signature import NotBelieved, TwilioSignature, try_again
from providers.spoken import VoiceWords
from providers.twilio_create import CALLBACK_OVERRIDES
from providers.twilio_voice_words import confirmed_twiml, message_twiml

PATH: Final = "/callbacks/{provider}/keys/{delivery_id}/{attempt}"
_KEY: Final = re.compile(r"[0-9*#]?")


class TwilioKeys:
    """The keys of the calls of one account."""

    def __init__(
        self, signature: TwilioSignature, provider: str, words: Mapping[str, VoiceWords], database: Database
    ) -> None:
        self._signature = signature
        self._provider = provider
        self._words = words
        # A transaction each: whoever pressed a key waits for what is said.
        self._keys = Gathering[Pressed, Said | None](database, self._take_all, name="keys", gather_seconds=0.0, batch=1)

    def routes(self) -> list[Route]:
        path = PATH.replace("{provider}", self._provider)
        return [Route(each, self._take, methods=["POST"]) for each in self._signature.paths(path)]

    def close(self) -> None:
        self._keys.close()

    async def _take(self, request: Request) -> Response:
        delivery_id, attempt = request.path_params["delivery_id"], request.path_params["attempt"]
        if not DELIVERY_ID.fullmatch(delivery_id) or not ATTEMPT.fullmatch(attempt):
            return PlainTextResponse("Not Found", 404)
        url = self._url(int(delivery_id), int(attempt))
        try:
            form = await self._signature.form(request, url)
        except NotBelieved as stranger:
            return stranger.response
        sid, key = form.get("CallSid", ""), form.get("Digits", "")
        if not SID.fullmatch(sid) or not _KEY.fullmatch(key):
            return PlainTextResponse("no key of a call", 400)
        try:
            said = await self._keys.store(Pressed(sid, int(delivery_id), int(attempt), key))
        except NotStored:
            return try_again()
        if said is None:
            return PlainTextResponse("Not Found", 404)
        if said.text is None:
            return _twiml(confirmed_twiml(said.language, self._words))
        return _twiml(message_twiml(said.text, said.language, self._words, url + CALLBACK_OVERRIDES))

    def _url(self, delivery_id: int, attempt: int) -> str:
        path = PATH.format(provider=self._provider, delivery_id=delivery_id, attempt=attempt)
        return self._signature.base_url + path

    def _take_all(self, connection: Connection, batch: Sequence[Pressed]) -> list[Said | None]:
        return [take_key(connection, self._provider, one) for one in batch]


def _twiml(document: str) -> Response:
    return Response(document, media_type="text/xml")
