"""What is withdrawn, blocked or stopped while an alert is under way: it holds for all that has not been claimed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, insert, select, update

from contacts.codes import ConsentPurpose
from contacts.tables import CONSENT, CONTACT_POINT, GUARDIANSHIP, PERSON
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.tables import ALERT, ALERT_STUDENT, DELIVERY
from tests.dispatcher.world import check_books
from tests.faults.conftest import Trial, embedded_by_hand
from tests.services.waiting import eventually
from tests.whole.conftest import SEND, Installation


@dataclass(frozen=True, slots=True)
class _Family:
    """A student without siblings, and the two guardians. `adult`: 18, and has consented to both."""

    student: int
    ref: str
    guardians: tuple[int, int]
    adult: bool


def _families(trial: Trial) -> list[_Family]:
    """Those of the school with one child there; every other one is made an adult who has consented."""
    database = trial.installation.database
    with database.write() as connection:
        guardians: dict[int, list[int]] = {}
        children: dict[int, int] = {}
        links = select(GUARDIANSHIP.c.student_id, GUARDIANSHIP.c.guardian_id).order_by(GUARDIANSHIP.c.guardian_id)
        for row in connection.execute(links):
            guardians.setdefault(row.student_id, []).append(row.guardian_id)
            children[row.guardian_id] = children.get(row.guardian_id, 0) + 1
        only = [one for one, both in guardians.items() if all(children[guardian] == 1 for guardian in both)]
        adults = only[::2]
        birthday = date.today() - timedelta(days=20 * 366)
        connection.execute(update(PERSON).where(PERSON.c.id.in_(adults)).values(birth_date=birthday))
        connection.execute(
            insert(CONSENT),
            [
                {
                    "student_id": one,
                    "guardian_id": guardian,
                    "purpose": ConsentPurpose.ALERTS,
                    "given_on": date.today() - timedelta(days=300),
                    "given_evidence": "form",
                    "given_by": "test",
                }
                for one in adults
                for guardian in guardians[one]
            ],
        )
        refs = dict(connection.execute(select(PERSON.c.id, PERSON.c.ref).where(PERSON.c.id.in_(only))).all())
    return [_Family(one, refs[one], (guardians[one][0], guardians[one][1]), one in adults) for one in only]


def _change(installation: Installation, families: Collection[_Family]) -> list[int]:
    """Each family's first guardian is not to be told any more; returns them when the commands have."""
    commands = []
    for family in families:
        guardian = f"G-{family.guardians[0]}"
        if family.adult:
            act = ("consent", "withdraw", family.ref, guardian, "--evidence", "told the office")
        else:
            act = ("block", guardian, "--decision", "2026/113")
        commands.append(installation.start("contacts", *act))
    for running in commands:
        ended = running.wait()
        assert ended.status == 0, ended.err
    return [family.guardians[0] for family in families]


def _put_off(trial: Trial) -> None:
    """Send an alert of which every message is put off, each for a reason of its own: so none waits for a provider."""
    installation = trial.installation
    for number in trial.numbers():
        installation.far_end.behave(to=number, behaviour="refused", code="21606")
    for mailbox in trial.mailboxes():
        installation.far_end.behave(to=mailbox, behaviour="at_rcpt", code="450 4.2.0 Try again")
    if installation.distributed:
        installation.workers("alerts")
    assert installation.send("--json", "--no-watch").status == 0

    def all_put_off() -> bool:
        counts = select(func.count(), func.count().filter(DELIVERY.c.deferrals > 0)).select_from(DELIVERY)
        with installation.database.read() as connection:
            planned, put_off = connection.execute(counts).one()
        return planned == put_off and installation.alert_state() is AlertState.OPEN

    eventually(all_put_off, what="every message was put off", seconds=30)
    assert installation.far_end.taken() == 0


def _let_through(trial: Trial) -> None:
    """Let the retries through; not those that were claimed before and are still being refused."""
    eventually(lambda: trial.installation.states()[DeliveryState.SENDING] == 0, what="nothing is under way")
    for address in (*trial.numbers(), *trial.mailboxes()):
        trial.installation.far_end.behave(to=address, behaviour="delivered")


