"""The portal's cookies: this host's alone, over TLS alone, and out of the reach of scripts."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

# The prefix binds them to this very host; browsers refuse it without TLS, but on the machine itself.
VISIT: Final = "__Host-visit"
LOG_IN: Final = "__Host-log-in"
LANGUAGE: Final = "__Host-language"
_LANGUAGE_SECONDS: Final = 365 * 24 * 3600


def visit_cookie(response: Response, token: str) -> None:
    """Until the browser is closed; the visit itself may end before. Lax: the way back from logging in needs it."""
    response.set_cookie(VISIT, token, path="/", secure=True, httponly=True, samesite="lax")


def log_in_cookie(response: Response, token: str, seconds: int) -> None:
    response.set_cookie(LOG_IN, token, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def language_cookie(response: Response, language: str) -> None:
    response.set_cookie(
        LANGUAGE, language, max_age=_LANGUAGE_SECONDS, path="/", secure=True, httponly=True, samesite="lax"
    )


def forget(response: Response, *names: str) -> None:
    for name in names:
        response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
