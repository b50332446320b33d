"""The table of all pages: what there is to ask for, and who may."""

from __future__ import annotations

from typing import Final

from config.portal_sections import PortalSettings
from portal.access import Page
from portal.pages import (
    board,
    codes,
    guardian,
    guardian_contacts,
    invitations,
    sending,
    staff,
    start,
    student,
    waiting,
)

PAGES: Final[tuple[Page, ...]] = (
    *start.PAGES,
    *guardian.PAGES,
    *guardian_contacts.PAGES,
    *codes.PAGES,
    *student.PAGES,
    *invitations.PAGES,
    *staff.PAGES,
    *waiting.PAGES,
    *board.PAGES,
    *sending.PAGES,
)


def pages_of(settings: PortalSettings) -> tuple[Page, ...]:
    """Those that there are with these settings."""
    return tuple(page for page in PAGES if settings.sending or not page.sends)
