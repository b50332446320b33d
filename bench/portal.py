"""The portal with a county's students in the store: how soon a page begins to come, and how soon a board changes.

    python bench/portal.py                                   100,000 students, 200 watchers; some minutes
    python bench/portal.py --students 2000 --watchers 50     a small one

Real PostgreSQL and Redis, one worker, and `beredskap web` as a process. Each page is asked for by somebody who may see
it, one request after the other on one connection; the time is that from the request until the first byte of the answer.
Then so many watch the board of one alert, somebody marks a student each second, and the time is that from the commit
until the changed board has come, over all watchers and marks. Goals: 100 ms; one change a second for all.

The board is asked for again when nobody was reached for three hundred families (a provider that has refused them all),
so that it shows as many as it ever does; that one is watched, and opened by as many at once while it changes.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from sqlalchemy import insert, select, update

from bench.fill import School
from bench.installation import Installation, command, environment
from bench.servers import MissingToolError, check_tools
from bench.stage import Sizes, Stage
from config.keys import create_key_file, load_keys
from contacts.codes import VisitorKind
from contacts.people import find_student
from contacts.tables import GUARDIANSHIP, IDENTIFIER, PERSON
from contacts.visits import Patience, begin_visit
from dispatcher.alerts.lifecycle import find_alert
from dispatcher.alerts.marks import mark_reached, take_back
from dispatcher.codes import DeliveryState
from dispatcher.tables import ALERT_STUDENT, DELIVERY, RECIPIENT
from portal import cookies
from portal.pages.table import PAGES
from tests.services.server import die_with_parent
from tests.services.waiting import eventually

_SCHOOL = School("Eksempel vgs", 1000)
_OUT = Path(__file__).resolve().parent / "out"
_TO_CALL = 300
# Synthetic ones: month + 80.
_NUMBERS = ("05898200029", "05898200037")
_PATIENCE = Patience(7200, 36_000)
_SETTINGS = """\
[portal]
public_url = "{url}"
sending = true
[web]
host = "127.0.0.1"
port = {port}
[operators."leder"]
roles = ["county_leader"]
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds. `count`: how many times it was measured."""

    what: str
    count: int
    median: float
    p95: float
    worst: float


def summed_up(what: str, seconds: Sequence[float]) -> Measured:
    ordered = sorted(1000 * one for one in seconds)
    p95 = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    return Measured(what, len(ordered), statistics.median(ordered), p95, ordered[-1])


class Web:
    """`beredskap web` of an installation, as a process, and those who are logged in there."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        settings = installation.folder / "beredskap.toml"
        settings.write_text(settings.read_text() + _SETTINGS.format(url=self.url, port=port))
        key_file = installation.data / "beredskap.key"
        if not key_file.exists():
            create_key_file(key_file)
        self._process = subprocess.Popen(
            command("web"),
            cwd=installation.folder,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        eventually(self._answers, 30, what="the portal answers")

    def _answers(self) -> bool:
        try:
            return self.first_byte("/healthz", "") > 0
        except OSError:
            return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)

    def logged_in(self, kind: VisitorKind, **who: object) -> str:
        with self._installation.database.write() as connection:
            return begin_visit(connection, kind, _PATIENCE, **who)  # type: ignore[arg-type]

    def first_byte(self, path: str, token: str) -> float:
        """Seconds until the answer to a request for a page begins."""
        return self.first_bytes(path, token, 1)[0]

    def first_bytes(self, path: str, token: str, times: int) -> list[float]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        found = []
        for _ in range(times):
            began = time.perf_counter()
            connection.request("GET", path, headers={"Cookie": f"{cookies.VISIT}={token}"} if token else {})
            answer = connection.getresponse()
            found.append(time.perf_counter() - began)
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path} was answered with {answer.status}")
        connection.close()
        return found


def _pages(web: Web, places: Mapping[str, str], visits: Mapping[VisitorKind, str], times: int) -> list[Measured]:
    found = []
    for page in PAGES:
        path = page.path
        for place, value in places.items():
            path = path.replace(place, value)
        if page.method != "GET" or "{" in path or path.endswith("/events"):
            continue
        kind = next(iter(page.who)) if page.who else None
        web.first_bytes(path, visits[kind] if kind else "", 3)
        found.append(summed_up(page.path, web.first_bytes(path, visits[kind] if kind else "", times)))
    return found


