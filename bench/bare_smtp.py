"""The yardstick of e-mail: aiosmtplib on connections that stay open, with mails whose bytes were made beforehand.

    python bench/bare_smtp.py PORT COUNT CONNECTIONS SUBJECT BODY

Says "ready", waits for a line, sends, and prints when it began and ended (seconds of the machine's
monotonic clock) and the processor time it used.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from email.utils import formatdate

import aiosmtplib

from providers.mime import Writer, mail_frame

SENDER = "bench@example.com"


def prepare(subject: str, body: str, recipients: Sequence[str]) -> list[bytes]:
    """The bytes of a mail to each of them, as Beredskap writes it: text and HTML, a Message-ID and a date."""
    frame, now = mail_frame(Writer(SENDER, ""), subject, body, "nb", True), formatdate()
    return [
        f"To: {to}\r\nMessage-ID: <delivery-{number}@example.com>\r\nDate: {now}\r\n".encode() + frame
        for number, to in enumerate(recipients)
    ]


async def main(port: int, count: int, connections: int, subject: str, body: str) -> None:
    recipients = [f"g{number}@example.com" for number in range(count)]
    prepared = prepare(subject, body, recipients)
    clients = [aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) for _ in range(connections)]
    await asyncio.gather(*(client.connect() for client in clients))
    numbers = iter(range(count))

    async def one_connection(client: aiosmtplib.SMTP) -> None:
        for number in numbers:
            await client.sendmail(SENDER, [recipients[number]], prepared[number])

    print("ready", flush=True)
    sys.stdin.readline()
    began, used = time.monotonic(), time.process_time()
    await asyncio.gather(*(one_connection(client) for client in clients))
    ended, used = time.monotonic(), time.process_time() - used
    print(json.dumps({"sent": count, "began": began, "ended": ended, "cpu": used}), flush=True)
    await asyncio.gather(*(client.quit() for client in clients))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]))
