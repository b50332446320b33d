"""Plain dramatiq on Redis: one message a delivery, the synchronous Twilio client, one row and one commit each."""

from __future__ import annotations

import time

from contract import Call, empty_redis, main, schema, workers


def measure(call: Call) -> float:
    import sms_delivery

    sms_delivery.tell_workers(call)
    import dramatiq_tasks

    engine = dramatiq_tasks.engine
    command = ["-m", "dramatiq", "dramatiq_tasks", "--processes", str(call.processes)]
    command += ["--threads", str(dramatiq_tasks.THREADS)]
    with schema(call, sms_delivery.SCHEMA), empty_redis(call, dramatiq_tasks.NAME):
        ids = sms_delivery.store(engine, call.count)
        with workers(command, ready="Worker process is ready", times=call.processes) as check:
            began = time.monotonic()
            for notification_id in ids:
                dramatiq_tasks.deliver_sms.send(notification_id)
            sms_delivery.wait_until_sent(engine, check)
            seconds = time.monotonic() - began
        sms_delivery.verify(engine, call.count)
        engine.dispose()
    return seconds


if __name__ == "__main__":
    main(measure)
