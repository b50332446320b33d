"""The dispatcher's tables as SQLAlchemy Core tables: its statements are bulk ones, ten times faster than objects."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy import Row

from config.tables import core_table
from dispatcher import answer_models, fallback_models, mark_models, models, trace_models

# A row of a statement whose columns the type checker does not follow.
AnyRow: TypeAlias = Row[*tuple[Any, ...]]

ALERT = core_table(models.Alert)
ALERT_TEXT = core_table(models.AlertText)
ALERT_STUDENT = core_table(models.AlertStudent)
DECISION = core_table(models.Decision)
NOTICE = core_table(models.Notice)
DELIVERY = core_table(models.Delivery)
RECIPIENT = core_table(models.DeliveryRecipient)
ATTEMPT = core_table(trace_models.Attempt)
EVENT = core_table(trace_models.DeliveryEvent)
PROGRESS = core_table(trace_models.AlertProgress)
RECEIPT = core_table(trace_models.StoredReceipt)
FIGURES = core_table(trace_models.AlertFigures)
PROCESS = core_table(models.Process)
LEASE = core_table(models.Lease)
ANSWER = core_table(answer_models.Answer)
CHAIN = core_table(fallback_models.FallbackChain)
SELF_TEST = core_table(models.SelfTest)
MARK = core_table(mark_models.TelephoneMark)
