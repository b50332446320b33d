"""What the sandbox does with a message, by the ending of the number or the tag of the address. All of it is here.

A number's last four digits choose its behaviour, and so does what stands after the last + of an address's local
part: +4799990610 answers STOP, guardian7+refuse@example.test does not exist. Every other number and address works.
Any number or address can be given another behaviour through `POST /sandbox/script`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Behaviour(StrEnum):
    """One way a provider can treat a message."""

    DELIVERED = "delivered"
    # SMS: taken, and later undelivered with a code.
    UNDELIVERED = "undelivered"
    # SMS: an error answer with a code; never taken.
    REFUSED = "refused"
    # SMS: 429 with Retry-After; not taken.
    BUSY = "busy"
    # SMS: 500 (20500); not taken.
    ERROR_BEFORE = "error_before"
    # SMS: 500 (20500), although taken.
    ERROR_AFTER = "error_after"
    # Both: taken, and never answered.
    HANG = "hang"
    # Both: taken, answered after `seconds`.
    SLOW = "slow"
    # SMS: taken, the connection cut in the middle of the answer. E-mail: taken, cut instead of the answer.
    CUT = "cut"
    # SMS: taken, the connection closed before a byte of the answer.
    CUT_SILENT = "cut_silent"
    # SMS: taken, the answer is no JSON.
    MALFORMED = "malformed"
    # SMS: never answered, and not taken.
    HANG_BEFORE = "hang_before"
    # SMS: taken, and stays in the provider's queue for ever: date_sent stays null.
    QUEUED = "queued"
    # E-mail: a negative reply to RCPT TO, to DATA, or after the final dot; not taken.
    AT_RCPT = "at_rcpt"
    AT_DATA = "at_data"
    AT_END = "at_end"
    # E-mail: the connection cut after RCPT TO; not taken.
    CUT_BEFORE = "cut_before"
    # Calls: taken, and the line is busy, nobody answers, it cannot be connected, or an answering machine takes it.
    LINE_BUSY = "line_busy"
    NO_ANSWER = "no_answer"
    NOT_CONNECTED = "not_connected"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Step:
    """A behaviour with its details. `times`: how often it holds for one address before all goes well; 0 is for ever.

    `code`: the Twilio error code, or the whole SMTP reply. `status`: the HTTP status of REFUSED. `keys`: what whoever
    answers a call presses, one key each time that one is asked for.
    """

    behaviour: Behaviour
    times: int = 0
    code: str = ""
    status: int = 400
    seconds: float = 1.0
    callbacks: bool = True
    keys: str = "2"


GOES_WELL = Step(Behaviour.DELIVERED)

# The last four digits of a number.
BY_NUMBER: dict[str, Step] = {
    "0003": Step(Behaviour.UNDELIVERED, code="30003"),  # phone off
    "0005": Step(Behaviour.UNDELIVERED, code="30005"),  # number not in use
    "0006": Step(Behaviour.UNDELIVERED, code="30006"),  # fixed line
    "0007": Step(Behaviour.UNDELIVERED, code="30007"),  # filtered
    "0610": Step(Behaviour.REFUSED, code="21610"),  # STOP
    "0211": Step(Behaviour.REFUSED, code="21211"),  # no valid number
    "0614": Step(Behaviour.REFUSED, code="21614"),  # not a mobile number
    "0429": Step(Behaviour.BUSY, times=2, code="20429", seconds=1.0),  # 429 twice, then taken
    "0500": Step(Behaviour.ERROR_BEFORE, times=1, code="20500"),
    "0501": Step(Behaviour.ERROR_AFTER, times=1, code="20500"),
    "0408": Step(Behaviour.HANG, times=1),
    "0700": Step(Behaviour.SLOW, seconds=1.0),
    "0710": Step(Behaviour.CUT, times=1),
    "0711": Step(Behaviour.CUT_SILENT, times=1),
    "0720": Step(Behaviour.MALFORMED, times=1),
    "0800": Step(Behaviour.DELIVERED, callbacks=False),  # delivered, and no receipt ever comes
    "0801": Step(Behaviour.QUEUED),
}

# The last four digits of a number that is called. Whoever answers confirms; so does the owner of a fixed line.
BY_CALL: dict[str, Step] = {
    "0003": Step(Behaviour.MACHINE),  # phone off: its answering machine
    "0005": Step(Behaviour.NOT_CONNECTED),  # number not in use
    "0480": Step(Behaviour.NO_ANSWER),
    "0486": Step(Behaviour.LINE_BUSY),
    "0487": Step(Behaviour.DELIVERED, keys=""),  # listens, and presses nothing
    "0488": Step(Behaviour.DELIVERED, keys="12"),  # hears it once more, then confirms
}
# Before the number, where it is told how it behaves when it is called: "call:+4799990001", or "call:*" for all.
CALL = "call:"

# What stands after the last + of the local part.
BY_TAG: dict[str, Step] = {
    "refuse": Step(Behaviour.AT_RCPT, code="550 5.1.1 No such user here"),
    "full": Step(Behaviour.AT_RCPT, code="552 5.2.2 Mailbox full"),
    "policy": Step(Behaviour.AT_END, code="554 5.7.1 Message refused"),
    "grey": Step(Behaviour.AT_RCPT, times=1, code="450 4.2.0 Greylisted, try again"),
    "later-data": Step(Behaviour.AT_DATA, times=1, code="451 4.3.0 Try again"),
    "later-end": Step(Behaviour.AT_END, times=1, code="452 4.3.1 No room, try again"),
    "cut": Step(Behaviour.CUT, times=1),
    "cut-before": Step(Behaviour.CUT_BEFORE, times=1),
    "hang": Step(Behaviour.HANG, times=1),
    "slow": Step(Behaviour.SLOW, seconds=1.0),
}


@dataclass(slots=True)
class Script:
    """The table above, the overrides given since, and how often each step has been used up."""

    overrides: dict[str, Step] = field(default_factory=dict)
    # Replies to the next commands of a stage, whoever is meant: what comes before RCPT cannot be told by address.
    stage_replies: dict[str, list[str]] = field(default_factory=dict)
    _used: dict[str, int] = field(default_factory=dict)

    def next_step(self, address: str) -> Step:
        """The step for one more message to this number or address; counts it."""
        step = self._lookup(address)
        if step.times:
            used = self._used.get(address, 0)
            if used >= step.times:
                return GOES_WELL
            self._used[address] = used + 1
        return step

    def override(self, address: str, step: Step) -> None:
        """From now on `address` behaves as `step` says, counted from zero. "*" stands for every address."""
        self.overrides[address] = step
        self._used.pop(address, None)

    def fail_stage(self, stage: str, reply: str, times: int) -> None:
        """Answer the next `times` commands of an SMTP stage (connect, ehlo, mail, login) with `reply`; "" cuts it."""
        self.stage_replies[stage] = [reply] * times

    def stage_reply(self, stage: str) -> str | None:
        """The scripted reply for one command of this stage; uses it up."""
        waiting = self.stage_replies.get(stage)
        return waiting.pop() if waiting else None

    def reset(self) -> None:
        self.overrides.clear()
        self.stage_replies.clear()
        self._used.clear()

    def _lookup(self, address: str) -> Step:
        called = address.startswith(CALL)
        for name in (address, f"{CALL}*" if called else "*"):
            if name in self.overrides:
                return self.overrides[name]
        if called:
            return BY_CALL.get(address[-4:], GOES_WELL)
        local, at, _domain = address.rpartition("@")
        if at:
            return BY_TAG.get(local.rpartition("+")[2], GOES_WELL) if "+" in local else GOES_WELL
        return BY_NUMBER.get(address[-4:], GOES_WELL)
