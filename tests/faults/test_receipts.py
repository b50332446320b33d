"""Receipts through `beredskap web`, as no provider should send them: twice, late, too early, and out of order."""

from __future__ import annotations

from sqlalchemy import func, select

from dispatcher.codes import AlertState, AttemptOutcome, DeliveryState
from dispatcher.tables import ATTEMPT, EVENT, RECEIPT
from providers.base import Channel
from providers.breaker import IN_A_ROW_ALONE
from tests.faults.callbacks import Callback, callback_of, post, start_web, take_callbacks
from tests.faults.conftest import Trial, embedded_by_hand
from tests.services.waiting import eventually

_STORED = 204
_NEVER = 3600.0
_FAILED = ("undelivered", "30003")
# What is said of a message, one after the other, and where it stands in the end: at the first word that was final.
_STORIES: tuple[tuple[tuple[tuple[str, ...], ...], DeliveryState], ...] = (
    ((("sent",), ("delivered",), ("delivered",), ("sent",)), DeliveryState.DELIVERED),
    ((("delivered",), ("sent",), ("delivered",), ("queued",)), DeliveryState.DELIVERED),
    ((("delivered",), _FAILED, ("sent",), _FAILED), DeliveryState.DELIVERED),
    ((_FAILED, ("delivered",), ("sent",), ("delivered",)), DeliveryState.UNDELIVERED),
)


def _begin(trial: Trial, messages: int, **behaviour: object) -> int:
    """An alert whose callbacks the installation takes; the number of its SMS, which have this behaviour."""
    installation = trial.installation
    take_callbacks(installation)
    school = trial.school_of(messages)
    for to in trial.numbers() if behaviour else ():
        installation.far_end.behave(to=to, **({"behaviour": "delivered"} | behaviour))
    start_web(installation)
    if installation.distributed:
        installation.workers("alerts")
    trial.struck()
    assert installation.send("--json", "--no-watch").status == 0
    return school.guardians


def _silent(trial: Trial, messages: int, **behaviour: object) -> int:
    """The same, and the provider itself says nothing more than that it has the messages, however it is asked."""
    trial.installation.far_end.behave(delivery_seconds=_NEVER)
    return _begin(trial, messages, callbacks=False, **behaviour)


def _sms_are(trial: Trial, state: DeliveryState, count: int) -> None:
    eventually(lambda: trial.installation.states(Channel.SMS)[state] == count, what=f"all SMS are {state}")


def _delivered(trial: Trial) -> list[Callback]:
    return [callback_of(sms, "delivered") for sms in trial.installation.far_end.sms()]


def test_receipts_twice_and_out_of_order(trial: Trial) -> None:
    count = _silent(trial, 80)
    _sms_are(trial, DeliveryState.ACCEPTED, count)
    trial.struck()
    told = [(sms, *_STORIES[place % len(_STORIES)]) for place, sms in enumerate(trial.installation.far_end.sms())]
    for step in range(4):
        answers = post([callback_of(sms, *story[step]) for sms, story, _end in told], at_once=8)
        assert set(answers) == {_STORED}
    ends = [end for _sms, _story, end in told]
    trial.all_told_once(undelivered=ends.count(DeliveryState.UNDELIVERED))
    with trial.installation.database.read() as connection:
        stored = connection.execute(select(RECEIPT.c.reference, RECEIPT.c.delivery_id)).all()
        back = select(EVENT.c.id).where(EVENT.c.from_state.in_(ends), EVENT.c.refused.is_(False))
        assert connection.execute(back).first() is None
    # Each word of each message once: "sent" and "queued" mean the same, that the provider has it.
    assert len(stored) == sum(len({meaning(word) for word, *_ in story}) for _sms, story, _end in told)
    assert all(row.delivery_id for row in stored)


def meaning(word: str) -> str:
    return "pending" if word in ("sent", "queued") else word


