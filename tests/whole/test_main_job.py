"""From confirmation to a closed alert, with nobody's help, through everything that a provider can do wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from dispatcher.codes import DeliveryState
from providers.base import Channel
from tests.whole import school as schools
from tests.whole.conftest import Installation
from tests.whole.school import fill


@pytest.mark.usefixtures("started_cold")
def test_an_alert_goes_out_through_every_fault_once_each_and_closes_by_itself(installation: Installation) -> None:
    school = fill(
        installation.database,
        50,
        endings=[*schools.TAKEN_ENDINGS, schools.STOP],
        tags=["refuse", "grey", "cut"],
        special=True,
    )
    if installation.distributed:
        installation.workers("alerts")

    sent = installation.send("--json")
    assert sent.status == 0, sent.err
    preview = sent.json["preview"]
    assert preview["messages"] == {"sms": len(school.numbers), "email": len(school.emails)}
    assert not sent.json["already_sent"]

    installation.closed()
    if not installation.distributed:
        installation.drained()

    # The far end took each SMS exactly once, whatever it answered; the one that had answered STOP never.
    taken = Counter(one["to"] for one in installation.far_end.sms())
    stop = school.number(schools.STOP)
    assert taken == {number: 1 for number in school.numbers if number != stop}
    # E-mail cannot be looked up: the one whose answer was lost was sent once more, under the same Message-ID.
    mails = Counter((one["message_id"], *one["to"]) for one in installation.far_end.emails())
    expected = {address: 2 if "+cut" in address else 1 for address in school.emails if "+refuse" not in address}
    assert {address: count for (_, address), count in mails.items()} == expected
    assert len({message_id for message_id, _ in mails}) == len(mails)

    # The database says the same as the far end.
    sms, email = installation.states(Channel.SMS), installation.states(Channel.EMAIL)
    assert sms == {
        DeliveryState.DELIVERED: len(school.numbers) - 3,
        DeliveryState.UNDELIVERED: 2,
        DeliveryState.REJECTED: 1,
    }
    assert email == {DeliveryState.ACCEPTED: len(school.emails) - 1, DeliveryState.REJECTED: 1}

    report = installation.run("report", "latest", "--json").json
    classes = report["classes"]
    assert classes["students"] == school.students == preview["students"]["all"]
    assert {name: classes[name] for name in ("unreached", "held", "nobody_may_be_told")} == {
        "unreached": preview["students"]["unreached"],
        "held": preview["students"]["held"],
        "nobody_may_be_told": preview["students"]["nobody_may_be_told"],
    }
    # The one whose guardian has an unverified number only; a protected one, and one without a guardian; the adult.
    assert (classes["unreached"], classes["held"], classes["nobody_may_be_told"]) == (1, 2, 1)
    # Both guardians of the first student have dead numbers, and an e-mail proves nothing.
    assert classes["handed_over"] == 1
    assert classes["confirmed"] == school.students - 5
    assert classes["nobody_reached"] == report["nobody_reached"] == 3
    assert report["email_repeats"] == 1
    assert {one["ref"] for one in report["call_list"]} >= {
        school.refs[case] for case in ("unverified", "protected", "no_guardian")
    }
