"""An alert as a CAP 1.2 document (OASIS Common Alerting Protocol), with references to what it follows (pure).

For archives and for the systems of others. It names no guardian, no student and no operator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from config.catalogue import MsgType, ResponseType, Severity
from dispatcher.codes import AlertStatus

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
_STATUS = {AlertStatus.ACTUAL: "Actual", AlertStatus.EXERCISE: "Exercise", AlertStatus.TEST: "Test"}
_MSG_TYPE = {MsgType.ALERT: "Alert", MsgType.UPDATE: "Update", MsgType.CANCEL: "Cancel"}
_LANGUAGE = {"nb": "nb-NO", "nn": "nn-NO", "se": "se-NO", "en": "en"}
_RESTRICTION = "Told to the guardians of the students concerned, by SMS, e-mail or telephone."


@dataclass(frozen=True, slots=True)
class _Event:
    """What CAP wants to know about a scenario: its category, what to do, and how soon."""

    category: str
    response: str
    urgency: str = "Immediate"


_EVENTS: Mapping[str, _Event] = {
    "lockdown": _Event("Security", "Shelter"),
    "shelter": _Event("Safety", "Shelter"),
    "evacuation": _Event("Safety", "Evacuate"),
    "fire": _Event("Fire", "Evacuate"),
    "incident": _Event("Safety", "Monitor"),
    "weather": _Event("Met", "Prepare", "Expected"),
    "transport": _Event("Transport", "Prepare", "Expected"),
    "closed": _Event("Safety", "Avoid", "Expected"),
}
# News, information, and the scenarios that a school has made itself.
_OTHER = _Event("Safety", "Monitor")
# There was nothing to answer to.
_TAKEN_BACK = _Event("Safety", "None", "Past")
_ALL_CLEAR = _Event("Safety", "AllClear", "Past")


@dataclass(frozen=True, slots=True)
class CapText:
    """What was said in one language."""

    language: str
    headline: str
    description: str


@dataclass(frozen=True, slots=True)
class CapReference:
    """An earlier alert of the thread."""

    identifier: str
    sent: datetime


@dataclass(frozen=True, slots=True)
class CapAlert:
    """The facts of a document. `sender`: who vouches for the numbers; see `cap_sender`. `area`: the schools' names."""

    identifier: str
    sender: str
    sent: datetime
    status: AlertStatus
    msg_type: MsgType
    response_type: str | None
    scenario: str
    severity: str
    expires: datetime
    sender_name: str
    area: str
    texts: Sequence[CapText]
    references: Sequence[CapReference]


def cap_sender(from_address: str, organisation: str) -> str:
    """A name for the sender that CAP allows (no space, comma, < or &): the address that alerts are mailed from; the
    organisation's name without one."""
    name = from_address or organisation or "beredskap"
    return "".join("_" if letter.isspace() or letter in ",<>&" else letter for letter in name)


def cap_document(alert: CapAlert) -> str:
    """The document, as text with its XML declaration. It is valid by the schema of CAP 1.2."""
    root = Element("alert", xmlns=NAMESPACE)
    _add(root, "identifier", alert.identifier)
    _add(root, "sender", alert.sender)
    _add(root, "sent", _time(alert.sent))
    _add(root, "status", _STATUS[alert.status])
    # An all-clear that was sent as an alert of its own refers to nothing: to CAP that is a first message.
    _add(root, "msgType", _MSG_TYPE[alert.msg_type] if alert.references else _MSG_TYPE[MsgType.ALERT])
    _add(root, "scope", "Restricted")
    _add(root, "restriction", _RESTRICTION)
    if alert.references:
        told = (f"{alert.sender},{one.identifier},{_time(one.sent)}" for one in alert.references)
        _add(root, "references", " ".join(told))
    event = _event(alert)
    for text in alert.texts:
        info = SubElement(root, "info")
        _add(info, "language", _LANGUAGE[text.language])
        _add(info, "category", event.category)
        _add(info, "event", alert.scenario)
        _add(info, "responseType", event.response)
        _add(info, "urgency", event.urgency)
        _add(info, "severity", Severity(alert.severity).value.capitalize())
        _add(info, "certainty", "Observed")
        _add(info, "expires", _time(alert.expires))
        _add(info, "senderName", alert.sender_name)
        _add(info, "headline", text.headline)
        _add(info, "description", text.description)
        _add(SubElement(info, "area"), "areaDesc", alert.area)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _event(alert: CapAlert) -> _Event:
    if alert.response_type == ResponseType.ALL_CLEAR:
        return _ALL_CLEAR
    if alert.msg_type is MsgType.CANCEL:
        return _TAKEN_BACK
    return _EVENTS.get(alert.scenario, _OTHER)


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text


def _time(moment: datetime) -> str:
    """As CAP wants it: whole seconds, and -00:00 where others write Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S-00:00")
