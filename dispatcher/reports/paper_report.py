"""The report of an alert on paper, in Norwegian: what a principal hands to the county (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from contacts.addresses import mask_phone
from contacts.entitlement import Verdict
from dispatcher.paper.document import Block, Document, Heading, Paragraph, Quote, Table
from dispatcher.reports.acts import PROGRAM
from dispatcher.reports.breakdown import Breakdown, Milestone
from dispatcher.reports.call_list import StudentToCallAbout
from dispatcher.reports.charts import curve_chart, state_chart
from dispatcher.reports.cost import Cost
from dispatcher.reports.figures import AlertHead, Reduced, Report
from dispatcher.reports.norwegian import (
    ALERT_STATES,
    OUTCOMES,
    act_words,
    clock,
    code_words,
    day_and_time,
    duration,
    in_norwegian,
    language_words,
    milestone_words,
    state_words,
)
from dispatcher.reports.paper_calls import call_table, heading_of
from dispatcher.reports.paper_classes import class_table, home_class_blocks, school_blocks
from dispatcher.reports.times import Spread
from dispatcher.reports.words import grouped


def report_paper(
    report: Report, breakdown: Breakdown | None, first: Sequence[StudentToCallAbout], *, made_at: datetime
) -> Document:
    """`first`: the beginning of the call list, whose numbers are masked. `breakdown`: None when figures alone are left
    of the alert."""
    return Document(
        f"Rapport om varsel {report.alert.number}",
        heading_of(report.alert),
        tuple(_blocks(report, breakdown, first)),
        f"{report.alert.number} · laget av Beredskap {day_and_time(made_at)}",
    )


def _who_and_when(alert: AlertHead) -> Iterator[Block]:
    """Who sent it when, how it stands, and what it follows."""
    sent = day_and_time(alert.confirmed_at) if alert.confirmed_at else "aldri"
    yield Paragraph(f"Sendt av {alert.operator} {sent}. Varselet er {ALERT_STATES[alert.state]}.")
    if alert.planned_students < alert.students:
        yield Paragraph(
            f"Meldingene er laget for {grouped(alert.planned_students)} av {grouped(alert.students)} elever.", True
        )
    if alert.refers_to:
        yield Paragraph(f"Følger opp varsel {alert.refers_to}.")
    if alert.followed_by:
        yield Paragraph(f"Er fulgt opp av varsel {alert.followed_by}.")


def _blocks(report: Report, breakdown: Breakdown | None, first: Sequence[StudentToCallAbout]) -> Iterator[Block]:
    yield from _who_and_when(report.alert)
    nobody = report.classes.nobody_reached
    yield Paragraph(f"Elever der ingen er nådd: {grouped(nobody)} av {grouped(report.classes.students)}", strong=True)
    yield class_table(report.classes, follow_up=report.alert.refers_to is not None)
    if report.reduced is None:
        yield from _calls(report, first)
        yield from _answers(report)
    else:
        yield from _reduced(report.reduced)
    yield from _charts(report, breakdown)
    yield from _times(report)
    yield from _reasons(report)
    if breakdown is not None:
        yield from home_class_blocks(breakdown.home_classes)
        yield from _slowest(breakdown)
    yield from _texts(report)
    yield from _acts(report)
    yield from _details(report, breakdown)


def _calls(report: Report, first: Sequence[StudentToCallAbout]) -> Iterator[Block]:
    nobody = report.classes.nobody_reached
    yield Heading(f"Ring disse først ({grouped(nobody)})")
    if not first:
        yield Paragraph("Ingen: noen er nådd for hver elev som det kan varsles om.")
        return
    yield call_table(first, mask_phone)
    more = nobody - len(first)
    rest = f"{grouped(more)} til står på ringelisten. " if more > 0 else ""
    yield Paragraph(
        f"{rest}Ringelisten med hele numre: beredskap report {report.alert.number} --call-list --format pdf "
        "--output ringeliste.pdf"
    )


def _answers(report: Report) -> Iterator[Block]:
    if report.unmatched_answers:
        yield Paragraph(
            f"{grouped(report.unmatched_answers)} svar på SMS må leses: "
            f"beredskap answers list --alert {report.alert.number} --unmatched",
            strong=True,
        )


def _reduced(reduced: Reduced) -> Iterator[Block]:
    yield Paragraph(
        f"Varselet ble redusert til tall {day_and_time(reduced.at)}. Hvem som ble varslet, og når hver melding kom "
        "fram, er ikke lenger lagret."
    )
    yield from school_blocks(reduced.schools)


def _charts(report: Report, breakdown: Breakdown | None) -> Iterator[Block]:
    charts = [state_chart(report.states)]
    if breakdown is not None:
        charts.insert(0, curve_chart(breakdown.curves))
    drawn = [chart for chart in charts if chart is not None]
    yield Heading(f"Meldinger ({grouped(sum(count.deliveries for count in report.states))})")
    if not drawn:
        yield Paragraph("Ingen meldinger ble laget.")
    yield from drawn
    if report.long_unknown:
        yield Paragraph(
            f"{grouped(report.long_unknown)} har vært usikre i mer enn ett minutt: de kan være varslet, og ingen kan "
            "si det.",
            strong=True,
        )


def _times(report: Report) -> Iterator[Block]:
    if not report.times:
        return
    rows = []
    for times in report.times:
        rows.append((milestone_words(times.channel, Milestone.HAND_OVER), *_spread(times.hand_over)))
        if times.delivery is not None:
            rows.append((milestone_words(times.channel, Milestone.DELIVERY), *_spread(times.delivery)))
    yield Heading("Hvor fort det gikk")
    first = min(times.first_hand_over_at for times in report.times)
    last = max(times.last_hand_over_at for times in report.times)
    yield Paragraph(
        f"Første melding ble overlevert {clock(first)}, den siste {clock(last)}. Tidene er regnet fra bekreftelsen. "
        "E-post gir ingen kvittering for at den er levert."
    )
    yield Table(
        "Tider fra bekreftelsen",
        ("", "meldinger", "den første", "halvparten innen", "95 av 100 innen", "den siste"),
        tuple(rows),
        (3.4, 1.2, 1.6, 1.7, 1.7, 1.6),
        frozenset({1, 2, 3, 4, 5}),
    )


def _spread(spread: Spread) -> tuple[str, ...]:
    return grouped(spread.count), *(duration(one) for one in (spread.first, spread.p50, spread.p95, spread.max))


def _reasons(report: Report) -> Iterator[Block]:
    if report.reasons:
        yield Heading("Hvorfor meldinger ikke kom fram")
        rows = tuple(
            (
                grouped(one.deliveries),
                state_words(one.channel, one.state),
                in_norwegian(one.words) + code_words(one.code),
            )
            for one in report.reasons
        )
        yield Table("Grunner", ("antall", "hvor det står", "grunn"), rows, (1, 3.4, 5), frozenset({0}))
    if report.unreachable:
        yield Heading("Foresatte som kan varsles, men ikke fikk noen melding")
        rows_ = tuple((grouped(one.guardians), in_norwegian(one.words)) for one in report.unreachable)
        yield Table("Foresatte uten melding", ("antall", "grunn"), rows_, (1, 8.4), frozenset({0}))


def _slowest(breakdown: Breakdown) -> Iterator[Block]:
    if not breakdown.slowest:
        return
    yield Heading("De tregeste meldingene")
    rows = tuple(
        (
            "skjermet elev" if one.hidden else ", ".join(one.home_classes) or "uten klasse",
            f"{milestone_words(one.channel, one.milestone, short=True)} {clock(one.at)}",
            duration(one.seconds),
            grouped(one.attempts),
        )
        for one in breakdown.slowest
    )
    yield Table(
        "De tregeste meldingene",
        ("klasse", "hva og når", "etter bekreftelsen", "forsøk"),
        rows,
        (2.2, 4.2, 2, 1),
        frozenset({2, 3}),
    )


def _texts(report: Report) -> Iterator[Block]:
    yield Heading("Hva som ble sendt")
    for text in report.texts:
        parts = "1 SMS-del" if text.segments == 1 else f"{text.segments} SMS-deler"
        yield Paragraph(f"{language_words(text.language).capitalize()}: {grouped(text.deliveries)} meldinger, {parts}")
        yield Quote(text.sms)


def _acts(report: Report) -> Iterator[Block]:
    yield Heading("Hvem gjorde hva")
    rows = tuple(
        (day_and_time(act.at), "programmet" if act.operator == PROGRAM else act.operator, act_words(act))
        for act in report.acts
    )
    yield Table("Hvem gjorde hva", ("når", "hvem", "hva"), rows, (2.6, 2, 5))


def _details(report: Report, breakdown: Breakdown | None) -> Iterator[Block]:
    yield Heading("Kostnad og andre tall")
    if breakdown is not None:
        yield Paragraph(_cost(breakdown.cost))
    attempts = sum(one.attempts for one in report.attempts)
    outcomes = ", ".join(f"{OUTCOMES[one.outcome]} {grouped(one.attempts)}" for one in report.attempts)
    decided = dict.fromkeys(Verdict, 0)
    for one in report.decisions:
        decided[one.verdict] += one.decisions
    decisions = (
        f"kan varsles {grouped(decided[Verdict.ENTITLED])}, må avgjøres {grouped(decided[Verdict.HELD])}, "
        f"kan ikke varsles {grouped(decided[Verdict.NO])}"
    )
    rows = (
        (grouped(sum(decided.values())), f"avgjørelser om en foresatt kan varsles om en elev ({decisions})"),
        (grouped(attempts), f"forsøk på å sende ({outcomes})" if outcomes else "forsøk på å sende"),
        (grouped(report.confirmed_by_answer), "meldinger bekreftet med et svar: 1 på en SMS, eller 2 i et anrop"),
        (grouped(report.reached_by_telephone), "elever der noen er nådd på telefon, som ansatte har merket"),
        (grouped(report.email_repeats), "e-poster sendt en gang til fordi det var usikkert om de kom fram"),
        (grouped(report.refused_moves), "sene kvitteringer som ikke endret noe"),
        (grouped(report.stale), "meldinger til kontaktinformasjon som ikke er bekreftet på 18 måneder"),
        (grouped(report.unverified), "meldinger til kontaktinformasjon som ingen har bekreftet"),
    )
    yield Table("Andre tall", (), rows, (1, 9), frozenset({0}))


def _cost(cost: Cost) -> str:
    parts = f"{grouped(cost.sms_segments)} SMS-del{'' if cost.sms_segments == 1 else 'er'}"
    if not cost.calls:
        counted, apart = parts, "E-post"
    elif cost.calls_priced:
        counted, apart = f"{parts} og {grouped(cost.calls)} anrop", "E-post"
    else:
        counted, apart = parts, f"{grouped(cost.calls)} anrop uten kjent pris og e-post"
    return (
        f"Varselet har kostet omtrent {_kroner(cost.nok)} ({counted}, etter prisene i innstillingene i dag). "
        f"{apart} er ikke regnet med."
    )


def _kroner(amount: float) -> str:
    return f"{amount:,.2f}".replace(",", "\u00a0").replace(".", ",") + " kr"
