"""Does an alert wait for reminders? The first SMS of an alert with 100,000 reminders waiting, against none waiting.

    python bench/lane_isolation.py                                  100,000 reminders; some minutes
    python bench/lane_isolation.py --reminders 2000 --alerts 3      a small one, in two minutes

Real PostgreSQL and Redis, one worker for each lane, and the sandbox as the provider: it keeps one first-in-first-out
queue for each sender, which passes so many segments a second, as real providers do. The reminders stand in line as
`beredskap remind run` puts them there, and each is looked at again when it leaves. Three things are measured in turn,
each with the same alerts to a small school: no reminders; reminders by a sender of their own; reminders by the alerts'
sender.

"Handed over": from the confirmation until the far end has the alert's first SMS. "Left": until that SMS has left the
sender's queue at the far end. The alert makes two SMS. Clocks are those of one machine; the far end is looked at a
hundred times a second or so.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

from sqlalchemy import func, insert, literal, select, text

from bench.fill import School
from bench.installation import SENDER, Installation, MeasurementError, command, environment
from bench.one_alert import confirm
from bench.servers import MissingToolError, check_tools
from bench.stage import Sizes, Stage
from config.clock import db_now, plus_seconds
from contacts.tables import CONTACT_POINT, ENROLMENT, GUARDIANSHIP
from dispatcher.codes import DeliveryState, Lane, NoticeKind
from dispatcher.tables import DELIVERY, NOTICE
from providers.sandbox.server import ACCOUNT_SID, AUTH_TOKEN
from tests.services.server import die_with_parent
from tests.services.waiting import eventually

# Two guardians, and their numbers: the first school of a store has the first ones (bench/fill.py).
_SMALL = School("Liten vgs", 2)
_NUMBERS = ("+4790000001", "+4790000002")
_LARGE = "Stort fylke"
_OUT = Path(__file__).resolve().parent / "out"
_PATIENCE = 180.0
# Between two alerts: what stood aside for the last one is under way again.
_PAUSE_SECONDS = 4.0
_LOOK_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds, for each alert. `waiting`: reminders that waited when the first one was confirmed."""

    what: str
    waiting: int
    handed_over: tuple[float, ...]
    left: tuple[float, ...]


