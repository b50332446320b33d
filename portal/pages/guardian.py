"""The guardian's pages."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from portal.access import GUARDIANS, Page
from portal.visit import Visit


def _home(visit: Visit) -> Response:
    return visit.show("guardian.html")


PAGES: Final = (Page("GET", "/guardian", _home, GUARDIANS, strangers=True),)
