"""The table of all pages: what there is to ask for, and who may."""

from __future__ import annotations

from typing import Final

from portal.access import Page
from portal.pages import board, guardian, guardian_contacts, staff, start, student

PAGES: Final[tuple[Page, ...]] = (
    *start.PAGES,
    *guardian.PAGES,
    *guardian_contacts.PAGES,
    *student.PAGES,
    *staff.PAGES,
    *board.PAGES,
)
