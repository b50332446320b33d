"""What the Celery workers import: one task is one delivery, as in GOV.UK Notify's `deliver_sms`."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import worker_ready
from requests import RequestException
from sms_delivery import connect, deliver, twilio
from twilio.base.exceptions import TwilioException

NAME = "peer-celery"
READY = "peer ready"

engine = connect(1)
client = twilio()
app = Celery("peer", broker=os.environ["PEER_REDIS_URL"])
app.conf.update(
    # Names of its own, and not a prefix for all keys, which costs each command a little.
    task_default_queue=NAME,
    broker_transport_options={f"{key}_key": f"{NAME}-{key}" for key in ("unacked", "unacked_index", "unacked_mutex")},
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
    worker_enable_remote_control=False,
)


@app.task(
    name="deliver_sms",
    autoretry_for=(TwilioException, RequestException),
    max_retries=48,
    default_retry_delay=300,
)
def deliver_sms(notification_id: int) -> None:
    deliver(engine, client, notification_id)


@worker_ready.connect
def say_ready(**_signal: Any) -> None:
    print(READY, flush=True)
