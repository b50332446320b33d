"""What a page is answered from: the request's form and path, who asks, and what the answer is made with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from starlette.datastructures import ImmutableMultiDict
from starlette.responses import RedirectResponse, Response

from config.clock import oslo_date
from config.database import Database
from config.keys import Keys
from config.operators import Operator
from config.settings import Settings
from contacts.visits import OpenVisit
from portal.boards import Boards
from portal.quality import QualityFigures
from portal.rendering import page, page_with_late
from portal.texts import translator


@dataclass(frozen=True, slots=True)
class Portal:
    """What all pages of one application share."""

    settings: Settings
    database: Database
    keys: Keys = field(repr=False)
    boards: Boards = field(repr=False)
    quality: QualityFigures = field(repr=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for a page, by somebody who may make it: `portal.access` has seen to that.

    `last_event`: the newest event of a stream that the browser has had, when it comes back to it.
    `visitor`: who is logged in; None on pages for anybody. `operator`: on pages for staff, with their reach in the
    right that the page needs.
    """

    portal: Portal
    language: str
    path: dict[str, Any]
    query: ImmutableMultiDict[str, str]
    form: ImmutableMultiDict[str, str]
    last_event: str = ""
    visitor: OpenVisit | None = None
    operator: Operator | None = None

    @property
    def person_id(self) -> int:
        """The guardian's or the student's id in the store; on pages of theirs alone, and of no stranger."""
        assert self.visitor is not None and self.visitor.person_id is not None
        return self.visitor.person_id

    @property
    def form_token(self) -> str:
        """What the forms of this visit carry; empty for whoever is not logged in."""
        return self.visitor.form_token if self.visitor else ""

    def today(self) -> date:
        """The day in Oslo, by the database's clock."""
        return oslo_date(self.portal.database.now())

    def say(self, text: str) -> str:
        """A text in the visitor's language."""
        return translator(self.language)(text)

    def show(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page. Every template has `visitor` and `form_token` beside what is given."""
        return page(template, self.language, status, **self._own(), **context)

    def show_with_late(self, template: str, late: Callable[[], Awaitable[str]], **context: Any) -> Response:
        """A page of which `late` gives a part when that is there (`rendering.page_with_late`)."""
        return page_with_late(template, self.language, late, **self._own(), **context)

    def _own(self) -> dict[str, Any]:
        return {"visitor": self.visitor, "form_token": self.form_token}

    def go(self, path: str) -> Response:
        """On to another page, after something was done: reloading that one does nothing again."""
        return RedirectResponse(path, 303)
