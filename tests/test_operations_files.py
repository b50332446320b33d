"""What docs/operations hands out fits the program: every metric, command, option, setting and heading that it names."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml

from cli import app
from config.database import Database
from config.settings import Settings, load_settings
from dispatcher.codes import Lane
from dispatcher.metering.exposed import Metrics
from dispatcher.running.presence import beat
from providers.base import ReceiptStatus
from tests.dispatcher.metering.reading import Scrape
from tests.dispatcher.running.test_drain import Sending, sender

ROOT = Path(__file__).parents[1]
OPERATIONS = ROOT / "docs" / "operations"
UNITS = sorted((OPERATIONS / "systemd").glob("*.service"))
README = (OPERATIONS / "README.md").read_text(encoding="utf-8")
RULES = yaml.safe_load((OPERATIONS / "alert-rules.yml").read_text(encoding="utf-8"))["groups"]
DASHBOARD = json.loads((OPERATIONS / "grafana-dashboard.json").read_text(encoding="utf-8"))
COMPOSE = yaml.safe_load((OPERATIONS / "compose.yml").read_text(encoding="utf-8"))
# A metric, and what stands in its braces.
_SELECTOR = re.compile(r"\b(beredskap_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"[^"]*"')
_GROUPED = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")


@pytest.fixture
def told(sqlite_database: Database) -> Scrape:
    """A scrape of a process that has everything to tell."""
    metrics = Metrics(sqlite_database, "")
    metrics.meter.sender(Lane.ALERTS, sender(Sending()))
    metrics.meter.receipts("twilio", "callback", [ReceiptStatus.DELIVERED])
    metrics.meter.audited({"due_waiting": 1})
    with sqlite_database.write() as connection:
        beat(connection, "worker-elsewhere-1-a", "worker", "alerts", {"redis": "ok"})
    return Scrape.of(metrics)


def _rules() -> Iterator[dict[str, Any]]:
    for group in RULES:
        yield from group["rules"]


def _expressions() -> Iterator[tuple[str, str]]:
    for rule in _rules():
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_every_metric_that_is_asked_for_exists_with_its_labels(told: Scrape) -> None:
    names = {name for name, _ in told.samples}
    asked = set()
    for where, expression in _expressions():
        assert expression.count("(") == expression.count(")"), where
        labels: set[str] = {"le"}
        for name, braces in _SELECTOR.findall(expression):
            assert name in names, f"{where}: {name}"
            asked.add(name)
            own = {label for one in told.labels(name) for label, _value in one}
            assert set(_MATCHER.findall(braces)) <= own, f"{where}: {braces}"
            labels |= own
        for group in _GROUPED.findall(expression):
            assert {label.strip() for label in group.split(",")} <= labels, f"{where}: {group}"
    assert len(asked) > 10


def test_every_metric_stands_in_the_readme_and_no_other(told: Scrape) -> None:
    families = {re.sub(r"_(total|bucket|sum|count|created)$", "", name) for name, _ in told.samples}
    table = README.partition("## Metrics")[2].partition("\n## ")[0]
    named = {re.sub(r"_total$", "", name) for name in re.findall(r"\| `(beredskap_\w+)", table)}
    assert named == families


def test_a_rule_is_whole_and_says_what_to_do() -> None:
    names = [rule["alert"] for rule in _rules()]
    assert len(names) == len(set(names))
    headings = {line.removeprefix("### ").lower() for line in README.splitlines() if line.startswith("### ")}
    for rule in _rules():
        assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "runbook"}
        assert rule["annotations"]["runbook"] == f"README.md#{rule['alert'].lower()}"
        assert rule["alert"].lower() in headings


def test_the_dashboard_can_be_imported() -> None:
    assert DASHBOARD.keys() >= {"uid", "title", "schemaVersion", "panels", "templating"}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    places = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & places, panel["title"]
        places |= cells
        # No data source of the machine on which it was drawn.
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def _unit(path: Path) -> dict[str, list[str]]:
    """Its directives; a name may come several times."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def _command_lines() -> Iterator[tuple[str, list[str]]]:
    for path in UNITS:
        (line,) = _unit(path)["ExecStart"]
        program, *arguments = line.split()
        assert program.endswith("/beredskap")
        for lane in Lane if "%i" in arguments else [None]:
            yield path.name, [lane.value if lane and one == "%i" else one for one in arguments]
    for name, service in COMPOSE["services"].items():
        if service["image"] == "beredskap":
            yield f"compose: {name}", service["command"]