@embedded_by_hand
def test_a_consent_withdrawn_and_a_block_between_a_deferral_and_its_retry(trial: Trial) -> None:
    trial.school_of(120)
    families = _families(trial)
    adult, minor = (next(one for one in families if one.adult is adult) for adult in (True, False))
    _put_off(trial)
    untold = _change(trial.installation, [adult, minor])
    _let_through(trial)
    trial.struck()
    trial.all_told_once(entitled_no_more=untold)
    assert trial.installation.states()[DeliveryState.CANCELLED] == 2 * len(untold)


@embedded_by_hand
def test_a_stop_between_a_deferral_and_its_retry(trial: Trial) -> None:
    """Nobody is told: that is what was asked for."""
    installation = trial.installation
    trial.school_of(120)
    _put_off(trial)
    with installation.database.read() as connection:
        number = connection.execute(select(ALERT.c.number)).scalar_one()
    assert installation.run("alert", "stop", number, "--yes").status == 0
    _let_through(trial)
    eventually(lambda: dict(installation.states()) == {DeliveryState.CANCELLED: 120}, what="all are cancelled")
    if not installation.distributed:
        installation.drained()
    assert (installation.alert_state(), installation.far_end.taken()) == (AlertState.STOPPED, 0)
    check_books(installation.database)


def test_a_consent_withdrawn_and_a_block_while_the_alert_is_planned(distributed_trial: Trial) -> None:
    """Of one who was planned and of one who was not yet, each."""
    trial, installation = distributed_trial, distributed_trial.installation
    trial.school_of(1_000)
    families = _families(trial)
    installation.set("dispatch", first_chunk=5, chunk=5)
    installation.set("sms", segments_per_second=20.0)
    installation.set("smtp", messages_per_second=20.0)
    (worker,) = installation.workers("alerts")
    sending = installation.start(*SEND, "--yes", "--hold", "0", "--json")

    def half_planned() -> bool:
        with installation.database.read() as connection:
            row = connection.execute(select(ALERT.c.state, ALERT.c.cursor)).first()
        return row is not None and row.state is AlertState.PLANNING and row.cursor >= 60

    eventually(half_planned, what="the alert is half planned", every=0.002)
    worker.freeze()
    try:
        chosen = _planned_and_not(installation, families)
        untold = _change(installation, chosen)
    finally:
        worker.thaw()
    assert sending.wait().status == 0
    for section, rate in (("sms", "segments_per_second"), ("smtp", "messages_per_second")):
        installation.set(section, **{rate: 500.0})
    trial.struck()
    installation.workers("alerts")
    worker.terminate()
    trial.all_told_once(entitled_no_more=untold)
    # Two messages of each of the two who were planned; none was made for the others.
    assert installation.states()[DeliveryState.CANCELLED] == 4


def _planned_and_not(installation: Installation, families: Collection[_Family]) -> list[_Family]:
    """An adult and a minor whose messages wait, last in the queue, and the same whose turn to be planned is last."""
    with installation.database.read() as connection:
        order = list(
            connection.execute(select(ALERT_STUDENT.c.student_id).order_by(ALERT_STUDENT.c.position)).scalars()
        )
        cursor = connection.execute(select(ALERT.c.cursor)).scalar_one()
        waiting = select(CONTACT_POINT.c.person_id).join(DELIVERY, DELIVERY.c.address_id == CONTACT_POINT.c.address_id)
        queued = set(connection.execute(waiting.where(DELIVERY.c.state == DeliveryState.QUEUED)).scalars())
    assert cursor < len(order) - 30
    by_student = {family.student: family for family in families}
    planned = [by_student[one] for one in order[:cursor] if one in by_student]
    ready = [family for family in planned if queued.issuperset(family.guardians)]
    to_come = [by_student[one] for one in order if one in by_student]
    return [
        [family for family in some if family.adult is adult][-1] for some in (ready, to_come) for adult in (True, False)
    ]
