"""What becomes of every table when a person is forgotten: the contact store's, and those that this room adds."""

from __future__ import annotations

from config.audit import AuditEntry
from config.counters import Counter
from config.operator_tokens import OperatorToken
from config.tables import core_table
from contacts.holdings import CONTACT_HOLDINGS, Fate, Holding
from contacts.tables import ADDRESS
from dispatcher.tables import (
    ALERT,
    ALERT_STUDENT,
    ALERT_TEXT,
    ANSWER,
    ATTEMPT,
    CHAIN,
    DECISION,
    DELIVERY,
    EVENT,
    FIGURES,
    LEASE,
    MARK,
    NOTICE,
    PROCESS,
    PROGRESS,
    RECEIPT,
    RECIPIENT,
    SELF_TEST,
)

# Rows that name a person, and speak of a pseudonym once the person is forgotten.
RENAMED = (
    Holding(ALERT_STUDENT, Fate.RENAMED, "alerts about a student", (ALERT_STUDENT.c.student_id,)),
    Holding(DECISION, Fate.RENAMED, "decisions", (DECISION.c.student_id, DECISION.c.guardian_id)),
    Holding(CHAIN, Fate.RENAMED, "chains of steps", (CHAIN.c.guardian_id,)),
    Holding(RECIPIENT, Fate.RENAMED, "recipients", (RECIPIENT.c.student_id, RECIPIENT.c.guardian_id)),
    Holding(NOTICE, Fate.RENAMED, "routine messages", (NOTICE.c.person_id,)),
    Holding(MARK, Fate.RENAMED, "marks of staff", (MARK.c.student_id, MARK.c.guardian_id)),
)

HOLDINGS = (
    *CONTACT_HOLDINGS,
    *RENAMED,
    # What was sent to an address that nobody has any more keeps its states, and loses the provider's reference.
    Holding(DELIVERY, Fate.EMPTIED, "messages", through=ADDRESS),
    Holding(ATTEMPT, Fate.EMPTIED, "attempts", through=DELIVERY),
    Holding(RECEIPT, Fate.DELETED, "receipts", through=DELIVERY),
    # Its words and the provider's reference go; it goes as a whole where it belongs to no message.
    Holding(ANSWER, Fate.EMPTIED, "answers", through=ADDRESS),
    Holding(EVENT, Fate.KEPT, "moves of messages", through=DELIVERY),
    # An alert to single students names their refs.
    Holding(ALERT, Fate.RENAMED, "audiences", through=ALERT_STUDENT),
    Holding(ALERT_TEXT, Fate.NOBODY, "texts of alerts"),
    Holding(PROGRESS, Fate.NOBODY, "progress of alerts"),
    Holding(FIGURES, Fate.NOBODY, "figures of alerts"),
    Holding(PROCESS, Fate.NOBODY, "processes"),
    Holding(LEASE, Fate.NOBODY, "leases"),
    Holding(SELF_TEST, Fate.NOBODY, "self-tests"),
    # Refs, which lead to nobody then: see docs/decisions/0029.
    Holding(core_table(AuditEntry), Fate.KEPT, "entries of the audit log"),
    Holding(core_table(Counter), Fate.NOBODY, "counters"),
    # Of staff, and revoked when they leave.
    Holding(core_table(OperatorToken), Fate.NOBODY, "operators' tokens"),
)
