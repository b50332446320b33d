"""`beredskap self-test` as a person runs it: through the real outbox and drainer to the far end, and its receipts."""

from __future__ import annotations

from tests.whole.conftest import Installation
from tests.whole.school import NOT_IN_USE

PHONE, BAD_PHONE, MAIL = "+4799990001", f"+479999{NOT_IN_USE}", "drift@provedal.example"


def test_a_self_test_passes_and_fails_and_doctor_knows(embedded: Installation) -> None:
    unset = embedded.run("self-test")
    assert (unset.status, "name no staff" in unset.err) == (2, True)
    sms = embedded.settings["sms"]
    embedded.set(
        "sms_backup",
        **{name: sms[name] for name in ("account_sid", "auth_token", "api_base_url", "sender", "timeout_seconds")},
    )
    embedded.set("self_test", phones=[PHONE], emails=[MAIL], wait_seconds=60)
    passed = embedded.run("self-test", "--json")
    assert passed.status == 0, passed.out + embedded.logs()
    messages = passed.json["messages"]
    assert {(one["provider"], one["state"]) for one in messages} == {
        ("twilio", "delivered"),
        ("twilio_backup", "delivered"),
        ("smtp", "accepted"),
    }
    taken = embedded.far_end.sms(PHONE)
    assert [one["body"].startswith("TEST - ") for one in taken] == [True, True]
    (mail,) = embedded.far_end.emails()
    assert mail["to"] == [MAIL]
    assert _doctor(embedded)["status"] == "ok"
    embedded.set("self_test", phones=[PHONE, BAD_PHONE], emails=[])
    failed = embedded.run("self-test")
    assert failed.status == 1, failed.out
    assert "FAILED: 2 of 4 messages have not arrived." in failed.out
    assert "self_test.phones" in failed.out
    assert _doctor(embedded)["status"] == "fail"
    for text in (passed.out, failed.out, embedded.logs()):
        assert not {PHONE, PHONE[3:], BAD_PHONE, BAD_PHONE[3:], MAIL} & set(text.replace('"', " ").split())
    embedded.drained()


def _doctor(embedded: Installation) -> dict[str, str]:
    checks: list[dict[str, str]] = embedded.run("doctor", "--json").json["checks"]
    return next(one for one in checks if one["name"] == "self-test")
