"""One message that cannot be made, crashes a library or kills its worker: it is given up, and stops nobody else."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import delete, select, update

from config.clock import db_now
from contacts.tables import ADDRESS
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.outbox.claim import ALONE_AFTER
from dispatcher.outbox.record import POISON
from dispatcher.tables import ALERT, ALERT_TEXT, DELIVERY
from providers.base import Channel
from tests.faults.conftest import Trial, embedded_by_hand
from tests.services.waiting import eventually
from tests.whole.conftest import SEND

_FAULTY = Path(__file__).with_name("faulty_library")
_KILLS = 5
_LABEL = "krasjæ"


def _becomes(trial: Trial, old: str, new: str) -> None:
    """Change an address in the database, past everything that would refuse it."""
    with trial.installation.database.write() as connection:
        connection.execute(update(ADDRESS).where(ADDRESS.c.value == old).values(value=new))


def _state_of(trial: Trial, to: str) -> tuple[DeliveryState, str | None, int]:
    statement = (
        select(DELIVERY.c.state, DELIVERY.c.code, DELIVERY.c.lost_claims)
        .join(ADDRESS, ADDRESS.c.id == DELIVERY.c.address_id)
        .where(ADDRESS.c.value == to)
    )
    with trial.installation.database.read() as connection:
        row = connection.execute(statement).one()
    return row.state, row.code, row.lost_claims


@embedded_by_hand
def test_messages_that_cannot_be_made(trial: Trial) -> None:
    """A family's addresses hold line breaks, which would forge headers; and the words in one language are gone."""
    installation = trial.installation
    trial.school_of(40)
    for old in (*trial.numbers()[:2], *trial.mailboxes()[:2]):
        _becomes(trial, old, f"{old}\r\nBcc: all@example.com")
    if installation.distributed:
        installation.workers("alerts")
    trial.struck()
    assert installation.run(*SEND, "--yes", "--hold", "120", "--json", "--no-watch").status == 0
    eventually(lambda: installation.alert_state() is AlertState.OPEN, what="the alert is planned")
    with installation.database.write() as connection:
        connection.execute(delete(ALERT_TEXT).where(ALERT_TEXT.c.language == "nn"))
        of_nynorsk = select(DELIVERY.c.channel).where(DELIVERY.c.language == "nn")
        lost = list(connection.execute(of_nynorsk).scalars())
        connection.execute(update(ALERT).values(hold_until=db_now()))
    assert lost.count(Channel.SMS) == lost.count(Channel.EMAIL) == 2
    trial.all_told_once(but={Channel.SMS: 4, Channel.EMAIL: 4})
    assert [trial.codes(channel) for channel in (Channel.SMS, Channel.EMAIL)] == [{POISON: 4}, {POISON: 4}]
    # The family has nobody else; the guardians who read nynorsk have somebody beside them who was told.
    assert set(trial.to_call()) == {(Channel.SMS, POISON), (Channel.EMAIL, POISON)}


@embedded_by_hand
def test_addresses_that_crash_a_library(trial: Trial) -> None:
    """Whether something left is not known: the SMS is looked up each time, and given up at the third. The e-mail cannot
    be looked up; it stays unknown after its one repeat."""
    installation = trial.installation
    trial.school_of(40)
    number, mailbox = trial.numbers()[0], f"foresatt@{_LABEL}.example"
    _becomes(trial, trial.mailboxes()[1], mailbox)
    installation.processes.environment |= {
        "PYTHONPATH": f"{_FAULTY}{os.pathsep}{installation.processes.environment['PYTHONPATH']}",
        "TEST_CRASHING_NUMBER": number,
        "TEST_CRASHING_LABEL": _LABEL,
    }
    if installation.distributed:
        installation.workers("alerts")
    trial.struck()
    assert installation.send("--json", "--no-watch").status == 0
    trial.all_told_once(but={Channel.SMS: 1})
    assert _state_of(trial, number)[:2] == (DeliveryState.REJECTED, POISON)
    assert _state_of(trial, mailbox)[:2] == (DeliveryState.UNKNOWN, "crashed")
    assert trial.codes(Channel.SMS) == {"crashed": 3}
    assert installation.far_end.sms(number) == []


def test_a_message_that_kills_its_worker_each_time(distributed_trial: Trial) -> None:
    """Lost twice, it is claimed alone; lost alone three times and not found at the provider, it is given up."""
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(40)
    number = trial.numbers()[0]
    installation.far_end.behave(to=number, behaviour="hang_before")
    # Time enough to kill it before it gives up by itself.
    installation.set("sms", timeout_seconds=15.0)
    installation.set("dispatch", lease_seconds=60.0)

    def calls() -> int:
        return sum(call["to"] == number for call in installation.far_end.calls("create"))

    (worker,) = installation.workers("alerts")
    assert installation.send("--json", "--no-watch").status == 0
    for kill in range(_KILLS):
        eventually(lambda times=kill: calls() > times, 30, what="the message is being sent", every=0.01)
        worker.kill()
        state, _code, lost = _state_of(trial, number)
        assert (state, lost) == (DeliveryState.SENDING, kill)
        with installation.database.write() as connection:
            # Nobody else is alive: the time that the claim had left passes at once.
            claimed = connection.execute(
                update(DELIVERY)
                .where(DELIVERY.c.state == DeliveryState.SENDING)
                .values(lease_until=db_now())
                .returning(DELIVERY.c.channel)
            ).all()
        if kill >= ALONE_AFTER:
            assert len(claimed) == 1, "it was not claimed alone"
        if kill == _KILLS - 1:
            trial.struck()
        worker = installation.start("worker", "--lane", "alerts")
    trial.all_told_once(but={Channel.SMS: 1})
    assert _state_of(trial, number) == (DeliveryState.REJECTED, POISON, _KILLS)
    assert calls() == _KILLS
