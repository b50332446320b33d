"""What people type after options."""

from __future__ import annotations

import pytest

from config.errors import UsageError
from dispatcher.alerts.requirements import check_answerable
from dispatcher.commands.typed import channels_of, placeholders, seconds_of
from providers.base import Channel


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("2h", 7200), ("90m", 5400), ("1h30m", 5400), (" 45 min ", 2700), ("30S", 30), ("168h", 604_800)],
)
def test_times(typed: str, seconds: int) -> None:
    assert seconds_of(typed) == seconds


@pytest.mark.parametrize("typed", ["2", "", "0h", "soon", "-1h", "2d", "169h", "1h 2h"])
def test_what_is_no_time_is_asked_about(typed: str) -> None:
    with pytest.raises(UsageError, match="with its unit"):
        seconds_of(typed)


def test_placeholders_keep_their_words_as_typed() -> None:
    assert placeholders(["sted=hallen", "melding=kl. 12 = lunsj"]) == {"sted": "hallen", "melding": "kl. 12 = lunsj"}
    for wrong in ("sted", "=hallen"):
        with pytest.raises(UsageError):
            placeholders([wrong])


def test_channels() -> None:
    assert channels_of("SMS, email") == {Channel.SMS, Channel.EMAIL}
    for wrong in ("", "fax", "sms,fax"):
        with pytest.raises(UsageError):
            channels_of(wrong)


@pytest.mark.parametrize("sender", ["+4759444444", "+47 594 44 444", "2097", "MG" + "0a" * 16])
def test_a_number_can_be_answered(sender: str) -> None:
    check_answerable(sender, frozenset(Channel))


@pytest.mark.parametrize("sender", ["SKOLEN", "Skole 1", "", "MG1", "+"])
def test_a_name_cannot_be_answered(sender: str) -> None:
    with pytest.raises(UsageError, match="only a number can be answered"):
        check_answerable(sender, frozenset(Channel))


def test_an_alert_by_email_alone_asks_for_no_sms_in_answer() -> None:
    with pytest.raises(UsageError, match="by e-mail alone"):
        check_answerable("+4759444444", frozenset({Channel.EMAIL}))
