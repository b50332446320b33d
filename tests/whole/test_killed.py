"""Commands, drainers and workers that die or race: everything leaves, and nothing leaves twice."""

from __future__ import annotations

from collections import Counter

import psutil

from dispatcher.codes import AlertState, DeliveryState
from tests.services.waiting import eventually
from tests.whole.conftest import SEND, Installation
from tests.whole.school import School, fill


def drainers(installation: Installation) -> list[psutil.Process]:
    found = []
    for process in installation.processes.living():
        try:
            if "drain" in process.cmdline():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def assert_each_once(installation: Installation, school: School) -> None:
    """Each SMS and each e-mail was taken once; an e-mail whose answer was lost with its process may come twice, under
    one Message-ID."""
    taken = Counter(one["to"] for one in installation.far_end.sms())
    assert taken == dict.fromkeys(school.numbers, 1)
    mails = installation.far_end.emails()
    assert {one["to"][0] for one in mails} == set(school.emails)
    assert len({one["message_id"] for one in mails}) == len(school.emails)
    assert sum(installation.states().values()) == school.messages


def test_a_command_killed_as_soon_as_it_has_confirmed_has_sent_all_the_same(embedded: Installation) -> None:
    school = fill(embedded.database, 6)
    sending = embedded.start(*SEND, "--yes", "--hold", "0")
    eventually(
        lambda: embedded.alert_state() not in (None, AlertState.DRAFT), what="the alert is confirmed", every=0.002
    )
    sending.kill()
    embedded.closed()
    assert_each_once(embedded, school)
    assert embedded.far_end.counts()["doubled"] == {}
    embedded.drained()


def test_a_killed_drainer_is_replaced_by_the_next_command_that_looks(embedded: Installation) -> None:
    school = fill(embedded.database, 12)
    embedded.set("sms", segments_per_second=8.0)
    assert embedded.send("--json").status == 0
    eventually(lambda: len(embedded.far_end.sms()) >= 4, what="some have left")
    (drainer,) = drainers(embedded)
    drainer.kill()
    eventually(lambda: not drainers(embedded), what="the drainer is gone")
    assert embedded.states()[DeliveryState.QUEUED] + embedded.states()[DeliveryState.SENDING] > 0
    embedded.set("sms", segments_per_second=500.0)
    assert embedded.run("alert", "list").status == 0
    embedded.closed()
    assert_each_once(embedded, school)
    embedded.drained()


def test_two_requests_at_once_make_one_alert(installation: Installation) -> None:
    school = fill(installation.database, 3)
    if installation.distributed:
        installation.workers("alerts")
    both = [installation.processes.start(*SEND, "--yes", "--hold", "0", "--json") for _ in range(2)]
    answers = [running.wait().json for running in both]
    assert sorted(answer["already_sent"] for answer in answers) == [False, True]
    assert len({answer["alert"] for answer in answers}) == 1
    installation.closed()
    assert installation.alerts() == 1
    assert_each_once(installation, school)
    assert installation.far_end.counts()["doubled"] == {}


def test_of_two_drainers_on_one_store_one_works_and_the_other_follows(embedded: Installation) -> None:
    school = fill(embedded.database, 8)
    embedded.set("sms", segments_per_second=0.5)
    assert embedded.send("--json").status == 0
    eventually(lambda: embedded.far_end.taken() > 0, what="the first message leaves")
    (first,) = drainers(embedded)
    embedded.set("sms", segments_per_second=500.0)
    # One successor may wait; all others go at once, however many commands were given.
    others = [embedded.start("drain") for _ in range(3)]
    eventually(lambda: [one.alive for one in others].count(True) == 1, 40, what="one waits, the others have gone")
    assert first.is_running()
    first.terminate()
    embedded.closed()
    assert [one.wait().status for one in others] == [0, 0, 0]
    embedded.drained()
    assert_each_once(embedded, school)
    assert embedded.far_end.counts()["doubled"] == {}
