"""Who may read the metrics, where; and that a port that cannot be had stops nobody."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

import pytest

from config.set_aside import SetAside, usable
from config.settings import load_settings
from config.spare_sections import MetricsSettings
from dispatcher.metering.exposed import Metrics, listen
from dispatcher.metering.wanted import listening, metrics_of


def ask(port: int, path: str = "/metrics", authorization: str = "", method: str = "GET") -> tuple[int, str]:
    headers = {"Authorization": authorization} if authorization else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_listener_tells_the_metrics_and_nothing_else() -> None:
    metrics = Metrics(None, "")
    metrics.meter.audited({})
    with listen(metrics, "127.0.0.1", 0) as port:
        status, page = ask(port)
        assert status == 200
        assert "beredskap_audit_content 1.0" in page
        assert ask(port, "/")[0] == ask(port, "/metrics/")[0] == 404
        assert ask(port, method="POST")[0] == 405
    with pytest.raises(urllib.error.URLError):
        ask(port)


@pytest.mark.parametrize("wrong", ["", "Bearer", "Bearer ", "Bearer x", "geheim", "bearer geheim", "Bearer geheim2"])
def test_with_a_token_nobody_else_reads_them(wrong: str) -> None:
    metrics = Metrics(None, "geheim")
    assert not metrics.may_read(wrong)
    assert metrics.may_read("Bearer geheim")


def test_the_listener_asks_for_the_token() -> None:
    with listen(Metrics(None, "geheim"), "127.0.0.1", 0) as port:
        assert ask(port)[0] == 401
        assert ask(port, authorization="Bearer geheim")[0] == 200


def test_a_port_that_is_taken_stops_nobody() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        listen(Metrics(None, ""), "127.0.0.1", taken.getsockname()[1]) as port,
    ):
        assert port == 0


def test_by_default_nothing_is_counted_and_nothing_listens() -> None:
    settings = load_settings()
    assert metrics_of(settings, None) is None
    with listening(None, settings) as port:
        assert port == 0


def test_others_than_this_machine_need_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_METRICS__HOST", "0.0.0.0")
    # Where nothing listens, it does not matter.
    assert isinstance(load_settings().metrics, MetricsSettings)
    monkeypatch.setenv("BEREDSKAP_METRICS__PORT", "9464")
    settings = load_settings()
    assert isinstance(settings.metrics, SetAside)
    assert "metrics.token" in settings.metrics.reason
    # A wrong setting here stops no worker.
    assert metrics_of(settings, None) is None
    monkeypatch.setenv("BEREDSKAP_METRICS__TOKEN", "geheim")
    assert usable(load_settings().metrics).wanted
