"""What a guardian may see in the portal, in one table: the only list that pages, views and docs go by.

A test holds each field of what the pages are given against it, and docs/portal-guardian.md against it. What is not here
is not shown; to show more, decide it here first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Of(StrEnum):
    """Whom it is about."""

    PAGE = "a student whose page they see"
    NAME = "an adult student who lets them be told in alerts, and see no page"
    SELF = "themselves"


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that is shown. `fields`: where it stands in what the pages are given, as Class.field."""

    of: Of
    what: str
    fields: tuple[str, ...]


SEEN: Final = (
    Seen(Of.PAGE, "the student's name", ("StudentPage.name",)),
    Seen(Of.PAGE, "the schools that they go to today, the main one first", ("StudentPage.schools",)),
    Seen(Of.PAGE, "classes and groups of today", ("StudentPage.classes", "StudentPage.groups")),
    Seen(
        Of.PAGE,
        "given name and initial of contact persons by a documented decision (of minors, to those who have custody)",
        ("StudentPage.contact_persons",),
    ),
    Seen(
        Of.PAGE,
        "the alerts that they themselves received about the student: number, kind, when",
        (
            "ReceivedAlert.number",
            "ReceivedAlert.status",
            "ReceivedAlert.msg_type",
            "ReceivedAlert.all_clear",
            "ReceivedAlert.sent_at",
            "ReceivedAlert.messages",
        ),
    ),
    Seen(
        Of.PAGE,
        "each message of such an alert: channel, language, title and text as sent, when it left, what became of it",
        (
            "ReceivedMessage.channel",
            "ReceivedMessage.language",
            "ReceivedMessage.title",
            "ReceivedMessage.text",
            "ReceivedMessage.at",
            "ReceivedMessage.arrival",
        ),
    ),
    Seen(Of.NAME, "given name and initial, and that they get alerts about them", ("ToldAbout.short_name",)),
    Seen(Of.SELF, "the language of their messages", ("GuardianView.language",)),
    Seen(
        Of.SELF,
        "their addresses (in full only what they gave or confirmed by a code), who told them, what they are used for",
        ("OwnPoint.channel", "OwnPoint.shown", "OwnPoint.told_by", "OwnPoint.state", "OwnPoint.code_waiting"),
    ),
)
# For the program alone: they name rows, mean nothing outside a session, and a page may use the last as a key of forms.
FOR_THE_PROGRAM: Final = frozenset(
    {
        "GuardianView.guardian_id",
        "GuardianView.on",
        "GuardianView.students",
        "GuardianView.told_about",
        "StudentPage.student_id",
        "ReceivedAlert.students",
        "OwnPoint.point_id",
    }
)
NEVER: Final[Mapping[str, str]] = {
    "anything of a protected student, or of one who may be, released or not; nor that there is such a student": (
        "a release lets an alert out, and no more"
    ),
    "another guardian's address or number, or whether they were told": "each guardian's are their own",
    "another guardian's name": "a foster parent's, or a new spouse's, may tell where a child lives",
    "contact persons without a documented decision, and those whom a student of 15 to 17 named": (
        "the first have no say here, and are other guardians where a roster knows no custody; the second are the "
        "student's confidence"
    ),
    "contact persons of an adult student": "whom an adult names is theirs alone",
    "protected contact persons": "they are protected",
    "student numbers, identity numbers, birth dates": "no page needs them",
    "alerts that they did not receive, and to which address one went": (
        "who gets what, and where, tells of others who share an address"
    ),
    "that they are blocked, or why": "the decision is told to them in another way",
    "answers to SMS, and marks of staff": "they are notes of others",
}
# Views of a school's administrative system that this store holds nothing of: it is there for alerts.
NOT_HELD: Final = (
    "timetable",
    "absence",
    "conduct",
    "grades and assessments",
    "history of earlier schools and years",
    "curriculum and subjects' plans",
)
