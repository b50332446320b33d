"""The tables of every room, as the models draw them."""

from __future__ import annotations

from sqlalchemy import MetaData


def all_tables() -> MetaData:
    """The metadata with the models of every room in it. Loaded when first asked for: most tests need no model."""
    from dispatcher.metadata import complete_metadata

    return complete_metadata()
