"""Sending an alert from the portal, where the settings allow it: what has happened, the form, the command line's
preview, the same words to type, and then the board.

The draft of a preview stays in the store until it is confirmed, dropped, or an hour old; its number stands in the page.
Of one draft one alert is made, however often its form is sent. Before that everything is made and counted anew; where
that shows something else than before, it is shown, and not sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final, cast

import structlog
from starlette.responses import Response

from config.catalogue import Scenario
from config.errors import BeredskapError, UsageError
from config.operators import NotPermittedError, record_refusal
from config.roles import Reach, Right
from config.shell import answers
from contacts.audience import AudienceSchool, all_schools
from contacts.audience_names import UnknownNameError
from contacts.own_schools import own_schools
from dispatcher.alerts.card import first_alerts, headline_of, without_school
from dispatcher.alerts.draft import AlertRequest, make_draft
from dispatcher.alerts.lifecycle import confirm
from dispatcher.alerts.not_sent import NotSentError
from dispatcher.alerts.prepared import (
    Prepared,
    asked_for,
    catalogue_of,
    discard,
    find_prepared,
    prepare,
    sent_before,
)
from dispatcher.alerts.requirements import check_answerable, check_configured
from dispatcher.codes import AlertState
from dispatcher.running.delivering import Delivering
from dispatcher.tables import AnyRow
from portal.access import STAFF, Page, refusal
from portal.sending_form import Form, UnusableForm, blank, carried, filled, request_of
from portal.sending_words import preview_context, refusal_words
from portal.texts import marked
from portal.visit import Visit

if TYPE_CHECKING:
    from config.sections import Language

log = structlog.stdlib.get_logger(__name__)

_NO_SUCH: Final = marked("There is no such scenario here.")
_NO_TEXTS: Final = marked(
    "The texts of this installation cannot be used. Nothing was sent. Whoever keeps its settings finds out why with "
    "beredskap doctor."
)
_NOT_YOURS: Final = marked("Not all students of that audience go to your school: choose the school as well.")
_NOT_CLEAR: Final = marked(
    "A school, class or student that you named is not known here, means several, or has left. Check the names."
)
_GONE: Final = marked("The preview was too old, or was dropped. Here it is anew: read it, and type what is asked for.")
_CHANGED: Final = marked(
    "What would be sent has changed since the preview. Here it is anew: read it, and type what is asked for."
)
_WRONG: Final = marked("What was typed is not what was asked for. Read what is asked, and type exactly that.")
_NOBODY_SENDS: Final = marked(
    "The process that sends has ended as soon as it was started. Nothing was sent. Try again; if that does not help, "
    "use the command line, and call whoever runs the installation."
)


def _choose(visit: Visit) -> Response:
    scenarios = _scenarios(visit)
    if scenarios is None:
        return refusal(visit, _NO_TEXTS, 409)
    shown = [(one.name, headline_of(one, _language(visit))) for one in scenarios]
    return visit.show("send.html", scenarios=shown, dropped=visit.query.get("said") == "dropped")


def _form(visit: Visit) -> Response:
    scenario = _scenario(visit)
    if isinstance(scenario, Response):
        return scenario
    return _show_form(visit, scenario, blank(visit.portal.settings))


def _change(visit: Visit) -> Response:
    scenario = _scenario(visit)
    if isinstance(scenario, Response):
        return scenario
    _drop(visit)
    return _show_form(visit, scenario, visit.form)


def _dropped(visit: Visit) -> Response:
    _drop(visit)
    return visit.go("/staff/send?said=dropped")


def _preview(visit: Visit) -> Response:
    scenario = _scenario(visit)
    if isinstance(scenario, Response):
        return scenario
    _drop(visit)
    return _previewed(visit, scenario, None)


def _previewed(visit: Visit, scenario: Scenario, note: str | None) -> Response:
    prepared = _prepared(visit, scenario)
    return prepared if isinstance(prepared, Response) else _show(visit, scenario, prepared, note)


def _confirm(visit: Visit) -> Response:
    scenario = _scenario(visit)
    if isinstance(scenario, Response):
        return scenario
    old = _own(visit)
    if old is None:
        return _previewed(visit, scenario, _GONE)
    if old.state is not AlertState.DRAFT:
        return visit.go(f"/staff/alerts/{old.number}?said=sent-before")
    anew = _prepared(visit, scenario)
    if isinstance(anew, Response):
        _drop(visit)
        return anew
    same = (anew.mark(), anew.draft.request_id) == (visit.form.get("shown"), old.request_id)
    _asked, words = asked_for(anew)
    if not same or not answers(visit.form.get("typed", ""), *words):
        _drop(visit)
        return _show(visit, scenario, anew, _WRONG if same else _CHANGED)
    with closing(Delivering(visit.portal.settings, at_once=False, lives_on=True)) as delivering:
        delivering.find_workers(visit.portal.database)
        # What was shown goes out, and not what it was compared with: that is another draft when it is sent again.
        discard(visit.portal.database, anew.draft.alert_id)
        return _send(visit, scenario, old, delivering)


def _send(visit: Visit, scenario: Scenario, draft: AnyRow, delivering: Delivering) -> Response:
    assert visit.operator is not None
    database = visit.portal.database
    try:
        delivering.check()
    except BeredskapError:
        return refusal(visit, _NOBODY_SENDS, 409)
    try:
        with database.write() as connection:
            confirmed = confirm(
                connection,
                draft.id,
                hold_seconds=visit.portal.settings.dispatch.hold_seconds,
                operator=visit.operator.name,
                again=visit.form.get("again") == "yes",
                in_portal=True,
            )
    except BeredskapError:  # the same form, sent twice at once: the other was first
        now = _own(visit)
        if now is None or now.state is AlertState.DRAFT:
            return _previewed(visit, scenario, _GONE)
        return visit.go(f"/staff/alerts/{now.number}?said=sent-before")
    if confirmed.earlier:
        discard(database, draft.id)
        return visit.go(f"/staff/alerts/{confirmed.number}?said=sent-before")
    delivering.ring()
    log.info("alert_confirmed", alert=confirmed.number, students=draft.student_count)
    lacking = f"-{delivering.lacking}" if delivering.lacking else ""
    return visit.go(f"/staff/alerts/{confirmed.number}?said=sent{lacking}")


def _prepared(visit: Visit, scenario: Scenario) -> Prepared | Response:
    """What the form asks for, stored as a draft and counted; or the form again, with what is in the way."""
    assert visit.operator is not None
    settings, form = visit.portal.settings, visit.form
    try:
        request = request_of(form, scenario, settings, visit.operator.name)
        check_configured(settings, request.channels)
        if request.ask_confirmation:
            check_answerable(settings.sms.sender, request.channels)
        return _counted(visit, request)
    except UnusableForm as unusable:
        problem = visit.say(unusable.reason)
    except (NotSentError, UnknownNameError) as refused:
        problem = refusal_words(refused, visit.language)
    except NotPermittedError as no:
        record_refusal(visit.portal.database, no)
        return _show_form(visit, scenario, form, visit.say(_NOT_YOURS), 403)
    except UsageError:
        problem = visit.say(_NOT_CLEAR)
    return _show_form(visit, scenario, form, problem, 409)


def _counted(visit: Visit, request: AlertRequest) -> Prepared:
    settings = visit.portal.settings
    return prepare(
        visit.portal.database,
        settings,
        lambda connection, catalogue: make_draft(connection, catalogue, request, settings.organisation),
        visit.operator,
        request.expires_seconds,
    )


def _show(visit: Visit, scenario: Scenario, prepared: Prepared, note: str | None) -> Response:
    """The preview. What went out within ten minutes is not asked about, unless it is to go out again."""
    database, draft = visit.portal.database, prepared.draft
    earlier = None if visit.form.get("again") == "yes" else sent_before(database, draft)
    if earlier is not None:
        discard(database, draft.alert_id)
    return visit.show(
        "send_preview.html",
        200 if note is None else 409,
        path=f"/staff/send/{scenario.name}",
        title=headline_of(scenario, _language(visit)),
        note=None if note is None else visit.say(note),
        earlier=earlier,
        draft=draft.alert_id,
        mark=prepared.mark(),
        fields=carried(visit.form, scenario),
        set_aside=[one.setting for one in visit.portal.settings.set_aside],
        **preview_context(prepared, visit.language),
    )


def _show_form(visit: Visit, scenario: Scenario, form: Form, problem: str | None = None, status: int = 200) -> Response:
    return visit.show(
        "send_form.html",
        status,
        path=f"/staff/send/{scenario.name}",
        title=headline_of(scenario, _language(visit)),
        says=without_school(scenario.texts[_language(visit)].sms),
        schools=_schools(visit),
        form=filled(form, scenario, visit.portal.settings),
        problem=problem,
    )


def _language(visit: Visit) -> Language:
    return cast("Language", visit.language)


def _schools(visit: Visit) -> Sequence[AudienceSchool]:
    assert visit.operator is not None
    with visit.portal.database.read() as connection:
        if visit.operator.reach is Reach.EVERYTHING:
            return sorted(all_schools(connection), key=lambda school: school.name)
        return own_schools(connection, visit.operator)


def _scenarios(visit: Visit) -> list[Scenario] | None:
    """Those of which there is a first alert; None when the texts cannot be used."""
    try:
        return first_alerts(catalogue_of(visit.portal.settings).scenarios())
    except UsageError as error:
        log.warning("texts_unusable", kind=type(error).__name__)
        return None


def _scenario(visit: Visit) -> Scenario | Response:
    """The scenario that the path names, or why there is none."""
    scenarios = _scenarios(visit)
    if scenarios is None:
        return refusal(visit, _NO_TEXTS, 409)
    found = [one for one in scenarios if one.name == visit.path["scenario"]]
    return found[0] if found else refusal(visit, _NO_SUCH, 404)


def _own(visit: Visit) -> AnyRow | None:
    """What the visitor's page is the preview of, as it stands now."""
    assert visit.operator is not None
    number = visit.form.get("draft", "")
    if not re.fullmatch(r"[0-9]{1,15}", number):
        return None
    with visit.portal.database.read() as connection:
        return find_prepared(connection, int(number), visit.operator.name)


def _drop(visit: Visit) -> None:
    """Remove the draft of the preview that the visitor comes from; nothing happens when it was confirmed."""
    own = _own(visit)
    if own is not None and own.state is AlertState.DRAFT:
        discard(visit.portal.database, own.id)


_PATH: Final = "/staff/send/{scenario:str}"
PAGES: Final = (
    Page("GET", "/staff/send", _choose, STAFF, Right.SEND, sends=True),
    Page("GET", _PATH, _form, STAFF, Right.SEND, sends=True),
    Page("POST", _PATH, _change, STAFF, Right.SEND, sends=True),
    Page("POST", f"{_PATH}/preview", _preview, STAFF, Right.SEND, sends=True),
    Page("POST", f"{_PATH}/confirm", _confirm, STAFF, Right.SEND, sends=True),
    Page("POST", f"{_PATH}/dropped", _dropped, STAFF, Right.SEND, sends=True),
)
