"""The yardstick of an import: parse the file as a stream, and insert the rows that an import stored, with Core alone.

    python bench/bare_import.py roster.xml beredskap.db

Prints the seconds of both together. Knows nothing of matching, rules, previews or refusals.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from defusedxml.ElementTree import iterparse
from sqlalchemy import MetaData, create_engine, insert, select

TABLES = (
    "school", "person", "person_identifier", "student", "enrolment", "student_group", "membership", "guardianship",
    "address", "contact_point",
)  # fmt: skip
CHUNK = 5000


def parse(file: Path) -> None:
    for _event, element in iterparse(str(file), forbid_dtd=True):
        if element.tag.endswith(("}person", "}group", "}membership")):
            element.clear()


def insert_again(stored: Path) -> float:
    """Seconds to insert the rows of every table into a fresh database of the same schema; reading is not counted."""
    source = create_engine(f"sqlite:///{stored}")
    metadata = MetaData()
    metadata.reflect(source, only=TABLES)
    copy = stored.with_suffix(".bare")
    target = create_engine(f"sqlite:///{copy}")
    metadata.create_all(target)
    seconds = 0.0
    with source.connect() as reading, target.begin() as writing:
        for table in metadata.sorted_tables:
            result = reading.execution_options(yield_per=CHUNK).execute(select(table))
            for rows in result.mappings().partitions(CHUNK):
                values = [dict(row) for row in rows]
                began = time.monotonic()
                writing.execute(insert(table), values)
                seconds += time.monotonic() - began
        began = time.monotonic()
    seconds += time.monotonic() - began
    copy.unlink()
    return seconds


if __name__ == "__main__":
    started = time.monotonic()
    parse(Path(sys.argv[1]))
    parsed = time.monotonic() - started
    print(parsed + insert_again(Path(sys.argv[2])))
