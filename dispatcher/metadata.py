"""The tables of every room in one metadata: what migrations bring a database up to, and what tests compare with."""

from __future__ import annotations

from sqlalchemy import MetaData


def complete_metadata() -> MetaData:
    """The metadata with the models of every room in it."""
    import config.audit
    import config.counters
    import config.operator_tokens  # noqa: F401
    import contacts.address_models
    import contacts.invitation_models
    import contacts.models
    import contacts.visit_models  # noqa: F401
    import dispatcher.answer_models
    import dispatcher.fallback_models
    import dispatcher.mark_models
    import dispatcher.models
    import dispatcher.trace_models  # noqa: F401
    from config.tables import metadata

    return metadata
