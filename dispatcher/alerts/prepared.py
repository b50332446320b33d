"""A draft with its numbers, shown before anybody is told, and what must be typed to send it: the same for the command
line and the portal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from config.catalogue import Catalogue, load_catalogue
from config.clock import db_now, plus_seconds
from dispatcher.alerts.draft import DRAFT_SECONDS, Draft, discard_draft
from dispatcher.alerts.lifecycle import Confirmed, same_request
from dispatcher.alerts.preview import Preview, preview
from dispatcher.alerts.preview_page import SendingTerms, preview_json
from dispatcher.alerts.sight import check_draft
from dispatcher.codes import AlertState, AlertStatus
from dispatcher.tables import ALERT, AnyRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config.database import Database
    from config.operators import Operator
    from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Prepared:
    """A stored draft, its numbers, and what sending it takes."""

    draft: Draft
    numbers: Preview
    terms: SendingTerms

    def shown(self) -> dict[str, object]:
        """All facts of the preview."""
        return preview_json(self.draft, self.numbers, self.terms)

    def mark(self) -> str:
        """The same for two previews that show the same, and for no others."""
        return hashlib.sha256(json.dumps(self.shown(), sort_keys=True).encode()).hexdigest()


def prepare(
    database: Database,
    settings: Settings,
    make: Callable[[Connection, Catalogue], Draft],
    operator: Operator | None,
    expires_seconds: int,
) -> Prepared:
    """Make and count a draft. `make` stores it, in the transaction that it is given. `operator`: who must be allowed to
    send it; None for somebody who breaks the glass.

    Raises what `make` raises, and NotPermittedError when the operator may not send it; nothing is stored then.
    """
    catalogue = catalogue_of(settings)
    with database.write() as connection:
        draft = make(connection, catalogue)
        if operator is not None:
            check_draft(connection, operator, draft)
    try:
        numbers = preview(database, draft, stale_after_months=settings.organisation.stale_after_months)
    except BaseException:
        discard(database, draft.alert_id)
        raise
    calls = settings.calls
    terms = SendingTerms(
        settings.sms.sender,
        settings.sms.segments_per_second,
        settings.sms.price_per_segment,
        expires_seconds,
        database.now(),
        calls_per_second=calls.calls_per_second if calls else 1.0,
        price_per_call=calls.price_per_call if calls else 0.0,
    )
    return Prepared(draft, numbers, terms)


def catalogue_of(settings: Settings) -> Catalogue:
    """The texts of this installation. Raises UsageError when they cannot be used."""
    extra = settings.organisation.messages_dir
    return load_catalogue(Path(extra) if extra else None)


def discard(database: Database, alert_id: int) -> None:
    """Remove a draft that was not confirmed, in a transaction of its own."""
    with database.write() as connection:
        discard_draft(connection, alert_id)


def sent_before(database: Database, draft: Draft) -> Confirmed | None:
    """The alert that the same request made minutes ago, shown instead of a question that would change nothing."""
    with database.read() as connection:
        earlier = same_request(connection, draft.request_id)
    return None if earlier is None else Confirmed(earlier.id, earlier.number, earlier=True)


class Asked(StrEnum):
    """What somebody types who means it."""

    SCHOOL = "school"  # its name, or the number of guardians
    GUARDIANS = "guardians"  # their number: several schools have no one name
    EXERCISE = "exercise"
    TEST = "test"


def asked_for(prepared: Prepared) -> tuple[Asked, tuple[str, ...]]:
    """What is to be typed, and each of the words that will do."""
    draft, guardians = prepared.draft, str(prepared.numbers.guardians)
    match draft.composition.status:
        case AlertStatus.ACTUAL if len(draft.audience.schools) == 1:
            return Asked.SCHOOL, (draft.speaker, draft.audience.headline, guardians)
        case AlertStatus.ACTUAL:
            return Asked.GUARDIANS, (guardians,)
        case AlertStatus.EXERCISE:
            return Asked.EXERCISE, ("øvelse", "øving", "ovelse")
        case AlertStatus.TEST:
            return Asked.TEST, ("test",)


def find_prepared(connection: Connection, alert_id: int, operator: str) -> AnyRow | None:
    """What this operator had prepared, as a draft or confirmed since; None when it is gone, or so old that it would be
    removed (DRAFT_SECONDS)."""
    young = ALERT.c.created_at > plus_seconds(db_now(), -DRAFT_SECONDS)
    own = (ALERT.c.operator == operator, ALERT.c.references_id.is_(None), ALERT.c.self_test_id.is_(None))
    return connection.execute(
        select(ALERT).where(ALERT.c.id == alert_id, *own, or_(ALERT.c.state != AlertState.DRAFT, young))
    ).first()
