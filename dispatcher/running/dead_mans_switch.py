"""The dead man's switch: an address that is asked for regularly, and whose watcher raises the alarm when it is not."""

from __future__ import annotations

import structlog
from pydantic import SecretStr

log = structlog.get_logger(__name__)

_TIMEOUT_SECONDS = 5.0


async def ping(url: SecretStr) -> bool:
    """Ask for the address; whether it answered well. Never raises: what is watched must not suffer from its watcher.

    The address is a secret, and stands in no log: whoever knows it could keep the alarm away.
    """
    import aiohttp  # half a second of start, which only a process that pings needs

    try:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url.get_secret_value()) as answer:
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        # Its text would name the address.
        log.warning("dead_mans_switch_not_reached", error=type(error).__name__)
        return False
    if status >= 300:
        log.warning("dead_mans_switch_refused", status=status)
        return False
    return True
