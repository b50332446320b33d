"""An alert from the portal: form, preview and words to type as in the command line, and what keeps it from going."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import func, select, update

from config.audit import AuditEntry
from config.clock import db_now, plus_seconds
from config.database import Database
from config.tables import core_table
from contacts.codes import Protection
from contacts.tables import CONTACT_POINT
from dispatcher.alerts.draft import DRAFT_SECONDS
from dispatcher.codes import AlertState
from dispatcher.running.delivering import Lacking
from dispatcher.tables import ALERT
from portal.pages import sending
from tests.dispatcher.world import Family, World
from tests.portal.browser import Browser, PortalUnderTest

OPERATORS = """
[operators."leder"]
roles = ["school_leader"]
schools = ["Eksempel vgs"]
[operators."fylke"]
roles = ["county_leader"]
[operators."annen"]
roles = ["school_leader"]
schools = ["En annen skole"]
[operators."kontor"]
roles = ["contact_clerk"]
"""
SET_UP = {
    "PORTAL__SENDING": "true",
    "SMS__ACCOUNT_SID": "AC" + "0" * 32,
    "SMS__SENDER": "SKOLEN",
    "SMTP__HOST": "127.0.0.1",
    "SMTP__FROM_ADDRESS": "varsling@provedal.example",
}
SAID = "Skolen er låst."


class NobodyRung:
    """Who would send, in tests of what is decided before: rung for, and not there."""

    made: ClassVar[list[NobodyRung]] = []
    lacking: Lacking | None = None

    def __init__(self, _settings: object, **how: bool) -> None:
        assert how == {"at_once": False, "lives_on": True}
        self.rung = self.closed = False
        self.made.append(self)

    def find_workers(self, _database: Database) -> None:
        return None

    def check(self) -> None:
        return None

    def ring(self) -> None:
        self.rung = True

    def close(self) -> None:
        self.closed = True


class Office:
    """A school of three families, and whoever may tell them, before the pages that send."""

    def __init__(self, database: Database, directory: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
        file = directory / "settings.toml"
        file.write_text(OPERATORS, encoding="utf-8")
        monkeypatch.setenv("BEREDSKAP_CONFIG", str(file))
        monkeypatch.setattr(sending, "Delivering", NobodyRung)
        NobodyRung.made, NobodyRung.lacking = [], None
        self.database = database
        self.world = World(database)
        self.families: list[Family] = [self.world.family(email=True) for _ in range(3)]
        self.portal = PortalUnderTest(database, directory, monkeypatch, **{**SET_UP, **settings})

    def at(self, operator: str = "leder", scenario: str = "lockdown", language: str = "en") -> Browser:
        browser = self.portal.staff(operator, language)
        browser.get(f"/staff/send/{scenario}")
        return browser

    def previewed(self, operator: str = "leder", *, status: str = "actual", **more: Any) -> Browser:
        browser = self.at(operator)
        browser.post("/staff/send/lockdown/preview", asked(status, **more))
        assert browser.page.status_code == 200, browser.text
        return browser

    def alerts(self, *, drafts: bool = False) -> int:
        counted = select(func.count()).select_from(ALERT)
        state = ALERT.c.state == AlertState.DRAFT if drafts else ALERT.c.state != AlertState.DRAFT
        with self.database.read() as connection:
            return int(connection.execute(counted.where(state)).scalar_one())

    def acts(self) -> list[tuple[str, str, dict[str, Any]]]:
        entries = core_table(AuditEntry)
        with self.database.read() as connection:
            rows = connection.execute(select(entries.c.operator, entries.c.act, entries.c.details))
            return [(row.operator, row.act, row.details) for row in rows]


def asked(status: str = "actual", **more: Any) -> dict[str, Any]:
    return {"status": status, "school": "Eksempel vgs", "channel": ["sms", "email"], "minutes": "120", **more}


def form_of(browser: Browser, ending: str) -> tuple[str, dict[str, str]]:
    """The form on the page that goes to a path with this ending."""
    return next((path, dict(fields)) for path, fields in browser.forms() if path.endswith(ending))


def answer(browser: Browser, words: str, **more: str) -> Mapping[str, str]:
    """Type the words under the preview that is open, and send the form; what was sent."""
    path, fields = form_of(browser, "/confirm")
    # A form of one field for each name holds the last of the channels alone: send what the page sends.
    fields |= {"typed": words, **more}
    sent = {**fields, "channel": ["sms", "email"]}
    browser.post(path, sent)  # type: ignore[arg-type]
    return sent  # type: ignore[return-value]


@pytest.fixture
def office(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    yield Office(sqlite_database, tmp_path, monkeypatch)


def test_without_the_setting_there_is_nothing(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(sqlite_database, tmp_path, monkeypatch, PORTAL__SENDING="false")
    browser = office.portal.staff("fylke")
    unknown = browser.get("/staff/no-such-page")
    for path in ("/staff/send", "/staff/send/fire"):
        assert (browser.get(path).status_code, browser.page.text) == (unknown.status_code, unknown.text)
    for act in ("", "/preview", "/confirm", "/dropped"):
        assert browser.post(f"/staff/send/fire{act}", asked(), token="x").status_code == 404
    assert "Send an alert" not in browser.get("/staff").text and "break-glass" not in browser.page.text


def test_who_may_finds_it_and_who_may_not_is_told_of_the_command_line(office: Office) -> None:
    for name in ("leder", "fylke"):
        browser = office.portal.staff(name)
        assert 'href="/staff/send"' in browser.get("/staff").text
    browser = office.portal.staff("kontor")
    browser.get("/staff")
    assert 'href="/staff/send"' not in browser.page.text and "--break-glass" in browser.text
    browser.get("/staff/send")
    assert browser.page.status_code == 403 and "--break-glass" in browser.text


def test_the_preview_has_the_command_lines_facts_in_their_order(office: Office) -> None:
    held = office.world.family(protection=Protection.CONFIDENTIAL)
    office.world.family(verified=False)
    browser = office.previewed()
    text = browser.text
    order = [
        "ACTUAL ALERT",
        "Eksempel vgs",
        "2 cannot be reached",
        "1 held for a decision",
        "1 no verified contact",
        "3 can be reached",
        "of 5 students",
        "guardians: 3",
        "6 messages",
        "SMS 3, e-mail 3",
        "Sender SKOLEN",
        "Guardians whose contacts nobody has verified: 1",
        "1 protected",
        "Type the school's name to send",
    ]
    places = [text.find(one) for one in order]
    assert -1 not in places and places == sorted(places), dict(zip(order, places, strict=True))
    assert "Skolen er låst. Elevene er inne." in text and "Skuvla lea lohkkaduvvon" in text
    assert office.alerts() == 0 and held.students


def test_the_whole_way(office: Office) -> None:
    browser = office.previewed()
    answer(browser, "Eksempel vidaregåande")
    assert browser.page.status_code == 409
    assert "not what was asked for" in browser.text and "Nothing was sent" in browser.text
    assert office.alerts() == 0 and office.alerts(drafts=True) == 1 and not NobodyRung.made
    sent = answer(browser, " eksempel VGS ")
    assert browser.page.status_code == 200 and "The alert is confirmed" in browser.text
    assert str(browser.page.url).endswith("?said=sent")
    assert office.alerts() == 1 and office.alerts(drafts=True) == 0
    assert [(one.rung, one.closed) for one in NobodyRung.made] == [(True, True)]
    acts = [(operator, details) for operator, act, details in office.acts() if act == "alert.send"]
    assert acts == [
        ("leder", {"status": "actual", "scenario": "lockdown", "students": 3, "confirmed_in": "portal"}),
    ]
    # The same form once more: pressed twice, or come back to.
    browser.post("/staff/send/lockdown/confirm", sent, token=office.portal.form_token(browser))
    assert "had been confirmed already" in browser.text and office.alerts() == 1
    assert len(NobodyRung.made) == 1


@pytest.mark.parametrize(
    ("status", "words", "question"),
    [("exercise", "ØVING", "the word øvelse"), ("test", "test", "the word test"), ("actual", "3", "school's name")],
)
def test_what_is_typed(office: Office, status: str, words: str, question: str) -> None:
    browser = office.previewed(status=status)
    assert question in browser.text
    answer(browser, words)
    assert "The alert is confirmed" in browser.text and office.alerts() == 1


def test_of_several_schools_the_number_of_guardians_is_typed(office: Office) -> None:
    browser = office.at("fylke")
    browser.post("/staff/send/lockdown/preview", asked(school="", grades="vg1"))
    assert "Type the number of guardians (3) to send" in browser.text
    answer(browser, "Eksempel vgs")
    assert browser.page.status_code == 409 and office.alerts() == 0
    answer(browser, "3")
    assert office.alerts() == 1


def test_named_students_are_these_alone(office: Office) -> None:
    browser = office.previewed(students="1-0, 2-0")
    assert "2 can be reached" in browser.text and "2 named students" in browser.text


def test_what_changes_after_the_preview_is_shown_anew_and_not_sent(office: Office) -> None:
    browser = office.previewed()
    with office.world.store() as store:
        guardian = office.families[0].guardian
        store.connection.execute(
            update(CONTACT_POINT).where(CONTACT_POINT.c.person_id == guardian).values(ended_at=office.world.now)
        )
    answer(browser, "Eksempel vgs")
    assert browser.page.status_code == 409 and office.alerts() == 0
    assert "has changed since the preview" in browser.text and "2 can be reached" in browser.text
    answer(browser, "Eksempel vgs")
    assert "The alert is confirmed" in browser.text and office.alerts() == 1


def test_an_old_preview_is_shown_anew(office: Office) -> None:
    browser = office.previewed()
    with office.database.write() as connection:
        connection.execute(update(ALERT).values(created_at=plus_seconds(db_now(), -DRAFT_SECONDS - 1)))
    answer(browser, "Eksempel vgs")
    assert browser.page.status_code == 409 and "too old" in browser.text and office.alerts() == 0
    answer(browser, "Eksempel vgs")
    assert office.alerts() == 1


def test_the_same_within_ten_minutes_is_asked_about_once(office: Office) -> None:
    answer(office.previewed(), "Eksempel vgs")
    browser = office.previewed()
    assert "confirmed less than ten minutes ago" in browser.text and office.alerts(drafts=True) == 0
    assert not [path for path, _fields in browser.forms() if path.endswith("/confirm")]
    browser.post("/staff/send/lockdown/preview", asked(again="yes"))
    sent = answer(browser, "Eksempel vgs")
    assert sent["again"] == "yes" and office.alerts() == 2
    browser.post("/staff/send/lockdown/confirm", sent, token=office.portal.form_token(browser))
    assert office.alerts() == 2


def test_two_previews_of_the_same_make_one_alert(office: Office) -> None:
    first, second = office.previewed(), office.previewed()
    answer(first, "Eksempel vgs")
    answer(second, "Eksempel vgs")
    assert "had been confirmed already" in second.text
    assert office.alerts() == 1 and office.alerts(drafts=True) == 0


def test_the_same_form_twice_at_once(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(database, tmp_path, monkeypatch)
    browser = office.previewed(again="yes")
    path, fields = form_of(browser, "/confirm")
    sent = {**fields, "typed": "Eksempel vgs", "channel": ["sms", "email"]}

    async def both() -> list[int]:
        posted = {"token": fields["form_token"], "follow": False}
        asks = (asyncio.to_thread(one.post, path, sent, **posted) for one in browsers)
        return [answered.status_code for answered in await asyncio.gather(*asks)]

    browsers = [office.portal.browser() for _ in range(2)]
    for one in browsers:
        one.cookies = dict(browser.cookies)
    assert asyncio.run(both()) == [303, 303], [one.text for one in browsers]
    places = [one.page.headers["location"] for one in browsers]
    assert len({place.partition("?")[0] for place in places}) == 1
    assert [browser.get(place).status_code for place in places] == [200, 200]
    assert office.alerts() == 1 and office.alerts(drafts=True) == 0


def test_another_operators_preview_is_nobody_elses(office: Office) -> None:
    _path, fields = form_of(office.previewed("fylke"), "/confirm")
    del fields["form_token"]
    browser = office.at("leder")
    sent = {**fields, "typed": "Eksempel vgs", "channel": ["sms", "email"]}
    browser.post("/staff/send/lockdown/confirm", sent, token=office.portal.form_token(browser))
    assert browser.page.status_code == 409 and office.alerts() == 0
    browser.post("/staff/send/lockdown/dropped", {"draft": fields["draft"]}, token=office.portal.form_token(browser))
    assert office.alerts(drafts=True) == 2


def test_a_preview_is_dropped_or_changed(office: Office) -> None:
    browser = office.previewed(groups="")
    path, fields = form_of(browser, "/dropped")
    browser.post(path, fields)
    assert "Nothing was sent" in browser.text and office.alerts(drafts=True) == 0
    browser = office.previewed(status="exercise", text="Vi øver på å låse.")
    path, fields = form_of(browser, "/staff/send/lockdown")
    browser.post(path, {**fields, "channel": ["sms", "email"]})  # type: ignore[dict-item]
    assert office.alerts(drafts=True) == 0
    assert "Vi øver på å låse." in browser.page.text and 'value="exercise" required checked' in browser.page.text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"status": ""}, "Say whether it is an actual alert"),
        ({"channel": []}, "Choose SMS, e-mail or both"),
        ({"school": ""}, "Say whom it is about"),
        ({"minutes": "99999"}, "a week at most"),
        ({"school": "Eksempel"}, "No school here has the name that was given. Known here: Eksempel vgs."),
        ({"groups": "9Z"}, "No class or group here"),
        ({"grades": "VG9"}, "No year here has the name that was given. Known here: VG1."),
        ({"students": "9-9"}, "Check the names"),
        ({"text": "x" * 1601}, "is too long: at most 1600"),
        ({"text": "Dette er en øvelse."}, "opens like an exercise or a test"),
        ({"text": "Møt i {sted}."}, "Fill in what the text needs: sted."),
        ({"text": "\u200b"}, "The text in Bokmål is empty"),
        ({"ask": "yes"}, "only when its sender is a number"),
    ],
)
def test_what_cannot_be_sent_is_said(office: Office, form: dict[str, Any], words: str) -> None:
    browser = office.at("fylke")
    browser.post("/staff/send/lockdown/preview", {**asked(), **form})
    assert browser.page.status_code == 409
    assert words in browser.text and "Nothing was sent" in browser.text
    assert office.alerts(drafts=True) == 0


def test_a_placeholder_is_filled_in(office: Office) -> None:
    browser = office.at(scenario="evacuation")
    browser.post("/staff/send/evacuation/preview", asked())
    assert browser.page.status_code == 409 and "Fill in what the text needs: sted" in browser.text
    browser.post("/staff/send/evacuation/preview", asked(**{"value-sted": "idrettshallen"}))
    assert browser.page.status_code == 200 and "idrettshallen" in browser.text


def test_other_schools_are_refused_and_on_record(office: Office) -> None:
    browser = office.at("annen")
    assert "None of your schools is in the store" in browser.text
    browser.post("/staff/send/lockdown/preview", asked())
    assert browser.page.status_code == 403 and "Not all students" in browser.text and office.alerts(drafts=True) == 0
    assert ("annen", "operator.refused") in [(operator, act) for operator, act, _details in office.acts()]


def test_without_a_provider_nothing_can_leave(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(sqlite_database, tmp_path, monkeypatch, SMTP__HOST="")
    browser = office.at()
    browser.post("/staff/send/lockdown/preview", asked())
    assert browser.page.status_code == 409 and "lack smtp.host" in browser.text


def test_texts_that_cannot_be_used(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office = Office(sqlite_database, tmp_path, monkeypatch)
    object.__setattr__(office.portal.settings.organisation, "messages_dir", str(tmp_path / "gone"))
    for path in ("/staff/send", "/staff/send/fire"):
        browser = office.portal.staff("leder")
        browser.get(path)
        assert browser.page.status_code == 409 and "Nothing was sent" in browser.text


def test_no_scenario_but_those_of_first_alerts(office: Office) -> None:
    browser = office.portal.staff("leder")
    text = browser.get("/staff/send").text
    assert "/staff/send/lockdown" in text and "all_clear" not in text
    for name in ("all_clear", "nonsense"):
        assert browser.get(f"/staff/send/{name}").status_code == 404


@pytest.mark.parametrize("lacking", list(Lacking))
def test_what_is_not_there_is_told_on_the_board(office: Office, lacking: Lacking) -> None:
    NobodyRung.lacking = lacking
    browser = office.previewed()
    answer(browser, "Eksempel vgs")
    assert {Lacking.WORKER: "No worker is alive", Lacking.REDIS: "Redis does not answer"}[lacking] in browser.text


@pytest.mark.parametrize("language", ["nb", "nn", "se"])
def test_in_other_languages(office: Office, language: str) -> None:
    browser = office.at(language=language)
    assert "Whom is it about" not in browser.text
    browser.post("/staff/send/lockdown/preview", asked())
    assert "can be reached" not in browser.text and "Change something" not in browser.text
