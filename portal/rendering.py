"""Pages from templates: escaped, in the visitor's language, with nothing in them that another site could use."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from portal.texts import LANGUAGES, NAMES, day_words, moment_words, translations

TEMPLATES: Final = Path(__file__).with_name("templates")
STATIC: Final = Path(__file__).with_name("static")
# Scripts and styles from files of our own alone, none within a page; forms to ourselves alone.
PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
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


def page(template: str, language: str, status: int = 200, **context: Any) -> Response:
    """A page as an answer."""
    headers = {"Content-Security-Policy": PAGE_POLICY, "Content-Language": language, "Vary": "Cookie, Accept-Language"}
    return HTMLResponse(rendered(template, language, **context), status, headers=headers)


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
