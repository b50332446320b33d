"""Logs of a process, seen from outside: one form for all libraries, and no person in any line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.logs import note_command
from config.settings import load_settings
from tests.services.processes import Processes

LOGGED = """
import logging, sys, threading, warnings
from pathlib import Path
from config.logs import configure_logging
from config.settings import load_settings

configure_logging(load_settings(), "drainer", *map(Path, sys.argv[1:]))

import structlog
log = structlog.get_logger("dispatcher.outbox")
log.info("claimed", rows=200, delivery_id=12345678, to=["+4798765432"], who={"kari@example.org": "98 76 54 32"})
log.debug("not asked for")
try:
    raise ValueError("Kari Nordmann")
except ValueError:
    log.exception("could not build")
    logging.getLogger("dramatiq.worker").exception("Failed to process message %s", "for 03851598730")
logging.getLogger("twilio.http_client").info("POST to %s", "+4798765432")
logging.getLogger("twilio.async_http_client").info("POST")
logging.getLogger("mail.log").info("sender kari@example.org")
logging.getLogger("uvicorn.access").info("GET /callback")
logging.getLogger("aiohttp.access").warning("GET /callback")
logging.getLogger("sqlalchemy.engine").info("INSERT")
logging.getLogger("elsewhere").warning("to %s", "987 65 432")
warnings.warn("odd: kari@example.org")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start(); thread.join()
raise RuntimeError("Kari Nordmann")
"""


def logged(processes: Processes, *arguments: str, **environment: str) -> tuple[str, str]:
    finished = processes.run("-c", LOGGED, *arguments, command=_PYTHON, environment=environment)
    assert finished.status == 1
    return finished.out, finished.err


_PYTHON = Path(__import__("sys").executable)


def test_every_line_is_json_with_what_wrote_it_and_no_person(processes: Processes) -> None:
    out, err = logged(processes)
    assert out == ""
    lines = [json.loads(line) for line in err.splitlines()]
    for line in lines:
        assert {"time", "level", "process", "pid", "event", "logger"} <= line.keys()
        assert line["process"] == "drainer"
        assert line["time"].endswith("Z")
    claimed = lines[0]
    assert (claimed["event"], claimed["rows"], claimed["delivery_id"]) == ("claimed", 200, 12345678)
    assert claimed["logger"] == "dispatcher.outbox"
    assert claimed["to"] == ["[phone]"]
    assert claimed["who"] == {"[e-mail]": "[phone]"}
    assert [(line["logger"], line["level"]) for line in lines] == [
        ("dispatcher.outbox", "info"),
        ("dispatcher.outbox", "error"),
        ("dramatiq.worker", "error"),
        ("elsewhere", "warning"),
        ("py.warnings", "warning"),
        ("beredskap", "critical"),
        ("beredskap", "critical"),
    ]
    assert "ValueError" in lines[1]["exception"]
    assert "ZeroDivisionError" in lines[5]["exception"]
    for personal in ("98765432", "987 65 432", "03851598730", "kari@", "Kari Nordmann"):
        assert personal not in err


def test_text_for_people_holds_the_same_lines(processes: Processes) -> None:
    _, err = logged(processes, BEREDSKAP_LOG__FORMAT="text", BEREDSKAP_LOG__LEVEL="warning")
    assert "claimed" not in err
    assert "could not build" in err
    assert "\x1b[" not in err
    for personal in ("98765432", "987 65 432", "03851598730", "kari@", "Kari Nordmann"):
        assert personal not in err


def test_asking_for_more_gets_no_more_from_libraries(processes: Processes) -> None:
    _, err = logged(processes, BEREDSKAP_LOG__LEVEL="debug")
    loggers = [json.loads(line)["logger"] for line in err.splitlines()]
    assert loggers[:2] == ["dispatcher.outbox", "dispatcher.outbox"]
    assert not {"twilio.http_client", "mail.log", "uvicorn.access", "sqlalchemy.engine"} & set(loggers)


def test_a_detached_process_writes_a_file_for_its_owner_alone(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "data" / "drainer.log"
    out, err = logged(processes, str(file))
    assert (out, err) == ("", "")
    assert len(file.read_text(encoding="utf-8").splitlines()) == 7
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("calls", [1, 2])
def test_configuring_again_does_not_double_the_lines(processes: Processes, calls: int) -> None:
    program = (
        "from config.logs import configure_logging; from config.settings import load_settings; import logging\n"
        f"for _ in range({calls}): configure_logging(load_settings(), 'web')\n"
        "logging.getLogger('x').warning('once')"
    )
    finished = processes.run("-c", program, command=_PYTHON)
    assert finished.status == 0
    assert finished.err.count("once") == 1


def test_a_command_leaves_a_line_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_STORE__DATA_DIR", str(tmp_path / "data"))
    note_command(load_settings(), "alert_confirmed", alert="A-2611-0042", students=7, reason="ring 98765432")
    file = tmp_path / "data" / "logs" / "commands.log"
    (line,) = (json.loads(text) for text in file.read_text(encoding="utf-8").splitlines())
    assert {name: line[name] for name in ("event", "level", "process", "alert", "students")} == {
        "event": "alert_confirmed",
        "level": "info",
        "process": "command",
        "alert": "A-2611-0042",
        "students": 7,
    }
    assert line["reason"] == "ring [number]"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_line_that_cannot_be_written_stops_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").write_text("not a directory", encoding="utf-8")
    monkeypatch.setenv("BEREDSKAP_STORE__DATA_DIR", str(tmp_path / "data"))
    note_command(load_settings(), "alert_confirmed", alert="A-2611-0042")


def test_in_somebody_elses_folder_and_below_the_level_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEREDSKAP_STORE__DATA_DIR", str(tmp_path))
    with monkeypatch.context() as other:
        other.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
        note_command(load_settings(), "report_read", alert="A-2611-0042")
    monkeypatch.setenv("BEREDSKAP_LOG__LEVEL", "warning")
    note_command(load_settings(), "report_read", alert="A-2611-0042")
    assert not (tmp_path / "logs").exists()
