"""The same job on the same servers, as others would build it: plain dramatiq, Celery, django-post_office."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.fill import School
from bench.installation import environment
from bench.one_alert import DisagreementError, FarEnd, send
from bench.stage import Stage
from bench.table import Row, at_least

_ROOT = Path(__file__).resolve().parent.parent.parent
_SCHOOL = "Eksempel vgs"
_TIMES = 5.0
# Ours is so much quicker that an alert of the same size would be over before it is under way.
_OURS_IS_LONGER = 4
_MINUTES = 10


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    script: str


_SMS = (Peer("plain dramatiq", "dramatiq_peer.py"), Peer("Celery", "celery_peer.py"))
_EMAIL = (Peer("django-post_office", "post_office_peer.py"),)


def peers(stage: Stage) -> list[Row]:
    """Ours against the best of them, each channel for itself, in turn."""
    return [
        _against(stage, "SMS", _SMS, stage.texts),
        _against(stage, "e-mail", _EMAIL, stage.mails),
    ]


def _against(stage: Stage, channel: str, others: tuple[Peer, ...], far_end: FarEnd) -> Row:
    school = School(_SCHOOL, _OURS_IS_LONGER * stage.sizes.peers)
    rates: dict[str, float] = {}
    silent: dict[str, str] = {}
    ours = 0.0
    with stage.distributed(school) as installation:
        for _ in range(stage.sizes.rounds):
            installation.start_workers(stage.sizes.processes)
            ours = max(ours, send(installation, school.name, {far_end: school.guardians}).rate)
            # Idle workers look at the database each second: nobody else shall be measured beside them.
            installation.stop_workers()
            for peer in others:
                try:
                    rates[peer.name] = max(rates.get(peer.name, 0.0), _rate(stage, peer, far_end))
                except _NotRunError as error:
                    silent[peer.name] = str(error)
    said = [f"{name} {rate:,.0f}/s" for name, rate in rates.items()]
    said += [f"{name} could not run: {why}" for name, why in silent.items() if name not in rates]
    what = f"{channel}, against the best of {', '.join(peer.name for peer in others)}"
    detail = f"ours {ours:,.0f}/s; {'; '.join(said)}"
    return Row(what, ours / max(rates.values()) if rates else None, at_least(_TIMES), detail=detail)


class _NotRunError(RuntimeError):
    """A peer could not run here; the text says why."""


def _rate(stage: Stage, peer: Peer, far_end: FarEnd) -> float:
    python = _ROOT / ".venv-bench/bin/python"
    before = far_end.at_rest()
    command = [
        str(python if python.exists() else sys.executable), str(_ROOT / "bench/peers" / peer.script),
        "--database-url", stage.database(), "--redis-url", stage.redis.url, "--sms-url", stage.sms.url,
        "--smtp", f"127.0.0.1:{stage.mail.port}", "--count", str(stage.sizes.peers),
        "--processes", str(stage.sizes.processes),
    ]  # fmt: skip
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60 * _MINUTES, env=environment())
    except subprocess.TimeoutExpired:
        raise _NotRunError(f"not through after {_MINUTES} minutes") from None
    if ended.returncode != 0:
        raise _NotRunError(ended.stderr.strip().rpartition("\n")[2] or f"status {ended.returncode}")
    answer = json.loads(ended.stdout.strip().rpartition("\n")[2])
    arrived = far_end.at_rest() - before
    if not arrived == answer["sent"] == stage.sizes.peers:
        raise DisagreementError(f"{peer.name} says {answer['sent']:,} messages, and {arrived:,} arrived")
    return float(answer["sent"] / answer["seconds"])
