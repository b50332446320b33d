"""The contact store's tables as SQLAlchemy Core tables."""

from __future__ import annotations

from config.tables import core_table
from contacts import address_models, invitation_models, models, reminder_models, visit_models

SCHOOL = core_table(models.School)
SCHOOL_KEY = core_table(models.SchoolKey)
PERSON = core_table(models.Person)
IDENTIFIER = core_table(models.PersonIdentifier)
STUDENT = core_table(models.Student)
ENROLMENT = core_table(models.Enrolment)
STUDENT_GROUP = core_table(models.StudentGroup)
MEMBERSHIP = core_table(models.Membership)
GUARDIANSHIP = core_table(models.Guardianship)
CONSENT = core_table(models.Consent)
BLOCK = core_table(models.Block)
RELEASE = core_table(models.Release)
ADDRESS = core_table(address_models.Address)
CONTACT_POINT = core_table(address_models.ContactPoint)
REGISTER_ENTRY = core_table(address_models.ContactRegisterEntry)
REGISTER_SYNC = core_table(models.RegisterSync)
POSTAL_ADDRESS = core_table(address_models.PostalAddress)
CHALLENGE = core_table(address_models.VerificationChallenge)
REMINDER = core_table(reminder_models.Reminder)
REMINDER_ROUND = core_table(reminder_models.ReminderRound)
INVITATION = core_table(invitation_models.Invitation)
CODE_TRY = core_table(invitation_models.CodeTry)
LOG_IN = core_table(visit_models.LogIn)
VISIT = core_table(visit_models.Visit)
