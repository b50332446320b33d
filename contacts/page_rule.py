"""What a guardian sees of a student in the portal: the rule of entitlement, asked of the consent to the portal.

May this guardian see this student's page today? Consents are those to the portal then, and none to alerts counts:

    student                                             guardian                          page
 P1 dead; protected or perhaps, released or not;        any                               no
    birth date unknown
 P2 any                                                 dead, or blocked that day         no
 P3 under 18                                            rows 6 to 8                       yes
 P4 under 18                                            rows 9 and 10                     no
 P5 18 or more                                          consent to the portal in force    yes
 P6 18 or more                                          none in force                     no

Of a student without a page (P4, P6) a guardian who is told in an alert learns the short name, and nothing else.
Rows 6 to 10 are those of `entitlement.py`. A release (its row 5) is about alerts: it opens no page and names nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from enum import StrEnum

from contacts.entitlement import (
    ConsentState,
    Entitlement,
    GuardianFacts,
    GuardianshipFacts,
    StudentFacts,
    Verdict,
    decide,
)


class Sight(StrEnum):
    """What a guardian sees of a student in the portal."""

    PAGE = "page"
    NAME = "name"  # that they are told about this student in an alert, and the short name
    NOTHING = "nothing"  # not even that there is such a student


def decide_page(
    student: StudentFacts,
    guardian: GuardianFacts,
    guardianships: Iterable[GuardianshipFacts],
    consent: ConsentState,
    on: date,
) -> Entitlement:
    """May the guardian see the student's page on the day `on` in Oslo? `consent`: what was said about the portal.

    Only `entitled` opens it: who is held for a person to decide has no page.
    """
    return decide(replace(student, released=False), guardian, guardianships, consent, on)


def sight(student: StudentFacts, page: Entitlement, alerts: Entitlement) -> Sight:
    """What a guardian sees of the student, from the answers of `decide_page` and of `decide` about that same day."""
    if page.verdict is Verdict.ENTITLED:
        return Sight.PAGE
    hidden = student.protection.protected or student.protection_unknown
    return Sight.NAME if alerts.verdict is Verdict.ENTITLED and not hidden else Sight.NOTHING
