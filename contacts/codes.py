"""The coded values of the contact store, as stored and as printed."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

# What the contact and reservation register (KRR) is called as a source.
CONTACT_REGISTER: Final = "krr"


class Basis(StrEnum):
    """Why a guardian is linked to a student."""

    CUSTODY = "custody"  # parental responsibility, from the population register
    FOSTER = "foster"
    APPOINTED = "appointed"
    SCHOOL_REGISTER = "school_register"  # PIFU's guardian, which includes foster parents
    CONTACT_PERSON = "contact_person"
    RELATIVE = "relative"  # family relation only


class Protection(StrEnum):
    """The register's grading of a person's address (adressebeskyttelse)."""

    NONE = "none"
    CLIENT = "klientadresse"
    CONFIDENTIAL = "fortrolig"
    STRICTLY_CONFIDENTIAL = "strengtFortrolig"

    @property
    def protected(self) -> bool:
        """True for the two gradings that hold a student's alerts until somebody releases them."""
        return self in (Protection.CONFIDENTIAL, Protection.STRICTLY_CONFIDENTIAL)


class RegisterStatus(StrEnum):
    """What the contact and reservation register (KRR) says of a person as such."""

    ACTIVE = "active"
    DELETED = "deleted"  # was registered, and is no longer
    NOT_REGISTERED = "not_registered"  # never was


class ConsentPurpose(StrEnum):
    """What an adult student consents to; one is never taken for the other."""

    ALERTS = "alerts"
    PORTAL = "portal"


class VisitorKind(StrEnum):
    """As what somebody is logged in to the portal."""

    GUARDIAN = "guardian"
    STUDENT = "student"
    STAFF = "staff"


class AddressChannel(StrEnum):
    SMS = "sms"
    EMAIL = "email"


class VerifiedBy(StrEnum):
    """How a contact point came to be verified."""

    CODE = "code"  # the guardian confirmed a code
    SOURCE = "source"  # the source that gave it verifies, and the settings trust it


class ReminderWay(StrEnum):
    """How a guardian is reminded."""

    SMS = "sms"
    EMAIL = "email"
    LETTER = "letter"  # on paper


class InvitationState(StrEnum):
    """How far an invitation has come, by which a student names somebody who is not among their guardians."""

    MADE = "made"  # the code has been shown to the student, and nobody has entered it
    ENTERED = "entered"  # somebody logged in and entered it; the student must say whether it is the right one
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    EXPIRED = "expired"
    REVOKED = "revoked"


class NameFrom(StrEnum):
    """Where the name comes from that a student is shown of whoever entered the code."""

    STORE = "store"  # a register or a roster told it
    LOGIN = "login"
    THEMSELVES = "themselves"  # typed by whoever entered the code