async def _opened(web: Web, installation: Installation, path: str, token: str, at_once: int) -> list[Measured]:
    """So many open the page at the same moment, while the board changes ten times a second."""
    first, whole = [], []
    number = path.rsplit("/", 1)[1]

    async def changes() -> None:
        for turn in itertools.count():
            await asyncio.to_thread(_mark, installation, number, turn)
            await asyncio.sleep(0.1)

    async def opened(session: aiohttp.ClientSession) -> None:
        began = time.perf_counter()
        async with session.get(f"{web.url}{path}") as answer:
            await answer.content.readany()
            first.append(time.perf_counter() - began)
            await answer.read()
            whole.append(time.perf_counter() - began)

    headers = {"Cookie": f"{cookies.VISIT}={token}"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:
        changing = asyncio.create_task(changes())
        await asyncio.gather(*(opened(session) for _ in range(at_once)))
        changing.cancel()
    return [summed_up(f"{at_once} at once, first byte", first), summed_up(f"{at_once} at once, all of it", whole)]


def _refuse(installation: Installation, number: str) -> None:
    """As if the providers had refused all messages about some students of the alert."""
    with installation.database.write() as connection:
        alert = find_alert(connection, number)
        listed = select(ALERT_STUDENT.c.student_id).where(ALERT_STUDENT.c.alert_id == alert.id)
        students = listed.order_by(ALERT_STUDENT.c.position).limit(_TO_CALL)
        about = select(RECIPIENT.c.delivery_id).where(RECIPIENT.c.student_id.in_(students))
        refused = {"state": DeliveryState.REJECTED, "code": "21211"}
        connection.execute(update(DELIVERY).where(DELIVERY.c.id.in_(about)).values(**refused))


async def _watch(web: Web, installation: Installation, path: str, token: str, watchers: int, marks: int) -> Measured:
    """Marks and takes back in turn, once a second; each watcher tells when the board it waits for has come."""
    arrived: list[tuple[int, float]] = []
    wanted = ""
    turn = 0
    seen: set[int] = set()

    async def watch(number: int, session: aiohttp.ClientSession, ready: asyncio.Event) -> None:
        async with session.get(f"{web.url}{path}/events") as answer:
            async for line in answer.content:
                if line.startswith(b"data: "):
                    ready.set()
                if wanted and wanted.encode() in line and number not in seen:
                    seen.add(number)
                    arrived.append((turn, time.perf_counter()))

    headers = {"Cookie": f"{cookies.VISIT}={token}"}
    took: list[float] = []
    async with aiohttp.ClientSession(
        headers=headers, connector=aiohttp.TCPConnector(limit=0), read_bufsize=1 << 20
    ) as session:
        ready = [asyncio.Event() for _ in range(watchers)]
        tasks = [asyncio.create_task(watch(number, session, ready[number])) for number in range(watchers)]
        await asyncio.wait_for(asyncio.gather(*(one.wait() for one in ready)), 60)
        number = path.rsplit("/", 1)[1]
        for turn in range(1, marks + 1):
            began = time.perf_counter()
            seen.clear()
            wanted = f"merke nummer {turn}."
            committed = await asyncio.to_thread(_mark, installation, number, turn)
            while len(seen) < watchers and time.perf_counter() - began < 20:
                await asyncio.sleep(0.01)
            took += [at - committed for made, at in arrived if made == turn]
            await asyncio.sleep(max(0.0, began + 1.0 - time.perf_counter()))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if len(took) != watchers * marks:
        raise RuntimeError(f"{watchers * marks - len(took)} boards never came")
    return summed_up(f"a mark at {watchers} boards", took)


def _mark(installation: Installation, number: str, turn: int) -> float:
    with installation.database.write() as connection:
        alert = find_alert(connection, number)
        students = select(PERSON.c.ref).join(ALERT_STUDENT, ALERT_STUDENT.c.student_id == PERSON.c.id)
        ref = connection.scalars(students.where(ALERT_STUDENT.c.alert_id == alert.id).order_by(PERSON.c.id)).first()
        student = find_student(connection, str(ref))
        take_back(connection, alert, student, None, operator="leder")
        mark_reached(connection, alert, student, None, note=f"merke nummer {turn}.", operator="leder")
    return time.perf_counter()


def measure(given: argparse.Namespace) -> list[Measured]:
    sizes = Sizes(**{name: 1 for name in Sizes.__slots__ if name != "growth"}, growth=())
    with Stage(sizes) as stage:
        rest = School("Stort fylke", max(1, given.students - _SCHOOL.students))
        with stage.distributed(_SCHOOL, rest) as installation:
            installation.start_workers(1)
            # Before the settings name operators: from then on a role is needed.
            installation.run(
                *("alert", "send", "--school", _SCHOOL.name, "--scenario", "lockdown", "--status", "actual"),
                *("--yes", "--no-watch", "--json"),
            )
            with installation.database.read() as connection:
                number = str(find_alert(connection, "latest").number)
            web = Web(installation)
            try:
                with installation.database.read() as connection:
                    student, guardian = connection.execute(
                        select(GUARDIANSHIP.c.student_id, GUARDIANSHIP.c.guardian_id).order_by(GUARDIANSHIP.c.id)
                    ).first() or (0, 0)
                _identify(installation, student, guardian)
                visits = {
                    VisitorKind.STAFF: web.logged_in(VisitorKind.STAFF, operator="leder"),
                    VisitorKind.GUARDIAN: web.logged_in(VisitorKind.GUARDIAN, person_id=guardian),
                    VisitorKind.STUDENT: web.logged_in(VisitorKind.STUDENT, person_id=student),
                }
                time.sleep(10.0)  # the alert is out
                places = {"{number:str}": number, "{school:str}": "1", "{scenario:str}": "lockdown"}
                found = _pages(web, places, visits, given.times)
                path, token = f"/staff/alerts/{number}", visits[VisitorKind.STAFF]
                _refuse(installation, number)
                web.first_bytes(path, token, 3)
                found.append(summed_up(f"the board, {_TO_CALL} to call", web.first_bytes(path, token, given.times)))
                found += asyncio.run(_opened(web, installation, path, token, given.watchers))
                found.append(asyncio.run(_watch(web, installation, path, token, given.watchers, given.marks)))
                return found
            finally:
                web.stop()


def _identify(installation: Installation, *persons: int) -> None:
    """Whoever logs in has an identity number."""
    keys = load_keys(installation.data / "beredskap.key")
    with installation.database.write() as connection:
        for number, person in zip(_NUMBERS, persons, strict=True):
            hidden = {"lookup": keys.lookup_hash(number, "nin"), "ciphertext": keys.encrypt(number)}
            connection.execute(insert(IDENTIFIER).values(person_id=person, scheme="nin", current=True, **hidden))


def as_table(found: Sequence[Measured]) -> str:
    lines = ["| page | times | median | p95 | worst |", "|---|---:|---:|---:|---:|"]
    lines += [f"| `{one.what}` | {one.count:,} | {one.median:.0f} | {one.p95:.0f} | {one.worst:.0f} |" for one in found]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="The first byte of each page, and a board with many watchers.")
    parser.add_argument("--students", type=int, default=100_000)
    parser.add_argument("--watchers", type=int, default=200)
    parser.add_argument("--marks", type=int, default=20, help="marks, one a second, that the watchers see")
    parser.add_argument("--times", type=int, default=50, help="requests for each page")
    given = parser.parse_args()
    try:
        check_tools()
    except MissingToolError as missing:
        print(missing, file=sys.stderr)
        return 2
    found = measure(given)
    print(f"\nMilliseconds:\n\n{as_table(found)}")
    print(f"({given.students:,} students; load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores)")
    _OUT.mkdir(exist_ok=True)
    (_OUT / "portal.json").write_text(json.dumps([asdict(one) for one in found], indent=2), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
