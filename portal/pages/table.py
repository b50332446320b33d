"""The table of all pages: what there is to ask for, and who may."""

from __future__ import annotations

from typing import Final

from portal.access import Page
from portal.pages import guardian, staff, start, student

PAGES: Final[tuple[Page, ...]] = (*start.PAGES, *guardian.PAGES, *student.PAGES, *staff.PAGES)
