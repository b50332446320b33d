"""Who sends in which lane: calls leave for alerts alone, and only where the settings name a caller."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from config.settings import load_settings
from dispatcher.codes import Lane
from dispatcher.running.senders import Sender, make_senders
from dispatcher.running.shared_rate import SharedRates
from providers.base import Channel


def senders_of(lane: Lane) -> list[Sender]:
    async def make() -> list[Sender]:
        return make_senders(load_settings(), lane, SharedRates(""))

    return asyncio.run(make())


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_SMS__ACCOUNT_SID", "AC" + "0" * 32)
    monkeypatch.setenv("BEREDSKAP_SMS__SENDER", "SKOLEN")


@pytest.mark.parametrize(
    ("lane", "caller", "channels"),
    [
        (Lane.ALERTS, "+4722000000", [Channel.SMS, Channel.VOICE]),
        (Lane.ALERTS, "", [Channel.SMS]),
        # No number: the section is set aside, and SMS leave all the same.
        (Lane.ALERTS, "SKOLEN", [Channel.SMS]),
        (Lane.ROUTINE, "+4722000000", [Channel.SMS]),
    ],
)
def test_who_calls(monkeypatch: pytest.MonkeyPatch, lane: Lane, caller: str, channels: list[Channel]) -> None:
    monkeypatch.setenv("BEREDSKAP_VOICE__CALLER", caller)
    assert [sender.channel for sender in senders_of(lane)] == channels


def test_words_that_cannot_be_read_keep_nobody_from_being_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BEREDSKAP_VOICE__CALLER", "+4722000000")
    (tmp_path / "phrases").mkdir()
    (tmp_path / "phrases" / "voice_menu.toml").write_text("no language", encoding="utf-8")
    monkeypatch.setenv("BEREDSKAP_ORGANISATION__MESSAGES_DIR", str(tmp_path))
    assert [sender.channel for sender in senders_of(Lane.ALERTS)] == [Channel.SMS, Channel.VOICE]