class Sandbox:
    """The provider, as a process."""

    def __init__(self, folder: Path, rate: float) -> None:
        ready = folder / "sandbox.json"
        self._process = subprocess.Popen(
            [*command("sandbox", "--port", "0", "--smtp-port", "0", "--rate", f"{rate:g}", "--ready-file"), str(ready)],
            env=environment(),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        eventually(ready.exists, 60, what="the sandbox is up")
        self.url = str(json.loads(ready.read_text())["sms_url"])

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def wait_for(self, words: str) -> tuple[float, float]:
        """When the first SMS with these words was seen, and when it had left its queue; seconds since 1970.

        The far end's own times are whole seconds, as the provider's are. Raises MeasurementError when it does not come.
        """
        until = time.time() + _PATIENCE
        came = 0.0
        while (now := time.time()) < until:
            found = [one for number in _NUMBERS for one in self._messages(number) if words in one["body"]]
            came = came or (now if found else 0.0)
            if any(one["date_sent"] for one in found):
                return came, now
            time.sleep(_LOOK_SECONDS)
        raise MeasurementError(f"no SMS of the alert has left within {_PATIENCE:g} s")

    def _messages(self, number: str) -> list[dict[str, str]]:
        with urlopen(f"{self.url}/sandbox/messages?{urlencode({'to': number})}") as answer:
            messages: list[dict[str, str]] = json.load(answer)["sms"]
        return messages


@contextmanager
def _workers(installation: Installation, *, routine_sender: str) -> Iterator[None]:
    """One worker for each lane. `routine_sender`: that of reminders; the alerts' own makes it a shared one."""
    settings = installation.folder / "beredskap.toml"
    lines = [one for one in settings.read_text().split("\n") if not one.startswith("routine_sender")]
    at = lines.index(f'sender = "{SENDER}"') + 1
    settings.write_text("\n".join([*lines[:at], f'routine_sender = "{routine_sender}"', *lines[at:]]))
    installation.start_workers(1)
    installation.start_workers(1, "routine")
    try:
        yield
    finally:
        installation.stop_workers()


def _installation(stage: Stage, sandbox: Sandbox, reminders: int, rate: float) -> Installation:
    large = School(_LARGE, reminders)
    made = stage.distributed(_SMALL, large, sms_url=sandbox.url, segments_per_second=rate)
    settings = made.folder / "beredskap.toml"
    written = settings.read_text().replace('auth_token = "bench"', f'auth_token = "{AUTH_TOKEN}"')
    assert ACCOUNT_SID in written
    hours = '[reminders]\non = true\nhours_from = "00:00"\nhours_to = "23:59:59"\n'
    settings.write_text(written + hours)
    with made.database.write() as connection:
        # Of the large school's guardians the phone number alone is left.
        connection.execute(
            text(
                "UPDATE contact_point SET ended_at = verified_at FROM address, guardianship, enrolment "
                "WHERE address.id = contact_point.address_id AND address.channel = 'email' "
                "AND guardianship.guardian_id = contact_point.person_id "
                "AND enrolment.student_id = guardianship.student_id AND enrolment.school_id = 2"
            )
        )
    return made


def _waiting(installation: Installation) -> int:
    with installation.database.read() as connection:
        due = select(func.count()).where(DELIVERY.c.lane == Lane.ROUTINE, DELIVERY.c.state == DeliveryState.QUEUED)
        return int(connection.execute(due).scalar_one())


def _measure(what: str, installation: Installation, sandbox: Sandbox, alerts: int) -> Measured:
    waiting = _waiting(installation)
    handed_over, left = [], []
    for number in range(alerts):
        words = f"{what}, number {number}"
        with ThreadPoolExecutor(1) as pool:
            # From before: the first SMS is there before the command that confirms has ended.
            seen = pool.submit(sandbox.wait_for, words)
            alert = confirm(installation, _SMALL.name, "sms", text=words)
            came, gone = seen.result()
        handed_over.append(came - alert.at.timestamp())
        left.append(gone - alert.at.timestamp())
        print(f"  {what}: handed over {handed_over[-1]:.3f} s, left {left[-1]:.3f} s", flush=True)
        time.sleep(_PAUSE_SECONDS)
    return Measured(what, waiting, tuple(handed_over), tuple(left))


def _remind(installation: Installation, reminders: int) -> None:
    """Put reminders in line as `beredskap remind run` does, but by two statements: the command takes its time."""
    began = time.monotonic()
    point, link, enrolment = CONTACT_POINT.c, GUARDIANSHIP.c, ENROLMENT.c
    at_large = select(link.guardian_id).join(ENROLMENT, enrolment.student_id == link.student_id)
    guardians = at_large.where(enrolment.school_id == 2).distinct().subquery()
    with installation.database.write() as connection:
        notices = select(
            literal(NoticeKind.CONTACT_REMINDER.value), guardians.c.guardian_id, literal("bench"), db_now()
        )
        connection.execute(
            insert(NOTICE).from_select(["kind", "person_id", "operator", "created_at"], notices, include_defaults=False)
        )
        values = {
            "notice_id": NOTICE.c.id,
            "address_id": point.address_id,
            "lane": literal(Lane.ROUTINE.value),
            "channel": literal("sms"),
            "round": literal(1),
            "language": literal("nb"),
            "segments": literal(1),
            "state": literal(DeliveryState.QUEUED.value),
            "due_at": db_now(),
            "expires_at": plus_seconds(db_now(), 36_000.0),
            "contacts_revision": literal(0),
            "decided_on": literal(date.min),
            **{name: literal(0) for name in ("attempt", "lost_claims", "deferrals", "repeats", "lookups")},
        }
        rows = select(*values.values()).join_from(
            NOTICE, CONTACT_POINT, (point.person_id == NOTICE.c.person_id) & point.ended_at.is_(None)
        )
        connection.execute(insert(DELIVERY).from_select(list(values), rows, include_defaults=False))
        in_line = select(func.count()).where(DELIVERY.c.lane == Lane.ROUTINE)
        made = int(connection.execute(in_line).scalar_one())
    if made != reminders:
        raise MeasurementError(f"{reminders} reminders were to be made, and it was {made}")
    print(f"  {reminders:,} reminders put in line in {time.monotonic() - began:.0f} s", flush=True)


def measure(given: argparse.Namespace) -> list[Measured]:
    """All three, one after the other, in one installation."""
    sizes = Sizes(**{name: 1 for name in Sizes.__slots__ if name != "growth"}, growth=())
    with Stage(sizes) as stage:
        sandbox = Sandbox(stage.folder, given.rate)
        try:
            installation = _installation(stage, sandbox, given.reminders, given.rate)
            with installation:
                with _workers(installation, routine_sender="BENCHINFO"):
                    found = [_measure("no reminders", installation, sandbox, given.alerts)]
                    _remind(installation, given.reminders)
                    found.append(_measure("a sender of their own", installation, sandbox, given.alerts))
                with _workers(installation, routine_sender=SENDER):
                    found.append(_measure("the alerts' sender", installation, sandbox, given.alerts))
        finally:
            sandbox.stop()
    return found


def as_table(found: Sequence[Measured]) -> str:
    head = ("reminders by", "waiting", "handed over (median)", "(worst)", "left the queue (median)", "(worst)")
    rows = [
        (
            one.what,
            f"{one.waiting:,}",
            f"{statistics.median(one.handed_over):.3f} s",
            f"{max(one.handed_over):.3f} s",
            f"{statistics.median(one.left):.3f} s",
            f"{max(one.left):.3f} s",
        )
        for one in found
    ]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---|---:|---:|---:|---:|---:|", *lines[1:]])


def main() -> int:
    parser = argparse.ArgumentParser(description="An alert with reminders waiting, against none waiting.")
    parser.add_argument("--reminders", type=int, default=100_000)
    parser.add_argument("--alerts", type=int, default=7, help="alerts in each of the three cases")
    parser.add_argument("--rate", type=float, default=30.0, help="segments a second of one sender")
    given = parser.parse_args()
    try:
        check_tools()
    except MissingToolError as missing:
        print(missing, file=sys.stderr)
        return 2
    found = measure(given)
    print(f"\n{as_table(found)}")
    print(f"({given.rate:g} segments a second; load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores)")
    _OUT.mkdir(exist_ok=True)
    (_OUT / "lane_isolation.json").write_text(json.dumps([asdict(one) for one in found], indent=2), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
