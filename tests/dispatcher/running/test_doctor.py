"""Doctor finds what is wrong with an installation, says what to do about it, and is never itself what is wrong."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update

from config.clock import bound_db_now, db_now, plus_seconds
from config.database import Database
from config.initialise import initialise
from config.settings import load_settings
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.metadata import complete_metadata
from dispatcher.running import doctor as doctor_module
from dispatcher.running.doctor import Check, CheckResult, Diagnosis, Status, examine
from dispatcher.running.presence import beat, take_lease
from dispatcher.tables import ALERT, DELIVERY, PROCESS, RECEIPT
from portal.server import create_server
from portal.server import serving as server_thread
from providers.sandbox.server import ACCOUNT_SID, AUTH_TOKEN, Sandbox, SandboxConfig
from tests.dispatcher.world import World
from tests.portal.serving import accepted_deliveries
from tests.services.postgres import PostgresServer
from tests.services.processes import Processes
from tests.services.server import free_port
from tests.services.waiting import eventually


def found(diagnosis: Diagnosis, name: Check) -> CheckResult:
    return next(result for result in diagnosis.results if result.name is name)


def not_ok(diagnosis: Diagnosis) -> dict[Check, Status]:
    return {result.name: result.status for result in diagnosis.results if result.status is not Status.OK}


def configure(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    """`sms__sender="X"` sets sms.sender."""
    for name, value in values.items():
        monkeypatch.setenv(f"BEREDSKAP_{name.upper()}", str(value))


@contextmanager
def store() -> Iterator[Database]:
    """The initialised store that the settings name."""
    initialise(load_settings(), complete_metadata())
    database = Database(load_settings().database_url)
    yield database
    database.dispose()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(SandboxConfig(smtp_username="skole", smtp_password="geheim")) as sandbox:
        yield sandbox


@pytest.fixture
def providers(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Settings in which both providers are right."""
    configure(
        monkeypatch,
        sms__account_sid=ACCOUNT_SID,
        sms__auth_token=AUTH_TOKEN,
        sms__api_base_url=sandbox.sms_url,
        sms__sender="EKSEMPELVGS",
        smtp__host="127.0.0.1",
        smtp__port=sandbox.smtp_port,
        smtp__security="none",
        smtp__username="skole",
        smtp__password="geheim",
        smtp__from_address="varsling@example.test",
    )
    return sandbox


def at_work(database: Database, *lanes: str, upkeep: bool = True) -> None:
    """Workers of these lanes that are alive."""
    with database.write() as connection:
        for number, lane in enumerate(lanes):
            beat(connection, f"worker-{number}", "worker", lane, {})
            if upkeep:
                take_lease(connection, f"upkeep:{lane}", f"worker-{number}", 15.0)


def test_a_machine_on_which_nothing_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    diagnosis = examine()
    assert [result.name for result in diagnosis.results] == list(Check)
    assert diagnosis.exit_status == 2
    assert found(diagnosis, Check.SETTINGS).status is Status.OK
    for name in (Check.KEY_FILE, Check.DATABASE):
        assert found(diagnosis, name).status is Status.FAIL
        assert "beredskap init" in found(diagnosis, name).remedy
    assert {n for n in Check if found(diagnosis, n).what.startswith("not checked")} == {
        Check.WORKERS,
        Check.UNFINISHED,
        Check.SCHEDULER,
        Check.CLOCK,
        Check.UNKNOWN,
        Check.RECEIPTS,
        Check.AUDIT,
        Check.REGISTERS,
        Check.OPERATORS,
        Check.REMINDERS,
        Check.SELF_TEST,
        Check.DRILLS,
    }
    # Looking made nothing.
    assert not load_settings().data_dir.exists()


