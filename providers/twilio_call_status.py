"""What a status of a call at Twilio says of the message in it (pure).

A call that was answered has told nobody for certain: an answering machine answers, too. Only the key that confirms it
does, and of that Twilio keeps no record: it is told to us, once (`dispatcher/answers`).

https://www.twilio.com/docs/voice/api/call-resource#call-status-values
"""

from __future__ import annotations

from typing import Final

from providers.base import Receipt, ReceiptStatus

# Our codes: their words stand in `providers/error_codes.py`.
NOT_CONFIRMED: Final = "call_not_confirmed"
MACHINE: Final = "call_machine"
SAYS_NOTHING_OF_KEYS: Final = frozenset({NOT_CONFIRMED, MACHINE})
_FAILED: Final = {
    "busy": "call_busy",
    "no-answer": "call_no_answer",
    "failed": "call_failed",
    "canceled": "call_canceled",
}


def call_receipt(reference: str, status: str, answered_by: str = "") -> Receipt:
    """The receipt in a status. `answered_by`: where machines are told from people. An unknown word proves nothing."""
    if status == "completed":
        code = MACHINE if answered_by.startswith("machine") else NOT_CONFIRMED
        return Receipt(reference, ReceiptStatus.UNDELIVERED, code)
    if status in _FAILED:
        return Receipt(reference, ReceiptStatus.UNDELIVERED, _FAILED[status])
    return Receipt(reference, ReceiptStatus.PENDING)
