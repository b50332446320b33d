"""Sending end to end against the bare clients: SMS, e-mail with and without PIPELINING, both channels at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.fill import School
from bench.installation import Installation
from bench.one_alert import FarEnd, Sent, Words, send, words_of
from bench.servers import MailFarEnd
from bench.stage import Stage
from bench.table import Row, at_least
from bench.yardsticks import bare_smtp, bare_twilio, smtp_source, wrk
from config.settings import SmsSettings
from providers.base import Channel

_SCHOOL = "Eksempel vgs"


def sms(stage: Stage) -> list[Row]:
    """50,000 SMS against the twilio package's async client in a loop."""
    sizes = stage.sizes
    school = School(_SCHOOL, sizes.sms)

    def bare(words: Words) -> float:
        return bare_twilio(stage.sms, sizes.sms, words, connections=sms_connections(), processes=sizes.processes)

    with stage.distributed(school) as installation:
        installation.start_workers(sizes.processes)
        best, yardstick, words = alternately(installation, {stage.texts: school.guardians}, bare, sizes.rounds)
    physical = wrk(stage.sms, words, connections=sizes.processes * sms_connections())
    detail = f"{_each(best)}; twilio's async client {yardstick:,.0f}/s"
    return [
        Row(f"SMS end to end, {best.deliveries:,}, against the bare client", best.rate / yardstick, at_least(0.8),
            detail=detail),
        Row("the same, against wrk", best.rate / physical, detail=f"wrk {physical:,.0f}/s"),
    ]  # fmt: skip


def email(stage: Stage) -> list[Row]:
    """50,000 e-mails against bare aiosmtplib, to a server without PIPELINING and to one that offers it."""
    sizes = stage.sizes
    school = School(_SCHOOL, sizes.emails)
    plain, plain_yardstick, _words = _mail(stage, school, stage.plain_mail)
    best, yardstick, words = _mail(stage, school, stage.mail)
    physical = smtp_source(stage.mail, sizes.emails, words, connections=sizes.processes * sizes.smtp_connections)
    what = f"e-mail end to end, {best.deliveries:,}"
    bare = "bare aiosmtplib"
    return [
        Row(f"{what}, against {bare}", plain.rate / plain_yardstick, at_least(0.8),
            detail=f"{_each(plain)}; {bare} {plain_yardstick:,.0f}/s"),
        Row("with PIPELINING offered, against the same", best.rate / yardstick, at_least(2.0),
            detail=f"{_each(best)}; {bare} {yardstick:,.0f}/s"),
        Row("with PIPELINING offered, against smtp-source", best.rate / physical, at_least(0.5),
            detail=f"smtp-source {physical:,.0f}/s"),
    ]  # fmt: skip


def both(stage: Stage) -> list[Row]:
    """Both channels at once against the two alone, all three measured here in turn."""
    sizes = stage.sizes
    school = School(_SCHOOL, sizes.both // 2)
    texts, mails = stage.texts, stage.mails
    count = school.guardians
    alone: dict[FarEnd, list[Sent]] = {texts: [], mails: []}
    together: list[Sent] = []
    with stage.distributed(school) as installation:
        installation.start_workers(sizes.processes)
        for _ in range(sizes.rounds):
            for far_end, runs in alone.items():
                runs.append(send(installation, school.name, {far_end: count}))
            together.append(send(installation, school.name, {texts: count, mails: count}))
    once = _best(together)
    seconds = sum(_best(runs).seconds for runs in alone.values())
    rates = sum(_best(runs).rate for runs in alone.values())
    detail = f"{_each(once)}; one after the other {seconds:.1f} s; rates alone sum to {rates:,.0f}/s on these cores"
    what = f"both channels at once, {once.deliveries:,}"
    return [
        Row(f"{what}, against the time of one after the other", seconds / once.seconds, at_least(0.8), detail=detail),
        Row("the same, against the sum of both rates alone", once.rate / rates,
            detail="two channels share the cores that one alone has to itself"),
    ]  # fmt: skip


def alternately(
    installation: Installation, expected: Mapping[FarEnd, int], bare: Callable[[Words], float], rounds: int
) -> tuple[Sent, float, Words]:
    """Ours and the yardstick in turn, so that both meet the same noise: the best of each, and the words that went."""
    ours: list[Sent] = []
    yardsticks: list[float] = []
    for _ in range(rounds):
        ours.append(send(installation, _SCHOOL, expected))
        words = words_of(installation, ours[0].alert_id)
        yardsticks.append(bare(words))
    return _best(ours), max(yardsticks), words


def sms_connections() -> int:
    """Calls at once in each process, as the settings have it by default."""
    import tomllib

    from config.settings import DEFAULTS_FILE

    return SmsSettings(**tomllib.loads(DEFAULTS_FILE.read_text("utf-8"))["sms"]).connections


def _mail(stage: Stage, school: School, far_end: MailFarEnd) -> tuple[Sent, float, Words]:
    sizes = stage.sizes

    def bare(words: Words) -> float:
        return bare_smtp(far_end, sizes.emails, words, connections=sizes.smtp_connections, processes=sizes.processes)

    with stage.distributed(school, smtp_port=far_end.port) as installation:
        installation.start_workers(sizes.processes)
        expected = {FarEnd(Channel.EMAIL, lambda: far_end.taken): school.guardians}
        return alternately(installation, expected, bare, sizes.rounds)


def _best(runs: list[Sent]) -> Sent:
    return min(runs, key=lambda run: run.seconds)


def _each(sent: Sent) -> str:
    return f"{sent.rate:,.0f}/s, {sent.seconds:.1f} s"
