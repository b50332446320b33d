"""Sending end to end against the bare clients: SMS, e-mail with and without PIPELINING, both channels at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.cpu import each_message, used_by
from bench.fill import School
from bench.installation import Installation
from bench.one_alert import FarEnd, Sent, Words, send, words_of
from bench.servers import MailFarEnd
from bench.stage import Stage
from bench.table import Row, at_least
from bench.yardsticks import Bare, bare_smtp, bare_twilio, smtp_source, wrk
from config.sections import SmsSettings
from providers.base import Channel

_SCHOOL = "Eksempel vgs"


def sms(stage: Stage) -> list[Row]:
    """50,000 SMS against the twilio package's async client in a loop."""
    sizes = stage.sizes
    school = School(_SCHOOL, sizes.sms)

    def bare(words: Words) -> Bare:
        return bare_twilio(stage.sms, sizes.sms, words, connections=sms_connections(), processes=sizes.processes)

    with stage.distributed(school) as installation:
        compared = alternately(stage, installation, {stage.texts: school.guardians}, bare)
    physical = wrk(stage.sms, compared.words, connections=sizes.processes * sms_connections())
    return [
        Row(f"SMS end to end, {compared.ours.deliveries:,}, against the bare client", compared.ratio, at_least(0.8),
            detail=compared.detail("twilio's async client")),
        compared.by_cpu("twilio's async client"),
        Row("the same, against wrk", compared.ours.rate / physical, detail=f"wrk {physical:,.0f}/s"),
    ]  # fmt: skip


def email(stage: Stage) -> list[Row]:
    """50,000 e-mails against bare aiosmtplib, to a server without PIPELINING and to one that offers it."""
    sizes = stage.sizes
    school = School(_SCHOOL, sizes.emails)
    plain, offered = _mail(stage, school, stage.plain_mail), _mail(stage, school, stage.mail)
    connections = sizes.processes * sizes.smtp_connections
    physical = smtp_source(stage.mail, sizes.emails, offered.words, connections=connections)
    bare = "bare aiosmtplib"
    return [
        Row(f"e-mail end to end, {plain.ours.deliveries:,}, against {bare}", plain.ratio, at_least(0.8),
            detail=plain.detail(bare)),
        plain.by_cpu(bare),
        Row("with PIPELINING offered, against the same", offered.ratio, at_least(2.0), detail=offered.detail(bare)),
        offered.by_cpu(bare),
        Row("with PIPELINING offered, against smtp-source", offered.ours.rate / physical, at_least(0.5),
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
        Row("the same, against the sum of both rates alone", once.rate / rates, at_least(0.8),
            detail="here two channels share the cores that one alone has to itself"),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compared:
    """The best of ours and of the yardstick. `used`: seconds of processor time for each of our messages, by part."""

    ours: Sent
    bare: Bare
    words: Words
    used: Mapping[str, float]

    @property
    def ratio(self) -> float:
        return self.ours.rate / self.bare.rate

    def detail(self, yardstick: str) -> str:
        return f"{_each(self.ours)}; {yardstick} {self.bare.rate:,.0f}/s, each the best moment of a shared machine"

    def by_cpu(self, yardstick: str) -> Row:
        """The same by processor time: what both rates would come to when the cores belong to them alone.

        It does not depend on who else is at work, as the ratio of two moments does.
        """
        cost = each_message({**self.used, yardstick: self.bare.cpu}, 1)
        return Row("the same, by processor time a message", self.bare.cpu / sum(self.used.values()), detail=cost)


def alternately(
    stage: Stage, installation: Installation, expected: Mapping[FarEnd, int], bare: Callable[[Words], Bare]
) -> Compared:
    """Ours and the yardstick in turn, so that both meet the same noise."""
    workers = installation.start_workers(stage.sizes.processes)
    parts = {"workers": workers, "PostgreSQL": [stage.postgres.pid]}
    ours: list[Sent] = []
    yardsticks: list[Bare] = []
    used: dict[str, float] = dict.fromkeys(parts, 0.0)
    for _ in range(stage.sizes.rounds):
        sent, seconds = used_by(parts, lambda: send(installation, _SCHOOL, expected))
        used = {name: used[name] + seconds[name] for name in parts}
        ours.append(sent)
        words = words_of(installation, ours[0].alert_id)
        yardsticks.append(bare(words))
    messages = sum(sent.deliveries for sent in ours)
    each = {name: seconds / messages for name, seconds in used.items()}
    return Compared(_best(ours), max(yardsticks, key=lambda one: one.rate), words, each)


def sms_connections() -> int:
    """Calls at once in each process, as the settings have it by default."""
    import tomllib

    from config.settings import DEFAULTS_FILE

    return SmsSettings(**tomllib.loads(DEFAULTS_FILE.read_text("utf-8"))["sms"]).connections


def _mail(stage: Stage, school: School, far_end: MailFarEnd) -> Compared:
    sizes = stage.sizes

    def bare(words: Words) -> Bare:
        return bare_smtp(far_end, sizes.emails, words, connections=sizes.smtp_connections, processes=sizes.processes)

    with stage.distributed(school, smtp_port=far_end.port) as installation:
        expected = {FarEnd(Channel.EMAIL, lambda: far_end.taken): school.guardians}
        return alternately(stage, installation, expected, bare)


def _best(runs: list[Sent]) -> Sent:
    return min(runs, key=lambda run: run.seconds)


def _each(sent: Sent) -> str:
    return f"{sent.rate:,.0f}/s, {sent.seconds:.1f} s"
