"""What Beredskap is compared with: bare clients in as many processes, and the load generators as physical reference.

All rates in messages a second.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from bench.bare_smtp import SENDER as MAIL_SENDER
from bench.bare_smtp import prepare
from bench.installation import CALLBACK_BASE_URL, SENDER, MeasurementError, environment
from bench.one_alert import DisagreementError, FarEnd, Words
from bench.servers import MailFarEnd, SmsFarEnd, tool
from providers.base import Channel
from providers.twilio_create import CALLBACK_OVERRIDES


@dataclass(frozen=True, slots=True)
class Bare:
    """`cpu`: seconds of processor time for each message, in the clients alone."""

    rate: float
    cpu: float


# Part of a rate by which two clocks may differ: connections are made before the first message arrives.
_CLOCKS_DIFFER = 0.15
_HERE = Path(__file__).resolve().parent


def bare_twilio(far_end: SmsFarEnd, count: int, words: Words, *, connections: int, processes: int) -> Bare:
    """The twilio package's async client, posting the form that we post."""
    share = str(count // processes)
    command = ["bare_twilio.py", far_end.url, share, str(connections), words.sms, CALLBACK_BASE_URL]
    before = _at_rest(far_end)
    bare = _in_processes(command, processes)
    _check_taken("twilio's async client", before, far_end, count // processes * processes)
    _check_moments("twilio's async client", far_end, before, bare.rate)
    return bare


def bare_smtp(far_end: MailFarEnd, count: int, words: Words, *, connections: int, processes: int) -> Bare:
    """aiosmtplib with prepared bytes on pooled connections."""
    share = str(count // processes)
    command = ["bare_smtp.py", str(far_end.port), share, str(connections), words.subject, words.email]
    before = _at_rest(far_end)
    bare = _in_processes(command, processes)
    _check_taken("bare aiosmtplib", before, far_end, count // processes * processes)
    return bare


def wrk(far_end: SmsFarEnd, words: Words, *, connections: int, seconds: int = 5) -> float:
    """`wrk` posting the same form as fast as it can."""
    form = {
        "To": "+4790000001",
        "From": SENDER,
        "Body": words.sms,
        "ValidityPeriod": "7200",
        "StatusCallback": f"{CALLBACK_BASE_URL}/callbacks/twilio/status/1/1{CALLBACK_OVERRIDES}",
    }
    script = (
        'wrk.method = "POST"\n'
        f"wrk.body = {json.dumps(urlencode(form))}\n"
        'wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"\n'
        'wrk.headers["Authorization"] = "Basic QUM6YmVuY2g="\n'
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        url = f"{far_end.url}/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json"
        command = [tool("wrk"), "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "-s", file.name, url]
        before = _at_rest(far_end)
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    made, rate = re.search(r"(\d+) requests in", printed), re.search(r"Requests/sec:\s*([\d.]+)", printed)
    if made is None or rate is None or "Non-2xx" in printed or "Socket errors" in printed:
        raise DisagreementError(f"wrk did not go as it must:\n{printed}")
    # What is under way when wrk stops has been taken, and is not among its requests.
    _check_taken("wrk", before, far_end, int(made[1]), under_way=connections)
    _check_moments("wrk", far_end, before, float(rate[1]))
    return float(rate[1])


def smtp_source(far_end: MailFarEnd, count: int, words: Words, *, connections: int) -> float:
    """Postfix's `smtp-source` handing over mails of the same size, on connections that stay open."""
    size = len(prepare(words.subject, words.email, ["g1@example.com"])[0])
    command = [
        tool("smtp-source"), "-d", "-s", str(connections), "-m", str(count), "-l", str(size), "-f", MAIL_SENDER,
        "-t", "g1@example.com", f"127.0.0.1:{far_end.port}",
    ]  # fmt: skip
    before = _at_rest(far_end)
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.monotonic() - began
    _check_taken("smtp-source", before, far_end, count)
    return count / seconds


def _at_rest(far_end: SmsFarEnd | MailFarEnd) -> int:
    channel = Channel.SMS if isinstance(far_end, SmsFarEnd) else Channel.EMAIL
    return FarEnd(channel, lambda: far_end.taken).at_rest()


def _check_taken(who: str, before: int, far_end: SmsFarEnd | MailFarEnd, sent: int, *, under_way: int = 0) -> None:
    """A yardstick counts by the same rule as we do: what it says to have sent has arrived."""
    arrived = _at_rest(far_end) - before
    if not sent <= arrived <= sent + under_way:
        raise DisagreementError(f"{who} says {sent:,} messages, and {arrived:,} arrived")


def _check_moments(who: str, far_end: SmsFarEnd, before: int, rate: float) -> None:
    """The far end's own clock tells the same rate."""
    last = far_end.taken - 1
    seconds = far_end.moment(last) - far_end.moment(before)
    seen = (last - before) / seconds if seconds else float("inf")
    if abs(seen / rate - 1) > _CLOCKS_DIFFER:
        raise DisagreementError(f"{who} says {rate:,.0f}/s, and by the far end's clock it was {seen:,.0f}/s")


def _in_processes(command: Sequence[str], processes: int) -> Bare:
    """Run the same script in several processes that start to send at the same time; what they do together."""
    running = [
        subprocess.Popen(
            [sys.executable, str(_HERE / command[0]), *command[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for _ in range(processes)
    ]
    try:
        for one in running:
            assert one.stdout is not None
            if one.stdout.readline() != "ready\n":
                raise MeasurementError(f"{command[0]} did not start")
        results = [_result(one) for one in _told_to_go(running)]
    finally:
        for one in running:
            one.kill()
            one.wait()
    sent = sum(result["sent"] for result in results)
    seconds = max(result["ended"] for result in results) - min(result["began"] for result in results)
    return Bare(sent / seconds, sum(result["cpu"] for result in results) / sent)


def _told_to_go(running: Sequence[subprocess.Popen[str]]) -> Sequence[subprocess.Popen[str]]:
    for one in running:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    return running


def _result(process: subprocess.Popen[str]) -> dict[str, float]:
    assert process.stdout is not None
    answer: dict[str, float] = json.loads(process.stdout.readline())
    return answer
