"""The tables of every room, as the models draw them."""

from __future__ import annotations

from sqlalchemy import MetaData


def all_tables() -> MetaData:
    """The metadata with the models of every room in it."""
    import config.audit  # noqa: F401
    import contacts.models  # noqa: F401
    import dispatcher.models  # noqa: F401
    from config.tables import metadata

    return metadata
