"""The way to the provider: refused, cut, without encryption where it was asked for; and every answer it can give."""

from __future__ import annotations

from dispatcher.codes import DeliveryState
from providers.base import Channel
from tests.faults.conftest import Trial, embedded_by_hand
from tests.faults.way import Way
from tests.services.waiting import eventually

_CUTS = 4


@embedded_by_hand
def test_connections_refused_for_a_while(trial: Trial, way: Way) -> None:
    """Certainly not taken: put off, and tried again by itself. Soon only single messages are tried."""
    way.close()
    trial.slow_alert(200)
    eventually(
        lambda: all(set(trial.codes(channel)) == {"connect_refused"} for channel in (Channel.SMS, Channel.EMAIL)),
        what="messages are put off",
    )
    assert trial.installation.far_end.taken() == 0
    way.open()
    trial.struck()
    trial.all_told_once()


@embedded_by_hand
def test_connections_cut_again_and_again(trial: Trial, way: Way) -> None:
    """In the middle of requests and answers: what is unknown is looked up, an e-mail repeated under its Message-ID."""
    trial.installation.far_end.behave(latency=0.05)
    trial.slow_alert(1_200)
    for _ in range(_CUTS):
        before = trial.installation.far_end.taken()
        eventually(lambda goal=before + 30: trial.installation.far_end.taken() >= goal, what="more has left")
        for relay in way.each():
            relay.cut()
    trial.struck()
    trial.all_told_once()


def test_no_encryption_where_it_was_asked_for(embedded_trial: Trial) -> None:
    """Nothing is handed to whoever that is. E-mail goes on; SMS follow when the settings are mended."""
    trial, installation = embedded_trial, embedded_trial.installation
    school = trial.school_of(60)
    right = str(installation.settings["sms"]["api_base_url"])
    installation.set("sms", api_base_url=right.replace("http://", "https://"))
    service = installation.start("run")
    eventually(lambda: installation.alive("run") == 1, what="the service is alive")
    assert installation.send("--json", "--no-watch").status == 0
    eventually(lambda: installation.states(Channel.SMS)[DeliveryState.DEFERRED] >= 5, what="SMS are put off")
    eventually(lambda: installation.far_end.counts()["email"] == school.guardians, what="the e-mails have left")
    assert installation.far_end.counts()["sms"] == 0
    service.terminate()
    assert service.wait().status == 0
    for process in installation.processes.living():
        process.kill()
    installation.set("sms", api_base_url=right)
    trial.struck()
    installation.start("run")
    trial.all_told_once()


def test_every_way_in_which_an_sms_can_be_answered(trial: Trial) -> None:
    """Every third SMS meets one of them, once; what was taken all the same is found, and not sent again."""
    installation = trial.installation
    trial.school_of(60 * len(_ANSWERS))
    for place, to in enumerate(trial.numbers()[::3]):
        behaviour, code = _ANSWERS[place % len(_ANSWERS)]
        installation.far_end.behave(to=to, behaviour=behaviour, times=1, code=code)
    if installation.distributed:
        installation.workers("alerts")
    trial.struck()
    assert installation.send("--json", "--no-watch").status == 0
    trial.all_told_once()
    met = trial.codes(Channel.SMS)
    # Each of them was really met: all but what was refused for rate ended as unknown, or put off.
    assert met.total() >= 10 * len(_ANSWERS)
    assert {"20429", "20500", "read_timeout", "connection_lost", "bad_answer"} <= met.keys()


# With the provider's code, where the answer has one.
_ANSWERS = (
    ("busy", "20429"),
    ("error_before", "20500"),
    ("error_after", "20500"),
    ("hang", ""),
    ("cut", ""),
    ("cut_silent", ""),
    ("malformed", ""),
)
