"""Pages from templates: escaped, in the visitor's language, with nothing in them that another site could use."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from portal.texts import LANGUAGES, NAMES, day_words, moment_words, translations

TEMPLATES: Final = Path(__file__).with_name("templates")
STATIC: Final = Path(__file__).with_name("static")
# Scripts and styles from files of our own alone, none within a page; forms to ourselves alone.
PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
# Nobody can write it into a page.
_LATE: Final = secrets.token_hex(16)
_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@cache
def _environment(language: str) -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(language=language, languages=[(code, NAMES[code]) for code in LANGUAGES], static=static_address)
    made.filters["day"] = lambda value: day_words(value, language)
    made.filters["moment"] = lambda value: moment_words(value, language)
    return made


def rendered(template: str, language: str, **context: Any) -> str:
    """A template's text. `context` must name all that it uses."""
    return _environment(language).get_template(template).render(**context)


def macros(template: str, language: str, **context: Any) -> Any:
    """A template's macros, to be called one by one; they see `context`."""
    return _environment(language).get_template(template).make_module(context)


def page(template: str, language: str, status: int = 200, **context: Any) -> Response:
    """A page as an answer."""
    return HTMLResponse(rendered(template, language, **context), status, headers=_headers(language))


def page_with_late(template: str, language: str, late: Callable[[], Awaitable[str]], **context: Any) -> Response:
    """A page of which a part takes longer: what stands before it goes out at once, and is seen. `late` gives the HTML
    for the place of that name in the template; it raises nothing, for the status is said by then."""
    before, after = rendered(template, language, late=_LATE, **context).split(_LATE)

    async def pieces() -> AsyncIterator[str]:
        yield before
        yield await late()
        yield after

    # A proxy that gathers an answer before it passes it on would hold the beginning back.
    headers = {**_headers(language), "X-Accel-Buffering": "no"}
    return StreamingResponse(pieces(), media_type="text/html", headers=headers)


def _headers(language: str) -> dict[str, str]:
    return {"Content-Security-Policy": PAGE_POLICY, "Content-Language": language, "Vary": "Cookie, Accept-Language"}


@cache
def _static(name: str) -> tuple[bytes, str]:
    content = (STATIC / name).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:16]


@cache
def static_names() -> frozenset[str]:
    return frozenset(file.name for file in STATIC.iterdir() if file.suffix in _TYPES)


def static_address(name: str) -> str:
    """Where a file of ours is fetched; another address when it changes, so that browsers may keep it."""
    return f"/static/{_static(name)[1]}/{name}"


async def static_answer(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in static_names() or request.path_params["digest"] != _static(name)[1]:
        return Response(status_code=404)
    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(_static(name)[0], media_type=_TYPES[Path(name).suffix], headers=kept)
