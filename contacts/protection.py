"""Who is protected, or may be: of them nothing is shown but the ref and what is decided, released or not.

One rule for every page, list and file. A student of whom no source has told whether they are protected may be.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_

from contacts.codes import Protection
from contacts.tables import PERSON


def may_be_protected(protection: Protection, *, unknown: bool) -> bool:
    """`unknown`: no source has told this person's protection (`Person.protection_unknown`)."""
    return unknown or protection.protected


def known_protected() -> ColumnElement[bool]:
    """Persons whom the population register grades as protected."""
    return PERSON.c.protection.in_([grade for grade in Protection if grade.protected])


def maybe_protected() -> ColumnElement[bool]:
    """`may_be_protected` as a condition on persons."""
    return or_(known_protected(), PERSON.c.protection_unknown)