def test_an_embedded_installation_in_good_order(providers: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    configure(monkeypatch, web__port=port, sms__callback_base_url=f"http://127.0.0.1:{port}")
    with store() as database, server_thread(create_server(load_settings(), database)):
        diagnosis = examine()
        assert not_ok(diagnosis) == {}
        assert diagnosis.exit_status == 0
        assert not diagnosis.unattended
        with database.read() as connection:
            assert connection.execute(select(RECEIPT)).all() == []
    assert providers.mailbox.sms == {}
    assert providers.mailbox.mails == []


def test_a_distributed_installation_in_good_order(
    providers: Sandbox, postgres_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, store__database_url=postgres_url, store__redis_url=redis_url)
    with store() as database:
        at_work(database, "alerts", "alerts", "routine")
        diagnosis = examine()
        assert not_ok(diagnosis) == {}
        assert found(diagnosis, Check.WORKERS).what == "alerts 2, routine 1"
        assert "answers at 127.0.0.1" in found(diagnosis, Check.REDIS).what


@pytest.mark.parametrize(
    ("lanes", "status"),
    [((), Status.FAIL), (("routine",), Status.FAIL), (("alerts",), Status.WARN), (("all",), Status.OK)],
)
def test_lanes_without_workers_are_told(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, lanes: tuple[str, ...], status: Status
) -> None:
    configure(monkeypatch, store__database_url=postgres_url)
    with store() as database:
        at_work(database, *lanes)
        assert found(examine(), Check.WORKERS).status is status


def test_who_was_not_seen_lately_does_not_count(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, store__database_url=postgres_url)
    with store() as database:
        at_work(database, "alerts", "routine")
        with database.write() as connection:
            connection.execute(update(PROCESS).values(seen_at=plus_seconds(db_now(), -16)))
        assert found(examine(), Check.WORKERS).status is Status.FAIL


def test_an_upkeep_that_nobody_does_is_told(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, store__database_url=postgres_url)
    with store() as database:
        at_work(database, "alerts", "routine", upkeep=False)
        assert found(examine(), Check.SCHEDULER).status is Status.FAIL
        with database.write() as connection:
            take_lease(connection, "upkeep:alerts", "scheduler", 15.0)
        assert found(examine(), Check.SCHEDULER).status is Status.WARN
        with database.write() as connection:
            take_lease(connection, "upkeep:routine", "scheduler", 15.0)
        assert found(examine(), Check.SCHEDULER).status is Status.OK


def test_redis_away_with_workers_alive_is_no_catastrophe(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    configure(monkeypatch, store__database_url=postgres_url, store__redis_url=f"redis://:geheim@127.0.0.1:{port}/0")
    with store() as database:
        assert found(examine(), Check.REDIS).status is Status.FAIL
        at_work(database, "alerts", "routine")
        result = found(examine(), Check.REDIS)
    assert result.status is Status.WARN
    assert result.what == (
        f"Redis does not answer at 127.0.0.1:{port}. "
        "2 workers are alive and read the database themselves: alerts go out."
    )
    assert "geheim" not in repr(result)


def test_a_redis_address_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, store__redis_url="localhost")
    assert found(examine(), Check.REDIS).status is not Status.OK


@pytest.mark.parametrize(
    ("content", "named"),
    [("[sms]\nsendr = 'X'\n", "sms.sendr"), ("[sms\n", "beredskap.toml"), ("[smtp]\nport = 0\n", "smtp.port")],
)
def test_broken_settings_are_told_and_nothing_else_is_tried(content: str, named: str) -> None:
    Path("beredskap.toml").write_text(content)
    diagnosis = examine()
    assert diagnosis.exit_status == 2
    assert named in found(diagnosis, Check.SETTINGS).what
    others = [result for result in diagnosis.results if result.name is not Check.SETTINGS]
    assert {result.what for result in others} == {"not checked: mend the settings first"}


@pytest.mark.parametrize(
    "content",
    [
        '[sms]\nauth_token = "geheim"\n',
        '[audit]\nping_url = "https://hc.example/geheim"\n',
        '[id_porten]\nclient_secret = "geheim"\n',
        '[feide]\nclient_secret = "geheim"\n',
    ],
)
def test_a_settings_file_with_a_secret_is_nobody_elses_business(content: str) -> None:
    file = Path("beredskap.toml")
    file.write_text(content)
    file.chmod(0o644)
    result = found(examine(), Check.SETTINGS)
    assert result.status is Status.WARN
    assert "geheim" not in repr(result)
    file.chmod(0o600)
    assert found(examine(), Check.SETTINGS).status is Status.OK


def test_a_key_file_open_to_others_is_told() -> None:
    with store():
        load_settings().key_file.chmod(0o640)
        result = found(examine(), Check.KEY_FILE)
    assert result.status is Status.FAIL
    assert "chmod 600" in result.remedy


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", "postgresql+psycopg://h:x/y"])
def test_a_database_address_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    configure(monkeypatch, store__database_url=url)
    result = found(examine(), Check.DATABASE)
    assert result.status is Status.FAIL
    assert "store.database_url" in result.what


def test_a_database_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, store__database_url=f"postgresql+psycopg://me:geheim@127.0.0.1:{free_port()}/x")
    diagnosis = examine()
    result = found(diagnosis, Check.DATABASE)
    assert result.status is Status.FAIL
    assert "does not answer" in result.what
    assert "geheim" not in repr(diagnosis)