@pytest.mark.parametrize(("where", "arguments"), list(_command_lines()), ids=str)
def test_what_is_started_exists_and_takes_these_options(where: str, arguments: list[str]) -> None:
    command = typer.main.get_command(app)
    context = click.Context(command)
    name, rest = arguments[0], arguments[1:]
    found = command.get_command(context, name)  # type: ignore[attr-defined]
    assert found is not None, where
    # Reads the options and their values, and does nothing.
    found.make_context(name, rest, parent=context)


def test_every_process_of_the_documents_is_started_by_some_unit() -> None:
    started = {arguments[0] for where, arguments in _command_lines() if not where.startswith("compose")}
    assert started == {"worker", "scheduler", "web", "run"}
    composed = [arguments for where, arguments in _command_lines() if where.startswith("compose")]
    assert ["worker", "--lane", "alerts"] in composed
    assert ["worker", "--lane", "routine"] in composed
    assert {arguments[0] for arguments in composed} == {"init", "worker", "scheduler", "web"}


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_restarts_for_ever_and_may_do_little(path: Path) -> None:
    unit = _unit(path)
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert int(unit["TimeoutStopSec"][0]) >= 20
    assert unit["NoNewPrivileges"] == ["yes"]
    assert unit["ProtectSystem"] == ["strict"]
    assert "/etc/beredskap/secrets.env" in unit["EnvironmentFile"]
    _settings_exist(one.partition("=")[0] for one in unit["Environment"])
    assert not any("TOKEN" in one or "PASSWORD" in one for one in unit["Environment"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("beredskap")
    for path in UNITS:
        text = path.read_text(encoding="utf-8")
        (tmp_path / path.name).write_text(re.sub(r"(?<=ExecStart=)\S+", str(command), text), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.glob("*.service"))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "beredskap" in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


def test_the_compose_file_is_whole() -> None:
    assert COMPOSE.keys() <= {"name", "services", "volumes", "x-beredskap"}
    services = COMPOSE["services"]
    for name, service in services.items():
        for other, wish in service.get("depends_on", {}).items():
            assert other in services
            assert wish["condition"] in ("service_started", "service_healthy", "service_completed_successfully")
            assert wish["condition"] != "service_healthy" or "healthcheck" in services[other]
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source.startswith("./") or source in COMPOSE["volumes"], f"{name}: {source}"
        # Images by their official names: where they come from is the machine's own settings.
        assert re.fullmatch(r"[a-z]+(:[\w.-]+)?", service["image"]), name
    ours = [service for service in services.values() if service["image"] == "beredskap"]
    for service in ours:
        assert (OPERATIONS / service["build"]["context"] / service["build"]["dockerfile"]).exists()
        _settings_exist(service["environment"])
    assert services["redis"]["command"] == ["redis-server", "--appendonly", "yes"]


def test_the_image_holds_the_whole_program_and_locks_with_hashes() -> None:
    dockerfile = (OPERATIONS / "Dockerfile").read_text(encoding="utf-8")
    built = re.search(r"only-include = \[(.*)\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert built is not None
    for part in re.findall(r'"([^"]+)"', built.group(1)):
        assert re.search(rf"^COPY .*\b{re.escape(part)}\b", dockerfile, re.MULTILINE), part
    for words in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE):
        for source in words.split():
            assert (ROOT / source).exists(), source
    assert "--require-hashes -r requirements/run.lock" in dockerfile


def test_what_runs_is_locked_in_the_versions_that_are_tested() -> None:
    run, dev = (_locked(ROOT / "requirements" / name) for name in ("run.lock", "dev.lock"))
    assert run < dev
    assert not any(line.startswith(("pytest==", "mypy==")) for line in run)


def _locked(path: Path) -> set[str]:
    return {line.split()[0] for line in path.read_text(encoding="utf-8").splitlines() if "==" in line}


def _settings_exist(names: Iterator[str] | dict[str, Any]) -> None:
    settings: Settings = load_settings()
    for name in names:
        if name != "BEREDSKAP_CONFIG":
            section, _, setting = name.removeprefix("BEREDSKAP_").lower().partition("__")
            assert hasattr(getattr(settings, section), setting), name
