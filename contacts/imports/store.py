"""The store's tables as the import's set-based statements use them."""

from __future__ import annotations

import contacts.models  # noqa: F401 - fills the metadata
from config.tables import metadata

school = metadata.tables["school"]
person = metadata.tables["person"]
identifier = metadata.tables["person_identifier"]
student = metadata.tables["student"]
enrolment = metadata.tables["enrolment"]
group = metadata.tables["student_group"]
membership = metadata.tables["membership"]
guardianship = metadata.tables["guardianship"]
consent = metadata.tables["consent"]
address = metadata.tables["address"]
point = metadata.tables["contact_point"]
