"""An alert that has gone wrong in part, with the crisis board of it and those who may look at that."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, update

from config.database import Database
from contacts.tables import PERSON
from dispatcher.codes import AlertState
from dispatcher.retention.reducing import reduce_alert
from dispatcher.tables import ALERT, MARK
from providers.base import Rejected
from tests.dispatcher.world import Family, World
from tests.portal.browser import Browser, PortalUnderTest

OPERATORS = """
[operators."leder"]
roles = ["school_leader"]
schools = ["Eksempel vgs"]
[operators."kollega"]
roles = ["county_leader"]
[operators."annen"]
roles = ["school_leader"]
schools = ["En annen skole"]
[operators."revisor"]
roles = ["auditor"]
"""


class Crisis:
    """An alert of which two families' SMS were refused, with the board of it."""

    def __init__(self, database: Database, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = directory / "settings.toml"
        file.write_text(OPERATORS, encoding="utf-8")
        monkeypatch.setenv("BEREDSKAP_CONFIG", str(file))
        self.database = database
        self.world = World(database)
        self.families: list[Family] = [self.world.family() for _ in range(3)]
        for place, family in enumerate(self.families):
            names = {"given_name": f"Elev{place}", "family_name": "Test"}
            with self.world.store() as store:
                store.connection.execute(update(PERSON).where(PERSON.c.id == family.student).values(**names))
                names = {"given_name": f"Voksen{place}", "family_name": "Test"}
                store.connection.execute(update(PERSON).where(PERSON.c.id == family.guardian).values(**names))
        alert = self.world.sent(*self.families)
        claims = self.world.claim()
        with self.world.clock():
            self.world.record(*((claim, Rejected("21211")) for claim in claims))
        with database.read() as connection:
            self.number = str(connection.scalars(select(ALERT.c.number).where(ALERT.c.id == alert)).one())
        self.portal = PortalUnderTest(database, directory, monkeypatch)
        self.path = f"/staff/alerts/{self.number}"

    def board(self, operator: str = "leder", language: str = "en") -> Browser:
        browser = self.portal.staff(operator, language)
        browser.get(self.path)
        return browser

    def mark(
        self, browser: Browser, family: Family, *, guardian: bool = True, note: str = "", act: str = "reached"
    ) -> None:
        form = {"student": self.ref(family), "guardian": f"G-{family.guardian}" if guardian else "", "note": note}
        browser.post(f"{self.path}/{act}", form)

    def reduce(self) -> None:
        """The alert ends, and becomes figures."""
        with self.database.write() as connection:
            alert = connection.execute(select(ALERT.c.id).where(ALERT.c.number == self.number)).scalar_one()
            connection.execute(update(ALERT).where(ALERT.c.id == alert).values(state=AlertState.CLOSED))
        reduce_alert(self.database, alert, operator="beredskap")

    def ref(self, family: Family) -> str:
        with self.database.read() as connection:
            return str(connection.scalars(select(PERSON.c.ref).where(PERSON.c.id == family.student)).one())

    def marks(self) -> list[tuple[int, str, bool]]:
        with self.database.read() as connection:
            rows = connection.execute(
                select(MARK.c.student_id, MARK.c.marked_by, MARK.c.taken_back_at).order_by(MARK.c.id)
            )
            return [(row.student_id, row.marked_by, row.taken_back_at is not None) for row in rows]
