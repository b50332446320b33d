"""The CAP document of an alert is valid by the OASIS schema, says what the alert says, and names nobody.

`CAP-v1.2.xsd` is the schema as OASIS publishes it: docs.oasis-open.org/emergency/cap/v1.2/CAP-v1.2.xsd.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
import xmlschema

from config.catalogue import LANGUAGES, load_catalogue
from config.database import Database
from dispatcher.alerts.text import compose
from dispatcher.codes import AlertStatus
from dispatcher.outbox.following import Kind
from dispatcher.reports.cap import NAMESPACE, CapAlert, CapReference, CapText, cap_document, cap_sender
from dispatcher.reports.cap_facts import cap_facts
from providers.base import Accepted
from tests.dispatcher.alerts.drafting import confirmed, draft, followed
from tests.dispatcher.world import World

SENT = datetime(2026, 11, 23, 7, 40, 12, 345678, tzinfo=UTC)
SCENARIOS = [scenario.name for scenario in load_catalogue().scenarios()]


@cache
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(Path(__file__).with_name("CAP-v1.2.xsd"), allow="local")


def parsed(document: str) -> Element:
    """The document, once it is known to be valid."""
    schema().validate(document)
    return fromstring(document)


def texts_of(root: Element, path: str) -> list[str | None]:
    return [one.text for one in root.iterfind(path, {"": NAMESPACE})]


def alert(scenario: str = "lockdown", status: AlertStatus = AlertStatus.ACTUAL, **values: Any) -> CapAlert:
    composed = compose(
        load_catalogue(),
        scenario=scenario,
        status=status,
        school="Eksempel & Sønn vgs",
        text="Vent <her>." if scenario in ("info", "update") else None,
        values={"sted": "hallen"} if scenario == "evacuation" else {},
    )
    facts: dict[str, Any] = {
        "identifier": "A-2611-0042",
        "sender": "varsling@example.no",
        "sent": SENT,
        "status": status,
        "msg_type": composed.scenario.msg_type,
        "response_type": composed.scenario.response_type,
        "scenario": scenario,
        "severity": composed.scenario.severity.value,
        "expires": SENT,
        "sender_name": "Eksempel fylkeskommune",
        "area": "Eksempel & Sønn vgs",
        "texts": [CapText(text.language, text.subject, text.email) for text in composed.texts],
        "references": [],
    }
    return CapAlert(**(facts | values))


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("status", [AlertStatus.ACTUAL, AlertStatus.EXERCISE])
def test_every_scenario_makes_a_valid_document(scenario: str, status: AlertStatus) -> None:
    root = parsed(cap_document(alert(scenario, status)))
    assert texts_of(root, "info/language") == ["nb-NO", "nn-NO", "se-NO", "en"]
    assert texts_of(root, "status") == [status.value.capitalize()]
    # It follows nothing: to others it is a first message, whatever it says.
    assert texts_of(root, "msgType") == ["Alert"]
    assert texts_of(root, "references") == []


def test_a_scenario_of_a_school_s_own_makes_a_valid_document() -> None:
    root = parsed(cap_document(replace(alert(), scenario="strømbrudd")))
    assert texts_of(root, "info/category") == ["Safety"] * 4
    assert texts_of(root, "info/event") == ["strømbrudd"] * 4


@pytest.mark.parametrize(
    ("scenario", "msg_type", "response", "urgency"),
    [
        ("update", "Update", "Monitor", "Immediate"),
        ("all_clear", "Update", "AllClear", "Past"),
        ("cancel", "Cancel", "None", "Past"),
    ],
)
def test_a_follow_up_refers_to_all_before_it(scenario: str, msg_type: str, response: str, urgency: str) -> None:
    references = [CapReference("A-2611-0040", SENT), CapReference("A-2611-0041", SENT)]
    root = parsed(cap_document(alert(scenario, references=references)))
    assert texts_of(root, "msgType") == [msg_type]
    assert set(texts_of(root, "info/responseType")) == {response}
    assert set(texts_of(root, "info/urgency")) == {urgency}
    assert texts_of(root, "references") == [
        "varsling@example.no,A-2611-0040,2026-11-23T07:40:12-00:00 "
        "varsling@example.no,A-2611-0041,2026-11-23T07:40:12-00:00"
    ]


def test_a_text_is_told_as_it_was_sent() -> None:
    root = parsed(cap_document(alert("info")))
    assert texts_of(root, "info/description") == ["Vent <her>."] * len(LANGUAGES)
    assert set(texts_of(root, "info/area/areaDesc")) == {"Eksempel & Sønn vgs"}


@pytest.mark.parametrize(
    ("address", "organisation", "sender"),
    [
        ("varsling@example.no", "Eksempel fylke", "varsling@example.no"),
        ("", "Eksempel fylke, <nord> & sør", "Eksempel_fylke___nord____sør"),
        ("", "", "beredskap"),
    ],
)
def test_a_sender_is_one_word(address: str, organisation: str, sender: str) -> None:
    assert cap_sender(address, organisation) == sender


def test_a_document_of_what_is_stored(sqlite_database: Database) -> None:
    world = World(sqlite_database)
    family = world.family()
    first = confirmed(world, draft(world, status=AlertStatus.EXERCISE), hold=0.0)
    world.plan()
    world.record((world.claim_one(), Accepted("SM1")))
    world.later(600)
    update = followed(world, first.alert_id, Kind.UPDATE)
    over = followed(world, first.alert_id, Kind.ALL_CLEAR)
    documents = []
    with world.clock(), world.database.read() as connection:
        for one in (first.alert_id, update, over):
            facts = cap_facts(connection, one, sender="varsling@example.no", organisation="")
            documents.append(cap_document(facts))
    roots = [parsed(document) for document in documents]
    assert [texts_of(root, "identifier") for root in roots] == [["A-2611-0001"], ["A-2611-0002"], ["A-2611-0003"]]
    assert [texts_of(root, "msgType")[0] for root in roots] == ["Alert", "Update", "Update"]
    assert {texts_of(root, "status")[0] for root in roots} == {"Exercise"}
    assert texts_of(roots[2], "info/headline")[0] == "ØVELSE - Eksempel vgs: Faren er over"
    references = [(texts_of(root, "references") or [""])[0] or "" for root in roots]
    assert [line.count("varsling@example.no,") for line in references] == [0, 1, 2]
    assert not any(secret in document for document in documents for secret in (family.phone, "leder", "Ola"))
