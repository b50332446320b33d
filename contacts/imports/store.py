"""The store's tables by the names that the import's set-based statements use."""

from __future__ import annotations

from contacts import tables

school = tables.SCHOOL
school_key = tables.SCHOOL_KEY
person = tables.PERSON
identifier = tables.IDENTIFIER
student = tables.STUDENT
enrolment = tables.ENROLMENT
group = tables.STUDENT_GROUP
membership = tables.MEMBERSHIP
guardianship = tables.GUARDIANSHIP
consent = tables.CONSENT
address = tables.ADDRESS
point = tables.CONTACT_POINT
register_entry = tables.REGISTER_ENTRY
postal_address = tables.POSTAL_ADDRESS