def test_receipts_after_the_alert_has_closed(trial: Trial) -> None:
    installation = trial.installation
    count = _silent(trial, 80)
    # The e-mails, too: what has not left by then makes it an alert that expired.
    eventually(lambda: set(installation.states()) == {DeliveryState.ACCEPTED}, what="all messages are accepted")
    trial.time_passes(3 * 3600)
    installation.closed()
    trial.struck()
    assert set(post(_delivered(trial), at_once=8)) == {_STORED}
    trial.all_told_once()
    assert installation.states(Channel.SMS) == {DeliveryState.DELIVERED: count}
    assert installation.alert_state() is AlertState.CLOSED
    assert trial.school is not None
    classes = installation.run("report", "latest", "--json").json["classes"]
    assert classes["confirmed"] == trial.school.students


@embedded_by_hand
def test_receipts_before_our_own_commit(trial: Trial) -> None:
    """The provider answers last: the phone has rung, and we do not know yet that the message was taken."""
    trial.installation.far_end.behave(delivery_seconds=0.05)
    # Longer than a receipt takes on whatever machine.
    trial.installation.set("sms", timeout_seconds=10.0)
    trial.installation.set("dispatch", lease_seconds=60.0)
    count = _begin(trial, 80, behaviour="slow", seconds=3.0)
    trial.all_told_once()
    assert trial.installation.states(Channel.SMS) == {DeliveryState.DELIVERED: count}
    early = select(func.count()).where(
        EVENT.c.from_state == DeliveryState.SENDING, EVENT.c.to_state == DeliveryState.DELIVERED
    )
    with trial.installation.database.read() as connection:
        assert connection.execute(early).scalar_one() > count / 2
        attempts = connection.execute(select(ATTEMPT.c.number, ATTEMPT.c.outcome, ATTEMPT.c.reference)).all()
    assert all(row == (1, AttemptOutcome.ACCEPTED, row.reference) and row.reference for row in attempts)


@embedded_by_hand
def test_receipts_of_messages_of_which_nothing_is_known(trial: Trial) -> None:
    """Every answer was lost and nobody may look them up: the receipt is what clears them up, and nothing goes again."""
    trial.installation.far_end.behave(to="list", behaviour="busy", seconds=600.0)
    # Fewer than after how many faults in a row a provider is left alone.
    count = _silent(trial, 2 * (IN_A_ROW_ALONE - 2), behaviour="cut_silent")
    _sms_are(trial, DeliveryState.UNKNOWN, count)
    trial.struck()
    assert set(post(_delivered(trial), at_once=8)) == {_STORED}
    trial.all_told_once()
    assert trial.installation.states(Channel.SMS) == {DeliveryState.DELIVERED: count}
    assert len(trial.installation.far_end.calls("create")) == count


@embedded_by_hand
def test_receipts_that_name_no_delivery_of_ours(trial: Trial) -> None:
    """Stored, and matched by the provider's reference as soon as that is known; a stranger's waits and harms nobody."""
    far_end = trial.installation.far_end
    count = _silent(trial, 40, behaviour="slow", seconds=0.8)
    eventually(lambda: len(far_end.sms()) == count, what="all SMS are taken", every=0.005)
    elsewhere = str(trial.installation.settings["sms"]["callback_base_url"]) + "/callbacks/twilio/status/987654321/1"
    receipts = [Callback(elsewhere, sms["sid"], "delivered") for sms in far_end.sms()]
    stranger = Callback(elsewhere, "SM" + "f" * 32, "delivered")
    assert set(post([*receipts, stranger], at_once=8)) == {_STORED}
    trial.all_told_once()
    assert trial.installation.states(Channel.SMS) == {DeliveryState.DELIVERED: count}
    with trial.installation.database.read() as connection:
        unmatched = connection.execute(select(RECEIPT.c.reference).where(RECEIPT.c.delivery_id.is_(None))).scalars()
        assert list(unmatched) == [stranger.sid]
