"""The student's pages."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from portal.access import STUDENTS, Page
from portal.visit import Visit


def _home(visit: Visit) -> Response:
    return visit.show("student.html")


PAGES: Final = (Page("GET", "/student", _home, STUDENTS),)
