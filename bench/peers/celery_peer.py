"""Celery on Redis, shaped as GOV.UK Notify: a task a notification, prefork, a synchronous client, one commit each."""

from __future__ import annotations

import time

from contract import Call, empty_redis, main, schema, workers

# Of 4 to 32 fastest where the far end answers at once; more children than cores were slower.
PREFETCH = 32


def measure(call: Call) -> float:
    import sms_delivery

    sms_delivery.tell_workers(call)
    import celery_tasks

    engine = celery_tasks.engine
    command = ["-m", "celery", "-A", "celery_tasks", "worker", "--pool", "prefork", "--loglevel", "WARNING"]
    command += ["--concurrency", str(call.processes), "--prefetch-multiplier", str(PREFETCH)]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with schema(call, sms_delivery.SCHEMA), empty_redis(call, celery_tasks.NAME):
        ids = sms_delivery.store(engine, call.count)
        with workers(command, ready=celery_tasks.READY, times=1) as check:
            began = time.monotonic()
            with celery_tasks.app.producer_or_acquire() as producer:
                for notification_id in ids:
                    celery_tasks.deliver_sms.apply_async((notification_id,), producer=producer)
            sms_delivery.wait_until_sent(engine, check)
            seconds = time.monotonic() - began
        sms_delivery.verify(engine, call.count)
        engine.dispose()
        celery_tasks.app.close()
    return seconds


if __name__ == "__main__":
    main(measure)
