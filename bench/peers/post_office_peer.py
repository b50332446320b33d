"""django-post_office on PostgreSQL: mails are queued in bulk, then `send_queued_mail` sends them in batches."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from pathlib import Path

from contract import Call, PeerError, main, schema

SUBJECT = "Eksempel vgs: Skolen er stengt"
TEXT = "Skolen er stengt. Elevene er trygge og blir inne til politiet sier fra.\n\nIkke kom til skolen.\n"
QUEUED_AT_ONCE = 5000


def measure(call: Call) -> float:
    try:
        socket.create_connection((call.smtp_host, call.smtp_port), 10).close()
    except OSError:
        raise PeerError("The SMTP server does not answer at --smtp, so nothing was measured.") from None
    os.environ["PEER_DATABASE_URL"] = call.database_url
    os.environ["PEER_SMTP"] = f"{call.smtp_host}:{call.smtp_port}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "post_office_settings"
    import django
    from django.core.management import call_command
    from django.db import connection
    from post_office_settings import SCHEMA

    with schema(call, SCHEMA), tempfile.TemporaryDirectory() as folder:
        django.setup()
        call_command("migrate", verbosity=0)
        mails = [
            {"sender": "peer@example.com", "recipients": [f"{n}@example.com"], "subject": SUBJECT, "message": TEXT}
            for n in range(call.count)
        ]
        # Begun by a process that has Django loaded, as a timer of uWSGI or a Celery worker does: no start-up counts.
        began = time.monotonic()
        _queue(mails)
        call_command("send_queued_mail", processes=call.processes, lockfile=str(Path(folder) / "lock"))
        seconds = time.monotonic() - began
        _verify(call.count)
        connection.close()
    return seconds


def _queue(mails: list[dict[str, object]]) -> None:
    from post_office import mail

    for first in range(0, len(mails), QUEUED_AT_ONCE):
        mail.send_many(mails[first : first + QUEUED_AT_ONCE])


def _verify(count: int) -> None:
    from post_office.models import STATUS, Email, Log

    sent = Email.objects.filter(status=STATUS.sent).count()
    if sent != count:
        why = Log.objects.values_list("exception_type", flat=True).first() or "no error is logged"
        raise PeerError(f"{sent} of {count} mails are recorded as sent ({why}).")


if __name__ == "__main__":
    main(measure)
