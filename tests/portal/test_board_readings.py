"""When a crisis board is read again, what is kept of it, and what somebody lacks who has an older one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Connection, update
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from config.errors import UsageError
from dispatcher.reports import board as boards
from dispatcher.tables import ALERT
from portal import board_readings
from portal.board_readings import KEPT_SECONDS, BoardReadings
from portal.board_shown import Look, Shown
from tests.portal.crisis import Crisis

ENGLISH = Look("en")


class Watch:
    """A clock that a test sets, and a count of what was read; the database can be away."""

    def __init__(self, crisis: Crisis, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.reads = 0
        self.away = False
        self.crisis = crisis
        self.readings = BoardReadings(crisis.database, lambda: self.now)
        with crisis.database.read() as connection:
            self.alert: int = connection.execute(ALERT.select()).one().id
        monkeypatch.setattr(board_readings, "board_token", self._token)
        monkeypatch.setattr(board_readings, "read_board", self._read)

    def look(self, look: Look = ENGLISH, *, patient: bool = False, after: float = 0.0) -> Shown:
        self.now += after
        return self.readings.now(self.alert, [look], patient=patient)[look]

    def goes_on(self) -> None:
        """Planning has come further: the token is another one."""
        with self.crisis.database.write() as connection:
            connection.execute(update(ALERT).values(cursor=ALERT.c.cursor + 1))

    def _token(self, connection: Connection, alert: int) -> boards.BoardToken:
        if self.away:
            raise OperationalError("", {}, Exception())
        return boards.board_token(connection, alert)

    def _read(self, connection: Connection, alert: int) -> boards.Board:
        self.reads += 1
        return boards.read_board(connection, alert)


@pytest.fixture
def watch(crisis: Crisis, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(crisis, monkeypatch)


def told(event: bytes) -> dict[str, Any]:
    """What a browser reads of an event."""
    identity, name, data = event.decode().removesuffix("\n\n").split("\n")
    assert identity.startswith("id: ") and name == "event: board"
    return dict(json.loads(data.removeprefix("data: ")))


def test_who_opens_it_sees_all_that_was_committed(watch: Watch) -> None:
    first = watch.look()
    assert watch.look() is first and watch.reads == 1
    watch.goes_on()
    assert watch.look() is not first and watch.reads == 2
    # Names, protection and numbers are in no token.
    assert watch.look(after=0.9) and watch.reads == 2
    assert watch.look(after=0.1) and watch.reads == 3


def test_who_follows_it_waits_a_second_but_not_for_a_mark(watch: Watch) -> None:
    first = watch.look()
    watch.goes_on()
    assert watch.look(patient=True, after=0.5) is first
    assert watch.look(patient=True, after=0.5) is not first and watch.reads == 2
    # Rates and health change with time alone.
    assert watch.look(patient=True, after=4.9) and watch.reads == 2
    assert watch.look(patient=True, after=0.1) and watch.reads == 3
    watch.crisis.mark(watch.crisis.board(), watch.crisis.families[0])
    assert "leder" in watch.look(patient=True).parts["board-marks"]


def test_who_opens_it_gets_no_older_one_of_those_who_follow(watch: Watch) -> None:
    watch.look()
    watch.goes_on()
    watch.look(patient=True)
    assert watch.reads == 1
    watch.look()
    assert watch.reads == 2


def test_all_looks_are_of_one_reading(watch: Watch) -> None:
    looks = [Look("nb"), Look("en"), Look("en", opened=True)]
    shown = watch.readings.now(watch.alert, looks)
    assert list(shown) == looks and watch.reads == 1
    numbers = [one.number for one in shown.values()]
    assert numbers == sorted(set(numbers))
    watch.goes_on()
    assert watch.look().number > numbers[-1]


def test_what_was_shown_before_stays_known_in_its_look(watch: Watch) -> None:
    first = watch.look()
    watch.goes_on()
    second = watch.look()
    assert watch.readings.seen(watch.alert, ENGLISH, first.version) is first
    assert watch.readings.seen(watch.alert, ENGLISH, second.version) is second
    for look, version in ((Look("nb"), first.version), (ENGLISH, "another"), (ENGLISH, "")):
        assert watch.readings.seen(watch.alert, look, version) is None
    assert watch.readings.seen(watch.alert + 1, ENGLISH, first.version) is None
    for _ in range(19):
        watch.goes_on()
        watch.look()
    assert watch.readings.seen(watch.alert, ENGLISH, first.version) is None
    assert watch.readings.seen(watch.alert, ENGLISH, second.version) is second


def test_nothing_is_held_of_what_nobody_looks_at(watch: Watch) -> None:
    first = watch.look()
    watch.now += KEPT_SECONDS - 0.01
    watch.readings.forget_unused()
    assert watch.readings.seen(watch.alert, ENGLISH, first.version) is first
    watch.now += 0.1
    watch.readings.forget_unused()
    assert watch.readings.seen(watch.alert, ENGLISH, first.version) is None
    watch.look()
    assert watch.reads == 2


def test_the_last_one_is_shown_while_the_database_is_away(watch: Watch) -> None:
    watch.away = True
    with pytest.raises(SQLAlchemyError):
        watch.look()
    watch.away = False
    first = watch.look()
    watch.away = True
    away = watch.look()
    assert away.order == first.order and away.parts["board-numbers"] == first.parts["board-numbers"]
    assert list(told(away.event_after(first))["parts"]) == ["board-away"]
    assert "does not answer" in away.parts["board-away"] and "does not answer" not in first.parts["board-away"]
    watch.away = False
    assert watch.look().parts == first.parts


def test_figures_alone_are_left(watch: Watch) -> None:
    first = watch.look()
    watch.crisis.reduce()
    with pytest.raises(UsageError, match="reduced to figures"):
        watch.look()
    assert watch.readings.seen(watch.alert, ENGLISH, first.version) is None


def test_an_event_holds_what_has_changed_and_nobodys_form(watch: Watch) -> None:
    first = watch.look()
    whole = told(first.event_after(None))
    assert whole["parts"].keys() == first.parts.keys() and whole["order"] == list(first.order)
    watch.crisis.mark(watch.crisis.board(), watch.crisis.families[1])
    second = watch.look()
    change = told(second.event_after(first))
    assert set(change["parts"]) >= {"board-numbers", "board-call", "board-marks"}
    assert not any(name.startswith("s-") for name in change["parts"]), "no other family's card is sent again"
    assert change["order"] == [first.order[0], first.order[2]]
    assert second.event_after(first) is second.event_after(first), "made once for all who watch"
    # Taken back, the card comes again.
    watch.crisis.mark(watch.crisis.board(), watch.crisis.families[1], act="taken-back")
    third = watch.look()
    back = told(third.event_after(second))
    assert first.order[1] in back["parts"] and back["order"] == list(first.order)
    assert 'name="form_token" value=""' in back["parts"][first.order[1]]
    # Where the order is the same, it is not told again.
    watch.goes_on()
    assert "order" not in told(watch.look().event_after(third))


def test_the_page_holds_the_forms_of_its_visitor(watch: Watch) -> None:
    shown = watch.look()
    page = shown.html("en", "token-of-one")
    assert page.count('name="form_token" value="token-of-one"') == 3
    assert shown.html("en", "another").replace("another", "token-of-one") == page
    assert page.index(f'id="{shown.order[0]}"') < page.index(f'id="{shown.order[2]}"')
    opened = watch.look(Look("en", opened=True))
    assert opened.html("en", "").count(" open>") == 3 and " open>" not in page
    assert watch.reads == 1
