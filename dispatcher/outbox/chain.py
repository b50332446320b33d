"""What follows for a guardian whom a message has not reached for certain (pure): wait, the next channel, or a person.

A chain is data: it stands in the settings, and is frozen with the alert. `confirmed` alone ends it: a provider's word
that a message has arrived, or an answer. A step whose channel was used already is passed over without waiting, and so
is one on which the guardian has no address that may be used. Behind the last step stands the call list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from config.catalogue import Severity
from config.spare_sections import FallbackSettings
from dispatcher.codes import AlertStatus, DeliveryState
from dispatcher.outbox.following import Kind
from providers.base import Channel

S = DeliveryState

# Nobody reads a message in these states any more that has not read it by now.
DEAD = frozenset({S.UNDELIVERED, S.REJECTED, S.EXPIRED, S.CANCELLED})
_LEFT = frozenset({S.ACCEPTED, S.UNKNOWN})


class ChainEnd(StrEnum):
    """Why a chain takes no more steps."""

    CONFIRMED = "confirmed"
    CALL_LIST = "call_list"  # every step was taken: a person calls, if nothing has told anybody by then
    NOT_ENTITLED = "not_entitled"


class ChainStep(NamedTuple):
    """A channel, and the seconds that a message on it has to be confirmed before the next step is due."""

    channel: Channel
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class Chain:
    """The steps of one alert. `at_once`: the channels on which its messages go out without waiting for each other."""

    at_once: frozenset[Channel]
    steps: tuple[ChainStep, ...]

    @property
    def first_wait(self) -> float:
        """Seconds after which the chain of somebody who was sent the first messages is looked at."""
        return min(
            (step.wait_seconds for step in self.steps if step.channel in self.at_once),
            default=min(step.wait_seconds for step in self.steps),
        )

    def later_steps(self) -> list[tuple[Channel, float]]:
        """The steps that can follow the first messages, each with the seconds after which it is due at the latest, if
        these have left at once."""
        steps, after = [], self.first_wait
        for step in self.steps:
            if step.channel not in self.at_once:
                steps.append((step.channel, after))
                after += step.wait_seconds
        return steps

    def as_json(self) -> dict[str, Any]:
        return {
            "at_once": [channel.value for channel in Channel if channel in self.at_once],
            "steps": [{"channel": step.channel.value, "wait_seconds": step.wait_seconds} for step in self.steps],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Chain:
        steps = (ChainStep(Channel(step["channel"]), float(step["wait_seconds"])) for step in value["steps"])
        return cls(frozenset(map(Channel, value["at_once"])), tuple(steps))


def chain_of(
    settings: FallbackSettings | None,
    *,
    severity: Severity,
    status: AlertStatus,
    channels: Collection[Channel],
    kind: Kind | None = None,
) -> Chain | None:
    """The chain of an alert on these channels; None when nothing can follow its first messages.

    `settings`: None when they were set aside. `kind`: of a follow-up. What ends a danger has no chain: nobody is called
    because it is over.
    """
    if settings is None or (kind is not None and kind.ends_it):
        return None
    asked = frozenset(channels) - {Channel.VOICE}
    at_once = asked & frozenset(map(Channel, settings.at_once)) or asked
    # Whoever is told nothing on their phone is not called there, either.
    may_follow = asked | {Channel.VOICE} if Channel.SMS in asked else asked
    steps = tuple(
        ChainStep(channel, step.wait_minutes * 60.0)
        for step in settings.steps
        if (channel := Channel(step.channel)) in may_follow
        and severity.value in step.severities
        and (status is AlertStatus.ACTUAL or step.in_drills)
    )
    return Chain(at_once, steps) if any(step.channel not in at_once for step in steps) else None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the alert to the guardian. `left_ago`: seconds since the provider took it, where it has it."""

    channel: Channel
    state: DeliveryState
    left_ago: float | None = None


def seconds_to_wait(chain: Chain, sent: Iterable[Sent], step_ago: float) -> float:
    """How long these messages may still be confirmed before the next step is due; 0: no longer, or none can be.

    `step_ago`: seconds since the last step was taken. A message has its channel's time from when it left. One that has
    not left by then, because its provider does not work for instance, is silence as well.
    """
    waits = {step.channel: step.wait_seconds for step in chain.steps}
    longest = 0.0
    for one in sent:
        if one.state in DEAD:
            continue
        left = one.left_ago if one.state in _LEFT and one.left_ago is not None else step_ago
        longest = max(longest, waits.get(one.channel, chain.first_wait) - left)
    return longest


def next_step(chain: Chain, taken: int, used: Collection[Channel], usable: Collection[Channel]) -> int | None:
    """The place of the next step to take, at `taken` or behind it; None when the call list is next.

    `taken`: how many steps lie behind. `used`: channels on which the guardian was sent a message; `usable`: those on
    which there is an address that may be used.
    """
    return next(
        (
            place
            for place, step in enumerate(chain.steps[taken:], taken)
            if step.channel not in used and step.channel in usable
        ),
        None,
    )
