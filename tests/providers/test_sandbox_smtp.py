"""The sandbox's mail server as a client on the wire sees it."""

from __future__ import annotations

import socket

import pytest

from providers.sandbox.server import Sandbox, SandboxConfig


class Client:
    """A connection on which EHLO has been said; `extensions` are what the server announced."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._lines = self._socket.makefile("rb")
        self._lines.readline()
        self._socket.sendall(b"EHLO test.invalid\r\n")
        self.extensions: set[bytes] = set()
        while (line := self._lines.readline())[3:4] == b"-":
            self.extensions.add(line[4:].strip())
        self.extensions.add(line[4:].strip())

    def group(self, *commands: bytes) -> list[int]:
        """Say these commands in one go; the codes of the answers, one line for each command."""
        self._socket.sendall(b"".join(command + b"\r\n" for command in commands))
        return [int(self._lines.readline()[:3]) for _ in commands]

    def rest(self) -> bytes:
        """What the server still says before it closes the connection."""
        return self._lines.read()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()


@pytest.mark.parametrize("pipelining", [True, False])
def test_groups_are_announced_as_configured(pipelining: bool) -> None:
    with Sandbox(SandboxConfig(pipelining=pipelining)) as sandbox, Client(sandbox.smtp_port) as client:
        assert (b"PIPELINING" in client.extensions) is pipelining


def test_a_group_is_answered_command_by_command(sandbox: Sandbox) -> None:
    mail = b"MAIL FROM:<varsel@skole.example>"
    good, bad = b"RCPT TO:<ola@skole.example>", b"RCPT TO:<ola+refuse@skole.example>"
    with Client(sandbox.smtp_port) as client:
        assert client.group(mail, bad, b"DATA") == [250, 550, 503]
        assert client.group(b"RSET", mail, good, b"DATA") == [250, 250, 250, 354]
        # The text and the next envelope in one group.
        text = b"Message-ID: <delivery-1@skole.example>\r\n\r\nHei\r\n."
        assert client.group(text, mail, bad, b"DATA") == [250, 250, 550, 503]
    assert [one.message_id for one in sandbox.mailbox.mails] == ["<delivery-1@skole.example>"]


def test_a_connection_takes_so_many_mails_and_no_more(sandbox: Sandbox) -> None:
    sandbox.smtp.mails_per_connection = 1
    envelope = (b"MAIL FROM:<varsel@skole.example>", b"RCPT TO:<ola@skole.example>", b"DATA")
    text = b"Message-ID: <delivery-1@skole.example>\r\n\r\nHei\r\n."
    for _ in range(2):
        with Client(sandbox.smtp_port) as client:
            assert client.group(*envelope) == [250, 250, 354]
            assert client.group(text) == [250]
            assert client.rest() == b""
    assert len(sandbox.mailbox.mails) == 2


def test_a_greeting_can_be_put_off(sandbox: Sandbox) -> None:
    sandbox.script.fail_stage("ehlo", "451 4.3.5 Not just now", 1)
    with Client(sandbox.smtp_port) as client:
        assert client.extensions == {b"4.3.5 Not just now"}
        assert client.group(b"EHLO test.invalid")[0] == 250