def test_a_database_that_hangs_is_not_waited_for(
    postgres_server: PostgresServer, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, store__database_url=postgres_url)
    with store():
        monkeypatch.setattr(doctor_module, "DATABASE_SECONDS", 0.5)
        postgres_server.freeze()
        try:
            result = found(examine(), Check.DATABASE)
        finally:
            postgres_server.thaw()
    assert result.status is Status.FAIL
    assert "gave no answer" in result.what


@pytest.mark.parametrize(("revision", "words"), [("0000", "older version"), ("9999", "newer version")])
def test_tables_of_another_version_are_told(revision: str, words: str) -> None:
    with store() as database:
        with database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
        assert words in found(examine(), Check.DATABASE).what


@pytest.mark.parametrize(("name", "check"), [("sms__auth_token", Check.TWILIO), ("smtp__password", Check.SMTP)])
def test_wrong_credentials_are_told(
    providers: Sandbox, monkeypatch: pytest.MonkeyPatch, name: str, check: Check
) -> None:
    configure(monkeypatch, **{name: "another"})
    result = found(examine(), check)
    assert result.status is Status.FAIL
    assert "does not accept" in result.what


def test_providers_that_are_away_are_told(providers: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, sms__api_base_url=f"http://127.0.0.1:{free_port()}", smtp__port=free_port())
    diagnosis = examine()
    assert found(diagnosis, Check.TWILIO).status is Status.FAIL
    assert found(diagnosis, Check.SMTP).status is Status.FAIL


@pytest.mark.parametrize(
    ("settings", "status", "words"),
    [
        ({}, Status.OK, "none set"),
        ({"sms_backup__auth_token": AUTH_TOKEN}, Status.OK, "the second account is active"),
        ({"sms_backup__auth_token": "another"}, Status.FAIL, "does not accept"),
        ({"sms_last_resort__url": "smseagle://token@127.0.0.1/{to}"}, Status.OK, "an address that Apprise knows"),
        ({"sms_last_resort__url": "nonsense://{to}"}, Status.FAIL, "not filled in"),
    ],
)
def test_what_goes_on_when_twilio_does_not(
    providers: Sandbox, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], status: Status, words: str
) -> None:
    configure(monkeypatch, **settings)
    if "sms_backup__auth_token" in settings:
        configure(monkeypatch, sms_backup__account_sid=ACCOUNT_SID, sms_backup__api_base_url=providers.sms_url)
    result = found(examine(), Check.SMS_BACKUP)
    assert (result.status, words in result.what) == (status, True), result
    assert "token@" not in repr(result)


def test_providers_that_hang_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_module, "CHECK_SECONDS", 0.3)
    with Sandbox(SandboxConfig(latency=60.0)) as slow:
        configure(
            monkeypatch,
            sms__account_sid=ACCOUNT_SID,
            sms__auth_token=AUTH_TOKEN,
            sms__api_base_url=slow.sms_url,
            smtp__host="127.0.0.1",
            smtp__port=slow.smtp_port,
            smtp__security="none",
            smtp__from_address="varsling@example.test",
        )
        diagnosis = examine()
    assert "no answer within" in found(diagnosis, Check.TWILIO).what
    assert "no answer within" in found(diagnosis, Check.SMTP).what


@pytest.mark.parametrize(("missing", "other"), [("sms__account_sid", Check.TWILIO), ("smtp__host", Check.SMTP)])
def test_one_channel_may_be_missing_but_not_both(
    providers: Sandbox, monkeypatch: pytest.MonkeyPatch, missing: str, other: Check
) -> None:
    configure(monkeypatch, **{missing: ""})
    assert found(examine(), other).status is Status.WARN
    configure(monkeypatch, sms__account_sid="", smtp__host="")
    assert found(examine(), other).status is Status.FAIL


