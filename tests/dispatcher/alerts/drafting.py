"""Alerts as an operator asks for them: drafts with the scenarios' own texts."""

from __future__ import annotations

from typing import Any

from config.catalogue import load_catalogue
from config.sections import OrganisationSettings
from dispatcher.alerts.draft import AlertRequest, Draft, make_draft
from dispatcher.alerts.follow_up_draft import FollowUpRequest, make_follow_up
from dispatcher.alerts.lifecycle import Confirmed, confirm
from dispatcher.codes import AlertStatus
from dispatcher.outbox.following import Kind
from providers.base import Channel
from tests.dispatcher.world import World

CATALOGUE = load_catalogue(None)
ORGANISATION = OrganisationSettings(
    name="", default_language="nb", trusted_sources=["krr"], stale_after_months=18, failing_after=3, messages_dir=""
)


def request(**values: Any) -> AlertRequest:
    asked: dict[str, Any] = {
        "schools": ["Eksempel vgs"],
        "groups": [],
        "grades": [],
        "students": [],
        "scenario": "lockdown",
        "status": AlertStatus.ACTUAL,
        "text": None,
        "texts": {},
        "values": {},
        "channels": frozenset(Channel),
        "include_unverified": False,
        "expires_seconds": 7200,
        "operator": "leder",
    }
    return AlertRequest(**(asked | values))


def draft(world: World, **values: Any) -> Draft:
    with world.clock(), world.database.write() as connection:
        return make_draft(connection, CATALOGUE, request(**values), ORGANISATION)


def confirmed(world: World, one: Draft, *, again: bool = False, hold: float = 5.0) -> Confirmed:
    with world.clock(), world.database.write() as connection:
        return confirm(connection, one.alert_id, hold_seconds=hold, operator="leder", again=again)


def follow_up(world: World, alert: int, kind: Kind, **values: Any) -> Draft:
    """The draft of a follow-up to an alert."""
    asked: dict[str, Any] = {
        "kind": kind,
        "refers_to": alert,
        "text": "Elevene er trygge." if kind is Kind.UPDATE else None,
        "texts": {},
        "values": {},
        "expires_seconds": 7200,
        "operator": "leder",
    }
    with world.clock(), world.database.write() as connection:
        return make_follow_up(connection, CATALOGUE, FollowUpRequest(**(asked | values)), ORGANISATION)


def followed(world: World, alert: int, kind: Kind, **values: Any) -> int:
    """The id of a follow-up that was confirmed and planned, and may leave at once."""
    made = follow_up(world, alert, kind, **values)
    answer = confirmed(world, made, hold=0.0, again=values.get("again", False))
    world.plan()
    return answer.alert_id
