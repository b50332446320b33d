"""The two charts of a report: messages over time, and messages by channel and state (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dispatcher.codes import DeliveryState
from dispatcher.paper.document import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    LINE,
    ORANGE,
    RED,
    Bar,
    Chart,
    Label,
    Shape,
    Stroke,
)
from dispatcher.reports.breakdown import Curve, Milestone
from dispatcher.reports.figures import StateCount
from dispatcher.reports.norwegian import STATES, milestone_words, state_words
from dispatcher.reports.words import grouped
from providers.base import Channel

_WIDTH = 520.0
_LEFT, _RIGHT, _PLOT_HEIGHT = 46.0, 20.0, 130.0
# Names of lines beside each other, and the height that a row of them takes.
_NAMES_A_ROW, _NAMES_ROW, _NAME_WIDTH = 4, 15.0, 113.0
_ROW = 17.0
# Each line by colour and by dash.
_LINES: dict[tuple[Channel, Milestone], tuple[str, tuple[float, ...]]] = {
    (Channel.SMS, Milestone.HAND_OVER): (BLUE, ()),
    (Channel.SMS, Milestone.DELIVERY): (GREEN, (7, 3)),
    (Channel.EMAIL, Milestone.HAND_OVER): (ORANGE, (2, 2)),
    (Channel.EMAIL, Milestone.DELIVERY): (GREY, (7, 2, 2, 2)),
    (Channel.VOICE, Milestone.HAND_OVER): (RED, (1, 3)),
    (Channel.VOICE, Milestone.DELIVERY): (BLUE, (12, 4)),
}
_FAILED = (DeliveryState.UNDELIVERED, DeliveryState.REJECTED, DeliveryState.EXPIRED)
_COLOURS = {
    DeliveryState.DELIVERED: GREEN,
    DeliveryState.ACCEPTED: BLUE,
    **dict.fromkeys(_FAILED, RED),
}


def curve_line(channel: Channel, milestone: Milestone) -> tuple[str, tuple[float, ...]]:
    """The colour of a curve, and its dash: lengths drawn and left out, nothing for a line without gaps."""
    return _LINES[channel, milestone]


def curve_chart(curves: Sequence[Curve]) -> Chart | None:
    """Messages that had come so far, over the time since the confirmation; None when none ever did."""
    drawn = [curve for curve in curves if curve.points[-1].messages]
    if not drawn:
        return None
    last = max(curve.points[-1].seconds for curve in drawn)
    most = max(curve.points[-1].messages for curve in drawn)
    time_step, unit, unit_words = _time_scale(last)
    step = _round_step(most)
    across = (_WIDTH - _LEFT - _RIGHT) / last
    top = -(-most // step) * step
    above = _NAMES_ROW * -(-len(drawn) // _NAMES_A_ROW) + 3
    bottom = above + _PLOT_HEIGHT
    shapes: list[Shape] = []
    for messages in range(0, top + 1, step):
        y = bottom - messages * _PLOT_HEIGHT / top
        shapes.append(Stroke(((_LEFT, y), (_WIDTH - _RIGHT, y)), LINE, 0.5))
        shapes.append(Label(_LEFT - 6, y + 3, grouped(messages), "end", FAINT))
    for seconds in range(0, last + 1, time_step):
        shapes.append(Label(_LEFT + seconds * across, bottom + 13, str(seconds // unit), "middle", FAINT))
    shapes.append(Label(_WIDTH - _RIGHT, bottom + 26, f"{unit_words} etter at varselet ble bekreftet", "end", FAINT))
    for number, curve in enumerate(drawn):
        colour, dash = curve_line(curve.channel, curve.milestone)
        points = tuple(
            (_LEFT + point.seconds * across, bottom - point.messages * _PLOT_HEIGHT / top) for point in curve.points
        )
        shapes.append(Stroke(points, colour, 1.8, dash))
        x, y = _LEFT + number % _NAMES_A_ROW * _NAME_WIDTH, number // _NAMES_A_ROW * _NAMES_ROW
        shapes += [Stroke(((x, y + 6), (x + 24, y + 6)), colour, 1.8, dash), Label(x + 28, y + 9, _curve_name(curve))]
    return Chart(
        "Meldinger overlevert og levert over tid",
        " ".join(f"{_curve_name(curve)}: {_course(curve)}." for curve in drawn),
        _WIDTH,
        bottom + 32,
        tuple(shapes),
    )


def _curve_name(curve: Curve) -> str:
    return milestone_words(curve.channel, curve.milestone, short=True)


def _course(curve: Curve) -> str:
    """Where the line is halfway and at its end."""
    total = curve.points[-1].messages
    half = next(point for point in curve.points if 2 * point.messages >= total)
    return (
        f"{grouped(half.messages)} meldinger innen {half.seconds} sekunder, "
        f"alle {grouped(total)} innen {curve.points[-1].seconds} sekunder"
    )


def _time_scale(last: int) -> tuple[int, int, str]:
    """Seconds between two marks, seconds in the unit that they are told in, and its name."""
    for unit, words in ((1, "sekunder"), (60, "minutter"), (3600, "timer")):
        for count in (1, 2, 5, 10, 15, 30):
            if last <= 10 * count * unit and not (unit == 1 and count > 15):
                return count * unit, unit, words
    return -(-last // 36000) * 3600, 3600, "timer"


def _round_step(most: int) -> int:
    """A step of 1, 2 or 5 times a power of ten with which there are at most five lines."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if most <= 5 * factor * power:
                return factor * power
        power *= 10


def state_chart(states: Sequence[StateCount]) -> Chart | None:
    """One bar for each channel and state, its number at the end of it; None without any message."""
    counted = [count for count in states if count.deliveries]
    if not counted:
        return None
    order = list(STATES)
    rows = sorted(counted, key=lambda count: (list(Channel).index(count.channel), order.index(count.state)))
    most = max(count.deliveries for count in rows)
    return Chart(
        "Meldinger etter kanal og hvor de står",
        " ".join(f"{_state_name(count)}: {grouped(count.deliveries)}." for count in rows),
        _WIDTH,
        _ROW * len(rows) + 4,
        tuple(shape for number, count in enumerate(rows) for shape in _state_row(number, count, most)),
    )


def _state_name(count: StateCount) -> str:
    return state_words(count.channel, count.state)


def _state_row(number: int, count: StateCount, most: int) -> Iterator[Shape]:
    begin, room = 190.0, _WIDTH - 190.0 - 60.0
    y = number * _ROW
    length = max(room * count.deliveries / most, 1.0)
    yield Label(begin - 8, y + 12, _state_name(count), "end")
    yield Bar(begin, y + 3, length, _ROW - 5, _COLOURS.get(count.state, GREY))
    yield Label(begin + length + 6, y + 12, grouped(count.deliveries))
