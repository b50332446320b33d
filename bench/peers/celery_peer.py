"""Celery on Redis, shaped as GOV.UK Notify: a task a notification, prefork, a synchronous client, one commit each."""

from __future__ import annotations

import contextlib
import time

from contract import Call, empty_redis, main, schema, workers

# Several nodes, as Notify runs them. Where the far end answers at once and the cores are busy, one child for each takes
# the least time a message; one node with two or four children was slower.
CHILDREN = 1
PREFETCH = 32


def measure(call: Call) -> float:
    import sms_delivery

    sms_delivery.tell_workers(call)
    import celery_tasks

    engine = celery_tasks.engine
    command = ["-m", "celery", "-A", "celery_tasks", "worker", "--pool", "prefork", "--loglevel", "WARNING"]
    command += ["--concurrency", str(CHILDREN), "--prefetch-multiplier", str(PREFETCH)]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with schema(call, sms_delivery.SCHEMA), empty_redis(call, celery_tasks.NAME):
        ids = sms_delivery.store(engine, call.count)
        with contextlib.ExitStack() as nodes:
            checks = [
                nodes.enter_context(workers([*command, "--hostname", f"{n}@peer"], ready=celery_tasks.READY, times=1))
                for n in range(call.processes)
            ]
            began = time.monotonic()
            with celery_tasks.app.producer_or_acquire() as producer:
                for notification_id in ids:
                    celery_tasks.deliver_sms.apply_async((notification_id,), producer=producer)
            sms_delivery.wait_until_sent(engine, lambda: [check() for check in checks])
            seconds = time.monotonic() - began
        sms_delivery.verify(engine, call.count)
        engine.dispose()
        celery_tasks.app.close()
    return seconds


if __name__ == "__main__":
    main(measure)
