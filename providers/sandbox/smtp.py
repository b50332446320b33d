"""The SMTP side of the sandbox: a small server that takes every mail, or fails as the script says (RFC 5321)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import ssl

from providers.sandbox.mailbox import Mail, Mailbox, message_id_of, utc_now
from providers.sandbox.script import GOES_WELL, Behaviour, Script, Step

_PATH = re.compile(r"(?:FROM|TO):\s*<(?P<address>[^>]*)>(?P<options>.*)", re.IGNORECASE | re.DOTALL)
_FOR_EVER = 3600.0
_LONGEST_LINE = 64 * 1024


class SmtpServer:
    """Listens on a loopback port. `username` and `password`: when set, a log-in is asked for before any mail.

    `mails_per_connection`: after so many the server closes the connection without a word; 0 for no limit.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        script: Script,
        *,
        username: str = "",
        password: str = "",
        tls_context: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        smtputf8: bool = True,
        pipelining: bool = True,
        latency: float = 0.0,
    ) -> None:
        self.mailbox = mailbox
        self.script = script
        self.username = username
        self.password = password
        self.tls_context = tls_context
        self.implicit_tls = implicit_tls
        self.smtputf8 = smtputf8
        self.pipelining = pipelining
        self.latency = latency
        self.mails_per_connection = 0
        self.connections_made = 0
        self.sessions: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(
            self._serve,
            host,
            port,
            limit=_LONGEST_LINE,
            backlog=512,
            ssl=self.tls_context if self.implicit_tls else None,
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.drop_connections()
            for session in self.sessions:
                session.cancel()
            await asyncio.gather(*self.sessions, return_exceptions=True)
            await self._server.wait_closed()

    def drop_connections(self) -> None:
        """Cut every open connection, as a server does that restarts."""
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.sessions.add(task)
        self._writers.add(writer)
        self.connections_made += 1
        try:
            await _Session(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            pass  # the client went away, or sent what is no SMTP: this connection ends, the server goes on
        except asyncio.CancelledError:
            pass  # the sandbox stops; asyncio's stream callback must not see the cancellation
        finally:
            self.sessions.discard(task)
            self._writers.discard(writer)
            writer.close()


class _Session:
    """One connection: the command loop and the envelope under way."""

    def __init__(self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._over_tls = server.implicit_tls
        self._login = ""
        self._sender: str | None = None
        self._recipients: list[tuple[str, Step]] = []
        self._taken = 0

    async def run(self) -> None:
        scripted = self._server.script.stage_reply("connect")
        if scripted is not None:
            if scripted:
                await self._say(scripted)
            return
        await self._say("220 sandbox.invalid ESMTP")
        while line := await self._reader.readline():
            verb, _, rest = line.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
            if self._server.latency:
                await asyncio.sleep(self._server.latency)
            if not await self._obey(verb.upper(), rest):
                return

    async def _obey(self, verb: str, rest: str) -> bool:
        """Carry out one command; False ends the connection."""
        match verb:
            case "EHLO" | "HELO":
                return await self._greet(verb)
            case "STARTTLS" if self._server.tls_context is not None and not self._over_tls:
                await self._say("220 2.0.0 Go on")
                await self._writer.start_tls(self._server.tls_context)
                self._over_tls = True
            case "AUTH":
                await self._log_in(rest)
            case "MAIL":
                return await self._mail(rest)
            case "RCPT":
                return await self._rcpt(rest)
            case "DATA":
                return await self._data()
            case "RSET":
                self._forget()
                await self._say("250 2.0.0 Forgotten")
            case "NOOP":
                await self._say("250 2.0.0 Here")
            case "QUIT":
                await self._say("221 2.0.0 Bye")
                return False
            case _:
                await self._say("500 5.5.2 Not understood")
        return True

    async def _greet(self, verb: str) -> bool:
        self._forget()
        scripted = self._server.script.stage_reply("ehlo")
        if scripted is not None:
            if scripted:
                await self._say(scripted)
            return bool(scripted)
        if verb == "HELO":
            await self._say("250 sandbox.invalid")
            return True
        lines = ["sandbox.invalid", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 10485760"]
        if self._server.smtputf8:
            lines.append("SMTPUTF8")
        if self._server.pipelining:
            lines.append("PIPELINING")
        if self._server.tls_context is not None and not self._over_tls:
            lines.append("STARTTLS")
        if self._server.username:
            lines.append("AUTH PLAIN LOGIN")
        await self._say("\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]))
        return True

    async def _log_in(self, rest: str) -> None:
        scripted = self._server.script.stage_reply("login")
        if scripted:
            await self._say(scripted)
            return
        mechanism, _, first = rest.partition(" ")
        try:
            if mechanism.upper() == "PLAIN":
                first = first or await self._ask("334 ")
                _, user, password = base64.b64decode(first, validate=True).decode().split("\0")
            else:
                user = base64.b64decode(first or await self._ask("334 VXNlcm5hbWU6"), validate=True).decode()
                password = base64.b64decode(await self._ask("334 UGFzc3dvcmQ6"), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            await self._say("501 5.5.2 Not understood")
            return
        if (user, password) == (self._server.username, self._server.password):
            self._login = user
            await self._say("235 2.7.0 Welcome")
        else:
            await self._say("535 5.7.8 Wrong user name or password")

    async def _mail(self, rest: str) -> bool:
        scripted = self._server.script.stage_reply("mail")
        path = _PATH.match(rest)
        if scripted is not None:
            if not scripted:
                return False
            await self._say(scripted)
        elif self._server.username and not self._login:
            await self._say("530 5.7.0 Log in first")
        elif path is None:
            await self._say("501 5.5.4 Not understood")
        else:
            self._forget()
            self._sender = path["address"]
            await self._say("250 2.1.0 Sender ok")
        return True

    async def _rcpt(self, rest: str) -> bool:
        path = _PATH.match(rest)
        if self._sender is None:
            await self._say("503 5.5.1 MAIL first")
        elif path is None:
            await self._say("501 5.5.4 Not understood")
        else:
            step = self._server.script.next_step(path["address"])
            if step.behaviour is Behaviour.CUT_BEFORE:
                return False
            if step.behaviour is Behaviour.AT_RCPT:
                await self._say(step.code)
            else:
                self._recipients.append((path["address"], step))
                await self._say("250 2.1.5 Recipient ok")
        return True

    async def _data(self) -> bool:
        if self._sender is None or not self._recipients:
            await self._say("503 5.5.1 No valid recipients")
            return True
        step = next((step for _, step in self._recipients if step.behaviour is not Behaviour.DELIVERED), GOES_WELL)
        if step.behaviour is Behaviour.AT_DATA:
            await self._say(step.code)
            return True
        await self._say("354 Go ahead")
        data = await self._read_mail()
        if step.behaviour is Behaviour.AT_END:
            self._forget()
            await self._say(step.code)
            return True
        number = self._take(data)
        if step.behaviour is Behaviour.CUT:
            return False
        if step.behaviour is Behaviour.HANG:
            await asyncio.sleep(_FOR_EVER)
        if step.behaviour is Behaviour.SLOW:
            await asyncio.sleep(step.seconds)
        await self._say(f"250 2.0.0 Ok: queued as SB{number:08X}")
        return self._taken != self._server.mails_per_connection

    async def _read_mail(self) -> bytes:
        lines: list[bytes] = []
        while (line := await self._reader.readline()) != b".\r\n":
            if not line:
                raise ConnectionResetError("the client left in the middle of a mail")
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def _take(self, data: bytes) -> int:
        mail = Mail(
            sender=self._sender or "",
            recipients=tuple(address for address, _ in self._recipients),
            data=data,
            message_id=message_id_of(data),
            received=utc_now(),
            over_tls=self._over_tls,
            login=self._login,
        )
        self._server.mailbox.mails.append(mail)
        self._taken += 1
        self._forget()
        return len(self._server.mailbox.mails)

    def _forget(self) -> None:
        self._sender = None
        self._recipients = []

    async def _say(self, reply: str) -> None:
        self._writer.write(reply.encode() + b"\r\n")
        await self._writer.drain()

    async def _ask(self, prompt: str) -> str:
        await self._say(prompt)
        return (await self._reader.readline()).decode("ascii", "replace").strip()
