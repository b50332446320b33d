"""`alert send --break-glass`: an actual alert of somebody without the role for it, told to the county at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatcher.alerts.not_sent import NOTHING_SENT

if TYPE_CHECKING:
    from config.shell import Store
    from dispatcher.alerts.draft import Draft
    from dispatcher.routine.county import BrokenGlass

_LONGEST = 500
_FEWEST_WORDS = 2


def reason_of(typed: str | None, *, actual: bool) -> str:
    """The reason, in one line; empty when none was typed. Raises UsageError for a drill, and for what is no reason."""
    from config.errors import UsageError

    if typed is None:
        return ""
    if not actual:
        raise UsageError(
            "--break-glass is for actual alerts alone.",
            unchanged=NOTHING_SENT,
            remedy="Let somebody with the role send the exercise or the test.",
        )
    reason = " ".join("".join(letter if letter.isprintable() else " " for letter in typed).split())
    if len(reason.split()) < _FEWEST_WORDS or len(reason) > _LONGEST:
        raise UsageError(
            f"--break-glass takes the reason in words: {_FEWEST_WORDS} at least, and {_LONGEST} letters at most.",
            unchanged=NOTHING_SENT,
            remedy='Write it like --break-glass "the headmaster cannot be reached".',
        )
    return reason


def break_glass(store: Store, draft: Draft, reason: str) -> BrokenGlass | None:
    """What goes with the draft when its operator may not send it; None when they may, and no glass is broken."""
    from dispatcher.alerts.sight import may_send
    from dispatcher.routine.county import broken_glass

    with store.database.write() as connection:
        if may_send(connection, store.operator, draft):
            return None
        return broken_glass(connection, store.settings, reason)


def glass_lines(glass: BrokenGlass) -> list[str]:
    """What the preview says of it."""
    told = (
        "The county is told at once, by e-mail, with your reason."
        if glass.address_id is not None
        else "Nobody is told at once: county.email is not set, or cannot be used."
    )
    return [" ! Break glass: you send this without the role for it, and it is on record.", f"   {told}"]
