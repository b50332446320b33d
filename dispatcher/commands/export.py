"""`beredskap contacts export`: what is held of one person, for that person."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json


@command_errors(Right.CHANGE_CONTACTS)
def export(
    person: Annotated[
        str, typer.Argument(metavar="PERSON", help='A student\'s ref ("2B-017", "S-17") or a guardian\'s ("G-17").')
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="A new file, for you alone to read; else standard output."),
    ] = None,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="FILE", help="The same as a new PDF file, for you alone to read.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Everything that is held of a person, as one JSON document: who they are, links, addresses, consents, blocks,
    which alerts told them what, and what the audit log says of them.

    For the person themselves, who has a right to it. Another person's number, address or ref is not in it, nor a name
    that they may not know. Read it all the same before you hand it out: reasons and decisions stand there as they were
    typed. That somebody looked is kept in the audit log.

    Exit statuses: 0 done, 2 nobody goes by that ref, or the file is there already.

    Examples:

      beredskap contacts export G-17 --out g-17.json

      beredskap contacts export 2B-017 --pdf innsyn.pdf

      beredskap contacts export 2B-017
    """
    import json

    from config.audit import current_operator, record_act
    from config.clock import oslo_date
    from config.errors import UsageError
    from config.new_file import check_free, new_file
    from config.shell import plain
    from contacts.people import find_person, person_subject
    from dispatcher.retention.export import export as document_of

    files = [file for file in (out, pdf) if file is not None]
    if len(files) == 2 and out == pdf:
        raise UsageError("--out and --pdf name the same file.", remedy="Give each a name of its own.")
    for file in files:
        check_free(file)
    with open_store() as store:
        today = oslo_date(store.database.now())
        with store.database.read() as connection:
            found = find_person(connection, person)
            document = document_of(connection, store.keys, found, today)
        # Nothing is shown of a look-up that is not on record.
        with store.database.write() as connection:
            record_act(
                connection,
                operator=current_operator(),
                act="contacts.export",
                subject=person_subject(found),
                details={"withheld": document["withheld"]},
            )
    if not files:
        print_json(document)
        return
    contents = {}
    if out is not None:
        contents[out] = f"{json.dumps(document, default=plain, ensure_ascii=False, indent=2)}\n".encode()
    if pdf is not None:
        from dispatcher.retention.pdf import as_pdf

        contents[pdf] = as_pdf(document)
    for file, content in contents.items():
        with new_file(file) as stream:
            stream.write(content)
    if as_json:
        print_json({"person": found.label, "files": files, "withheld": document["withheld"]})
    else:
        typer.echo(f"Written: {' and '.join(map(str, files))}. Only you can read it.")