@pytest.mark.parametrize(
    ("sender", "status"),
    [
        ("EKSEMPELVGS", Status.OK),
        ("Vgs2", Status.OK),
        ("+4799999999", Status.OK),
        ("02345", Status.OK),
        ("", Status.WARN),
        ("EKSEMPELVGSX", Status.FAIL),
        ("SKÅLA", Status.FAIL),
        ("EKS VGS", Status.FAIL),
        ("1234567", Status.FAIL),
        ("MGS١", Status.FAIL),
    ],
)
@pytest.mark.parametrize("setting", ["sms__sender", "sms__routine_sender", "sms_backup__sender"])
def test_the_form_of_the_sender(monkeypatch: pytest.MonkeyPatch, setting: str, sender: str, status: Status) -> None:
    configure(monkeypatch, **{"sms__sender": "SKOLEN", setting: sender})
    result = found(examine(), Check.SENDER)
    assert result.status is (Status.OK if setting != "sms__sender" and not sender else status)
    assert "99999999" not in repr(result)
    if sender == "EKSEMPELVGS" and setting != "sms_backup__sender":
        assert "registered" in result.what


@contextmanager
def answering(status: int) -> Iterator[str]:
    """Something at the public address that gives everybody the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing to the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "words"), [(204, "with a wrong signature"), (403, "refuses what is signed right"), (404, "answers 404")]
)
def test_what_else_may_answer_at_the_callback_address(monkeypatch: pytest.MonkeyPatch, status: int, words: str) -> None:
    with answering(status) as url:
        configure(monkeypatch, sms__auth_token=AUTH_TOKEN, sms__callback_base_url=url)
        result = found(examine(), Check.CALLBACK)
    assert result.status is Status.FAIL
    assert words in result.what


def test_a_web_process_with_other_settings_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    configure(
        monkeypatch,
        web__port=port,
        sms__auth_token="the one of yesterday",
        sms__callback_base_url=f"http://127.0.0.1:{port}",
    )
    with store() as database, server_thread(create_server(load_settings(), database)):
        configure(monkeypatch, sms__auth_token="the one of today")
        result = found(examine(), Check.CALLBACK)
    assert "refuses what is signed right" in result.what
    assert "restart it" in result.remedy


def test_the_second_account_has_callbacks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    configure(
        monkeypatch,
        web__port=port,
        sms__auth_token=AUTH_TOKEN,
        sms__callback_base_url=f"http://127.0.0.1:{port}",
        sms_backup__account_sid=ACCOUNT_SID,
        sms_backup__auth_token="the one of yesterday",
        sms_backup__api_base_url=f"http://127.0.0.1:{free_port()}",
    )
    with store() as database, server_thread(create_server(load_settings(), database)):
        assert found(examine(), Check.CALLBACK).status is Status.OK
        configure(monkeypatch, sms_backup__auth_token="the one of today")
        result = found(examine(), Check.CALLBACK)
    assert result.status is Status.FAIL
    assert "sms_backup.auth_token" in result.remedy


@pytest.mark.parametrize("url", ["varsling.example.test", "https://[", "http://127.0.0.1:1"])
def test_a_callback_address_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    configure(monkeypatch, sms__auth_token=AUTH_TOKEN, sms__callback_base_url=url)
    assert found(examine(), Check.CALLBACK).status is Status.FAIL


@pytest.mark.parametrize(("seconds", "status"), [(0.5, Status.OK), (-5, Status.WARN), (90, Status.FAIL)])
def test_clocks_that_differ_are_told(seconds: float, status: Status) -> None:
    with store(), bound_db_now(datetime.now(UTC) + timedelta(seconds=seconds)):
        assert found(examine(), Check.CLOCK).status is status


@pytest.mark.parametrize(("free", "status"), [(50e9, Status.OK), (0.5e9, Status.WARN), (0.05e9, Status.FAIL)])
def test_room_on_the_disk(monkeypatch: pytest.MonkeyPatch, free: float, status: Status) -> None:
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(int(1e12), 0, int(free)))
    assert found(examine(), Check.DISK).status is status


def test_messages_of_unknown_fate_are_told_after_a_minute() -> None:
    with store() as database:
        accepted_deliveries(database, 3)
        with database.write() as connection:
            statement = update(DELIVERY).values(state=DeliveryState.UNKNOWN, claimed_at=plus_seconds(db_now(), -50))
            connection.execute(statement.where(DELIVERY.c.id < 3))
        assert found(examine(), Check.UNKNOWN).status is Status.OK
        with database.write() as connection:
            connection.execute(update(DELIVERY).values(claimed_at=plus_seconds(db_now(), -70)))
        result = found(examine(), Check.UNKNOWN)
        assert result.status is Status.WARN
        assert "exercise A-2611-0001 (2)" in result.what
        with database.write() as connection:
            connection.execute(update(ALERT).values(state=AlertState.CLOSED))
        assert found(examine(), Check.UNKNOWN).status is Status.OK


def test_what_the_auditor_finds_has_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with store() as database:
        well = found(examine(), Check.AUDIT)
        assert (well.status, well.what) == (
            Status.OK,
            "nothing is wrong with 0 alerts; the dead man's switch is not set (audit.ping_url)",
        )
        configure(monkeypatch, audit__ping_url="https://hc.example/geheim")
        world = World(database)
        world.now = datetime.now(UTC) - timedelta(seconds=90)
        world.sent(world.family(email=True))
        # Nobody sends, and doctor is about to see to that.
        result = found(examine(), Check.AUDIT)
        assert result.status is Status.WARN
        assert "A-2611-0002: 1 SMS waits, some of them due" in result.what
        assert result.what.endswith(" And 1 more. The dead man's switch is set.")
        assert result.remedy == "beredskap audit shows what to do."
        assert "geheim" not in repr(result)
        # Somebody is there to send, and does not.
        at_work(database, "alerts")
        assert found(examine(), Check.AUDIT).status is Status.FAIL


def test_receipts_that_nobody_waits_for_are_told_after_a_minute() -> None:
    with store() as database:
        with database.write() as connection:
            connection.execute(
                insert(RECEIPT), {"provider": "twilio", "reference": "SM1", "status": "delivered", "code": ""}
            )
        assert found(examine(), Check.RECEIPTS).status is Status.OK
        with database.write() as connection:
            connection.execute(update(RECEIPT).values(received_at=plus_seconds(db_now(), -70)))
        result = found(examine(), Check.RECEIPTS)
        assert (result.status, result.what[0]) == (Status.WARN, "1")


def test_an_alert_that_a_dead_machine_left_goes_on(processes: Processes) -> None:
    with store() as database:
        accepted_deliveries(database, 1)
        ended = processes.run("doctor")
        assert "nobody was sending them" in ended.out

        def state() -> str:
            with database.read() as connection:
                return str(connection.execute(select(ALERT.c.state)).scalar_one())

        eventually(lambda: state() == "closed", 30, what="the drainer has ended the alert that nothing moves any more")


def test_without_the_keys_nothing_is_taken_up() -> None:
    with store() as database:
        accepted_deliveries(database, 1)
        assert examine().unattended
        load_settings().key_file.unlink()
        diagnosis = examine()
    assert not diagnosis.unattended
    assert found(diagnosis, Check.UNFINISHED).status is Status.WARN


def test_the_command_prints_a_line_a_check_with_the_remedy_below(processes: Processes) -> None:
    ended = processes.run("doctor")
    assert ended.status == 2
    lines = ended.out.splitlines()
    assert max(map(len, lines)) <= 80
    heads = [line for line in lines if not line.startswith(" ")]
    assert [line[6:24].strip() for line in heads] == [check.value for check in Check]
    assert {line[:5].strip() for line in heads} == {"ok", "warn", "fail"}
    database = next(n for n, line in enumerate(lines) if line[6:].startswith("database"))
    assert lines[database + 1].strip() == "→ Run beredskap init."


def test_the_command_in_json(processes: Processes) -> None:
    ended = processes.run("doctor", "--json", environment={"BEREDSKAP_LOG__LEVEL": "loud"})
    document = json.loads(ended.out)
    assert ended.status == document["exit_status"] == 2
    assert document["checks"][0]["name"] == "settings"
    assert document["checks"][0]["status"] == "fail"
    assert set(document["checks"][0]) == {"name", "status", "what", "remedy"}
    assert len(document["checks"]) == len(Check)
    assert "Traceback" not in ended.err
