"""Nothing about a person is in a log, an error, a command line or an address, whatever happens on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator

import psutil
import pytest
from sqlalchemy import insert, select

from config.keys import load_keys
from config.tables import core_table
from contacts.models import PersonIdentifier
from contacts.tables import ADDRESS, CHALLENGE, PERSON
from contacts.verification import code_for
from dispatcher.codes import DeliveryState
from tests.services.server import free_port
from tests.services.waiting import eventually
from tests.whole import school as schools
from tests.whole.conftest import Installation
from tests.whole.school import fill

# A synthetic number, as the register of tests makes them: the month is raised by 80.
IDENTITY_NUMBER = "17909199826"
TAGS = ("refuse", "grey", "cut", "policy", "full", "later-data")
_TIME = re.compile(r'"time": "[^"]*"')


def secrets_of(installation: Installation) -> Iterator[str]:
    """Everything personal that the store holds, in each form in which it might be written."""
    keys = load_keys(installation.data_dir / "beredskap.key")
    with installation.database.read() as connection:
        for value in connection.execute(select(ADDRESS.c.value)).scalars():
            yield value
            yield value.removeprefix("+47")
            yield value.replace("+", "%2B").replace("@", "%40")
        for row in connection.execute(select(PERSON.c.given_name, PERSON.c.family_name)):
            yield from row
        for row in connection.execute(select(CHALLENGE.c.id, CHALLENGE.c.nonce)):
            yield code_for(keys, row.id, row.nonce)
            yield row.nonce
    yield IDENTITY_NUMBER


def leaks(text: str, secrets: set[str]) -> set[str]:
    """Those that stand in the text; digits only where they stand alone."""
    return {
        secret
        for secret in secrets
        if (re.search(rf"(?<!\d){secret}(?!\d)", text) if secret.isdecimal() else secret.casefold() in text.casefold())
    }


@pytest.mark.usefixtures("started_cold")
def test_a_whole_day_at_the_lowest_log_level_writes_nothing_about_anybody(installation: Installation) -> None:
    school = fill(
        installation.database,
        16,
        endings=[*schools.TAKEN_ENDINGS, schools.STOP],
        tags=TAGS,
        special=True,
    )
    keys = load_keys(installation.data_dir / "beredskap.key")
    with installation.database.write() as connection:
        connection.execute(
            insert(core_table(PersonIdentifier)).values(
                person_id=school.guardians[0],
                scheme="nin",
                lookup=keys.lookup_hash(IDENTITY_NUMBER, "nin"),
                ciphertext=keys.encrypt(IDENTITY_NUMBER),
                current=True,
            )
        )
    port = free_port()
    installation.set("log", level="debug")
    installation.set("web", port=port)
    installation.set("sms", callback_base_url=f"http://127.0.0.1:{port}")
    installation.start("web")
    if installation.distributed:
        installation.start("scheduler")
        installation.workers("alerts", "routine")
    eventually(lambda: installation.alive("web"), what="the web process is alive")

    sent = installation.send("--json")
    assert sent.status == 0, sent.err
    command_lines = _command_lines(installation)
    guardian = f"G-{school.unverified_guardian}"
    assert installation.run("contacts", "verify", guardian).status == 0
    installation.run("contacts", "confirm", guardian, "000000")
    installation.closed()
    eventually(
        lambda: not (installation.states().keys() & {DeliveryState.QUEUED, DeliveryState.SENDING}),
        what="the code has left",
    )
    assert installation.run("alert", "stop", "latest", "--yes").status != 0
    command_lines += _command_lines(installation)
    for running in installation.started:
        running.terminate()
    for running in installation.started:
        running.wait()

    secrets = set(secrets_of(installation))
    assert len(secrets) > 100
    written = _TIME.sub("", installation.logs())
    assert "listening" in written
    assert leaks(written, secrets) == set()
    assert leaks("\n".join(command_lines), secrets) == set()
    urls = "\n".join(one["callback_url"] for one in installation.far_end.sms())
    assert f"http://127.0.0.1:{port}/callbacks/" in urls
    assert leaks(urls, secrets) == set()
    # The search itself finds what is there.
    assert leaks(str(installation.far_end.sms()), secrets)


def _command_lines(installation: Installation) -> list[str]:
    lines = []
    for process in installation.processes.living():
        try:
            lines.append(" ".join(process.cmdline()))
        except psutil.NoSuchProcess:
            continue
    assert lines
    return lines
