"""The store's tables by the names that the import's set-based statements use."""

from __future__ import annotations

from config.tables import core_table
from contacts import models, tables

school = tables.SCHOOL
school_key = core_table(models.SchoolKey)
person = tables.PERSON
identifier = core_table(models.PersonIdentifier)
student = tables.STUDENT
enrolment = tables.ENROLMENT
group = tables.STUDENT_GROUP
membership = tables.MEMBERSHIP
guardianship = tables.GUARDIANSHIP
consent = tables.CONSENT
address = tables.ADDRESS
point = tables.CONTACT_POINT
register_entry = tables.REGISTER_ENTRY
