"""Loaded by the processes of one test: libraries that have a fault which one address brings out."""

from __future__ import annotations

import encodings.idna
import os
from typing import Any

from loopback import install
from twilio.base.version import Version

install()
NUMBER = os.environ["TEST_CRASHING_NUMBER"]
LABEL = os.environ["TEST_CRASHING_LABEL"]
create, to_ascii = Version.create_async, encodings.idna.ToASCII


async def create_async(self: Version, method: str, uri: str, *, data: dict[str, Any], **more: Any) -> Any:
    if data["To"] == NUMBER:
        raise RuntimeError("a fault of the library")
    return await create(self, method, uri, data=data, **more)


def ToASCII(label: str) -> bytes:  # noqa: N802 (the library's own name)
    if label == LABEL:
        raise RuntimeError("a fault of the library")
    return to_ascii(label)


Version.create_async = create_async
encodings.idna.ToASCII = ToASCII
