"""A number that a guardian says is theirs: a code goes there, comes back, and the next alert reaches it."""

from __future__ import annotations

import re

from sqlalchemy import select

from config.errors import ExitStatus
from dispatcher.codes import Lane
from dispatcher.tables import DELIVERY
from tests.services.waiting import eventually
from tests.whole.conftest import Installation
from tests.whole.school import fill

PHONE = "+4791234512"
EMAIL = "ny.foresatt@heime.example"


def code_sent(installation: Installation, channel: str, count: int = 1) -> str:
    """The code in the newest message to the phone number or the e-mail address."""

    def arrived() -> list[str]:
        if channel == "sms":
            texts = [one["body"] for one in installation.far_end.sms(PHONE)]
        else:
            texts = [one["source"] for one in installation.far_end.emails() if one["to"] == [EMAIL]]
        return texts if len(texts) == count else []

    texts = eventually(arrived, what=f"the code arrives by {channel}")
    found = re.search(r"(?<!\d)\d{6}(?!\d)", texts[-1].partition("\r\n\r\n")[2] or texts[-1])
    assert found is not None, texts[-1]
    return found[0]


def test_a_number_is_verified_by_its_code_and_used_from_then_on(installation: Installation) -> None:
    school = fill(installation.database, 1, special=True)
    if installation.distributed:
        installation.workers("routine", "alerts")
    guardian = f"G-{school.unverified_guardian}"
    assert installation.run("contacts", "add", guardian, "--phone", PHONE).status == 0

    sent = installation.run("contacts", "verify", guardian, "--phone", PHONE, "--json")
    assert sent.status == 0, sent.err
    assert PHONE not in sent.out
    code = code_sent(installation, "sms")
    # Routine messages have a sender of their own.
    assert {one["from"] for one in installation.far_end.sms(PHONE)} == {"PROVEDAL2"}
    with installation.database.read() as connection:
        assert set(connection.execute(select(DELIVERY.c.lane)).scalars()) == {Lane.ROUTINE}

    confirmed = installation.run("contacts", "confirm", guardian, code, "--phone", PHONE)
    assert confirmed.status == 0, confirmed.err
    assert "is verified" in confirmed.out
    again = installation.run("contacts", "confirm", guardian, code, "--phone", PHONE)
    assert again.status == ExitStatus.FAILED
    assert "This code has been used already." in again.err

    assert installation.send("--json").status == 0
    installation.closed()
    assert [one["from"] for one in installation.far_end.sms(PHONE)] == ["PROVEDAL2", "PROVEDAL"]


def test_five_wrong_tries_use_a_code_up_and_a_new_one_counts(embedded: Installation) -> None:
    school = fill(embedded.database, 1, special=True)
    guardian = f"G-{school.unverified_guardian}"
    assert embedded.run("contacts", "add", guardian, "--email", EMAIL).status == 0
    assert embedded.run("contacts", "verify", guardian, "--email", EMAIL).status == 0
    code = code_sent(embedded, "email")
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for left in range(4, -1, -1):
        refused = embedded.run("contacts", "confirm", guardian, wrong)
        assert refused.status == ExitStatus.FAILED
        assert "The code is wrong." in refused.err
        assert (f"{left} tr" if left else "No try is left.") in refused.err
    # The right one comes too late now.
    used = embedded.run("contacts", "confirm", guardian, code)
    assert used.status != 0
    assert "Nothing was c" in used.err
    assert embedded.run("contacts", "verify", guardian, "--email", EMAIL).status == 0
    newer = code_sent(embedded, "email", 2)
    confirmed = embedded.run("contacts", "confirm", guardian, newer)
    assert confirmed.status == 0, confirmed.err
    embedded.drained()
