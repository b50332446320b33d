"""What the dramatiq workers import: one message is one delivery."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from sms_delivery import connect, deliver, twilio

NAME = "peer-dramatiq"
THREADS = 8

engine = connect(THREADS)
client = twilio()
broker = RedisBroker(url=os.environ["PEER_REDIS_URL"], namespace=NAME)
dramatiq.set_broker(broker)


@dramatiq.actor
def deliver_sms(notification_id: int) -> None:
    deliver(engine, client, notification_id)
