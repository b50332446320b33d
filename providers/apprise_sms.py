"""SMS through any service that Apprise knows: the last resort, because it only ever answers yes or no.

https://appriseit.com/services/ lists the services and how their addresses are written. "Yes" is accepted, without a
reference that could be asked for. "No" may be a refusal or an answer that got lost: nobody can tell, and so the message
stays unknown and is not sent again.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from config.sections import LastResortSettings
from providers.base import Accepted, Channel, LookupFailed, LookupQuery, Message, Outcome, Receipt, Unknown
from providers.errors import own_outcome

# Where the address names the recipient.
RECIPIENT = "{to}"
# To see whether the address can be used at all; nothing is sent to it.
_NOBODY = "+4799999999"


class AppriseSms:
    """One service; the contract is `providers.base.Provider`."""

    name = "apprise"
    channel = Channel.SMS
    can_look_up = False

    def __init__(self, *, url: str, timeout_seconds: float) -> None:
        from apprise import AppriseAsset
        from apprise.common import PersistentStoreMode

        self.call_seconds = 2 * timeout_seconds
        self._url = url
        self._timeout_seconds = timeout_seconds
        # Nothing is kept on disk, tried again or filled in by the library: one call is one message as it was written.
        self._asset = AppriseAsset(
            storage_mode=PersistentStoreMode.MEMORY,
            allow_templates=False,
            default_service_retry=0,
            http_redirects=False,
        )

    @classmethod
    def from_settings(cls, last_resort: LastResortSettings) -> AppriseSms:
        return cls(url=last_resort.url.get_secret_value(), timeout_seconds=last_resort.timeout_seconds)

    async def send(self, message: Message) -> Outcome:
        """Hand one message to the service."""
        service = self._service(message.to)
        if service is None:
            return own_outcome("not_configured")
        try:
            async with asyncio.timeout(self.call_seconds):
                taken = await service.async_notify(body=message.body)
        except TimeoutError:
            # The library's thread cannot be ended: the message may still leave.
            return own_outcome("read_timeout")
        return Accepted(None) if taken is True else Unknown("said_no")

    async def look_up(self, queries: list[LookupQuery], taken: frozenset[str]) -> dict[tuple[int, int], Receipt]:
        """Apprise keeps no list. Raises LookupFailed, as nothing may be concluded."""
        raise LookupFailed("no_look_up")

    async def receipts(self, references: list[str]) -> list[Receipt]:
        """It has none to ask for."""
        return []

    async def check(self) -> None:
        """Whether the address in the settings is one that Apprise knows; the service itself is not asked."""
        if self._service(_NOBODY) is None:
            raise LookupFailed("not_configured")

    async def close(self) -> None:
        """Nothing is kept open between messages."""

    def _service(self, to: str) -> Any:
        """The service with this recipient; None when Apprise does not know the address."""
        from apprise import Apprise

        service = Apprise.instantiate(self._url.replace(RECIPIENT, quote(to, safe="")), asset=self._asset)
        if service is None:
            return None
        service.socket_connect_timeout = service.socket_read_timeout = self._timeout_seconds
        return service
