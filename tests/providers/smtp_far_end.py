"""A mail server on loopback that a test writes itself, answer by answer, and counts what it was handed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TypeAlias

from providers.base import Message, Outcome
from providers.smtp_email import SmtpEmail
from tests.providers.conftest import email

# A far end that gives up this late only ends a test that has failed.
PATIENCE = 20.0


# The answers to MAIL, RCPT and DATA when all is well.
GROUP = ("250 2.1.0 ok", "250 2.1.5 ok", "354 go on")


class Line:
    """One connection as the server has it."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self._reader = reader
        self._writer = writer
        self.texts: list[bytes] = []

    async def greet(self, *extensions: str) -> None:
        self.say("220 far.invalid ESMTP")
        await self.command()
        lines = ["far.invalid", *extensions]
        self.say(*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}")

    def say(self, *replies: str) -> None:
        """These lines in one write."""
        self.say_bytes("".join(f"{reply}\r\n" for reply in replies).encode())

    def say_bytes(self, data: bytes) -> None:
        self._writer.write(data)

    async def chunk(self) -> bytes:
        """Whatever comes next; b"" when the client has left."""
        return await asyncio.wait_for(self._reader.read(1 << 20), PATIENCE)

    async def command(self) -> str:
        """The next command; raises ConnectionResetError when the client has left."""
        line = await asyncio.wait_for(self._reader.readline(), PATIENCE)
        if not line.endswith(b"\n"):
            raise ConnectionResetError
        return line.decode().rstrip("\r\n")

    async def envelope(self) -> str:
        """Read MAIL, RCPT and DATA without a word in between; returns the recipient's address."""
        assert (await self.command()).startswith("MAIL FROM:<")
        recipient = await self.command()
        assert recipient.startswith("RCPT TO:<")
        assert await self.command() == "DATA"
        return recipient[9:-1]

    async def text(self) -> bytes:
        """Read a mail's text up to its final dot, and count it as taken."""
        data = await asyncio.wait_for(self._reader.readuntil(b"\r\n.\r\n"), PATIENCE)
        self.texts.append(data)
        return data

    async def left(self) -> bytes:
        """What the client still sends until it leaves."""
        return await asyncio.wait_for(self._reader.read(), PATIENCE)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self._writer.start_tls(context)

    def end(self) -> None:
        """Say that nothing more will come, and go on listening."""
        self._writer.write_eof()

    def cut(self) -> None:
        self._writer.close()


Talk: TypeAlias = Callable[[Line], Awaitable[None]]


class FarEnd:
    """Serves every connection with `talk`, and keeps what went wrong there: a failed assertion fails the test."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.lines: list[Line] = []
        self.faults: list[BaseException] = []
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def texts(self) -> list[bytes]:
        """All the texts that were taken, on all connections."""
        return [text for line in self.lines for text in line.texts]

    async def __aenter__(self) -> FarEnd:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for fault in self.faults:
            raise fault

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        line = Line(len(self.lines) + 1, reader, writer)
        self.lines.append(line)
        try:
            await self._talk(line)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left: what that means is for the test to say
        except asyncio.CancelledError:
            pass  # the test is over
        except BaseException as fault:  # noqa: BLE001 (raised at the end of the test)
            self.faults.append(fault)
        finally:
            self._tasks.discard(task)
            writer.close()


def provider(port: int, **more: object) -> SmtpEmail:
    """A provider for a server on this port; `more` are arguments of SmtpEmail."""
    settings: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "username": "",
        "password": "",
        "from_address": "varsel@skole.example",
        "from_name": "Eksempel vgs",
        "timeout_seconds": 5.0,
    }
    return SmtpEmail(**{**settings, **more})  # type: ignore[arg-type]


def outcomes(talk: Talk, mails: int, **more: object) -> tuple[list[Outcome], FarEnd]:
    """Send so many mails at once over one connection (if nothing else is said); the outcomes in order."""

    async def run() -> tuple[list[Outcome], FarEnd]:
        async with FarEnd(talk) as far:
            sender = provider(far.port, **{"connections": 1, **more})
            try:
                return await asyncio.gather(*(sender.send(numbered(number)) for number in range(1, mails + 1))), far
            finally:
                await sender.close()

    return asyncio.run(asyncio.wait_for(run(), 60))


def numbered(number: int) -> Message:
    return email(f"foresatt{number}@skole.example", delivery_id=number)


async def take_all(line: Line) -> None:
    """Take every mail that comes, in groups, and answer as a good server does."""
    await line.greet("PIPELINING", "SMTPUTF8")
    await go_on_taking(line)


async def go_on_taking(line: Line) -> None:
    while True:
        command = await line.command()
        if command == "RSET":
            line.say("250 2.0.0 ok")
        elif command.startswith(("MAIL", "RCPT")):
            line.say("250 2.1.0 ok")
        elif command == "DATA":
            line.say("354 go on")
            await line.text()
            line.say(f"250 2.0.0 Ok: queued as L{line.number}N{len(line.texts):04}")
        else:
            assert command == "QUIT"
            line.say("221 bye")
            return


def ids(far: FarEnd) -> list[int]:
    """The delivery numbers of all the texts taken."""
    return [int(text.partition(b"<delivery-")[2].partition(b"@")[0]) for text in far.texts]
