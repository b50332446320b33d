"""The sandbox as a process: it says where it is, runs until SIGINT or SIGTERM, and ends cleanly."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import typer

from config.errors import BeredskapError
from providers.sandbox.server import Sandbox, SandboxConfig

_SETTINGS = """# Put these into beredskap.toml:
[sms]
account_sid = "{account_sid}"
auth_token = "{auth_token}"
api_base_url = "{sms_url}"
sender = "SANDBOX"
routine_sender = "SANDBOX2"

[smtp]
host = "{smtp_host}"
port = {smtp_port}
security = "none"
from_address = "beredskap@sandbox.example"
from_name = "Sandbox"
"""


def where(sandbox: Sandbox) -> dict[str, str | int]:
    """What a program needs to use a running sandbox."""
    return {
        "sms_url": sandbox.sms_url,
        "smtp_host": sandbox.config.host,
        "smtp_port": sandbox.smtp_port,
        "account_sid": sandbox.config.account_sid,
        "auth_token": sandbox.config.auth_token,
    }


def settings_of(sandbox: Sandbox) -> str:
    """The part of beredskap.toml that makes Beredskap use this sandbox."""
    return _SETTINGS.format(**where(sandbox))


def run(
    *,
    port: int,
    smtp_port: int,
    segments_per_second: float,
    latency: float,
    delivery_seconds: float,
    as_json: bool,
    ready_file: Path | None,
) -> None:
    """Run until a signal. Raises BeredskapError when a port is taken."""
    config = SandboxConfig(
        port=port,
        smtp_port=smtp_port,
        segments_per_second=segments_per_second,
        latency=latency,
        delivery_seconds=delivery_seconds,
    )
    try:
        asyncio.run(_serve(config, as_json, ready_file))
    except OSError as error:
        raise BeredskapError(
            f"The sandbox cannot start: {error.strerror or 'a port or the ready file cannot be used'}.",
            unchanged="Nothing is running.",
            remedy="Choose free ports with --port and --smtp-port (0 finds one), and a folder you may write to.",
        ) from None


async def _serve(config: SandboxConfig, as_json: bool, ready_file: Path | None) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with Sandbox(config) as sandbox:
        line = json.dumps(where(sandbox))
        if as_json:
            typer.echo(line)
        else:
            typer.echo(f"Sandbox: {sandbox.sms_url} (Twilio's API, and what arrived)   SMTP port {sandbox.smtp_port}")
            typer.echo(settings_of(sandbox))
        if ready_file is not None:
            # Whole or not at all: another process waits for it.
            partial = ready_file.with_name(ready_file.name + ".part")
            partial.write_text(line + "\n", encoding="utf-8")
            partial.replace(ready_file)
        await stopping.wait()
