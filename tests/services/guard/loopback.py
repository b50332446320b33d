"""Refuses every connection and name look-up that would leave this machine, for the whole life of a process."""

from __future__ import annotations

import ipaddress
import sys

# What was refused, in this process. Code under test may swallow the exception; the list remembers.
attempts: list[str] = []


class LeavesTheMachineError(RuntimeError):
    """A test, or what it started, tried to reach something that is not this machine."""


def is_loopback(host: object) -> bool:
    if host is None or host in ("", b"", "localhost", b"localhost"):
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _hook(event: str, args: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        # Unix sockets have a path, and unconnected sendmsg has None; internet addresses are tuples.
        target: object = address[0] if isinstance(address, tuple) and isinstance(address[0], (str, bytes)) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        target = args[0]
    else:
        return
    if not is_loopback(target):
        attempts.append(f"{event} {target!r}")
        raise LeavesTheMachineError(f"{event}: only loopback may be reached from a test, not {target!r}")


def install() -> None:
    """Guard this process. An audit hook sees every socket of Python, and cannot be taken out again."""
    sys.addaudithook(_hook)
