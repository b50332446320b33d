"""The contact store's tables as SQLAlchemy Core tables."""

from __future__ import annotations

from sqlalchemy import Table

from contacts import models


def _table(model: type) -> Table:
    table = model.__table__  # type: ignore[attr-defined]
    assert isinstance(table, Table)
    return table


SCHOOL = _table(models.School)
PERSON = _table(models.Person)
STUDENT = _table(models.Student)
ENROLMENT = _table(models.Enrolment)
STUDENT_GROUP = _table(models.StudentGroup)
MEMBERSHIP = _table(models.Membership)
GUARDIANSHIP = _table(models.Guardianship)
CONSENT = _table(models.Consent)
BLOCK = _table(models.Block)
RELEASE = _table(models.Release)
ADDRESS = _table(models.Address)
CONTACT_POINT = _table(models.ContactPoint)
CHALLENGE = _table(models.VerificationChallenge)
