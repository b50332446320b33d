"""The yardstick of SMS: the async client of the `twilio` package in a loop, and nothing else.

    python bench/bare_twilio.py URL COUNT CONNECTIONS BODY [CALLBACK]

Says "ready", waits for a line, sends, and prints when it began and ended (seconds of the machine's
monotonic clock) and the processor time it used.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time

from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client


async def main(url: str, count: int, connections: int, body: str, callback: str = "") -> None:
    # As any sender would have it: the library writes every number at INFO.
    logging.getLogger("twilio").setLevel(logging.WARNING)
    http = AsyncTwilioHttpClient()
    client = Client("AC00000000000000000000000000000001", "bench", http_client=http)
    client.api.base_url = url
    form = {"from_": "BENCH", "body": body, "validity_period": 7200}
    numbers = iter(range(count))

    async def one_connection() -> None:
        for number in numbers:
            if callback:
                form["status_callback"] = f"{callback}/callbacks/twilio/status/{number}/1"
            await client.messages.create_async(to=f"+47{90_000_000 + number}", **form)

    print("ready", flush=True)
    sys.stdin.readline()
    began, used = time.monotonic(), time.process_time()
    await asyncio.gather(*(one_connection() for _ in range(connections)))
    ended, used = time.monotonic(), time.process_time() - used
    print(json.dumps({"sent": count, "began": began, "ended": ended, "cpu": used}), flush=True)
    await http.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]))
