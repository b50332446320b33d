"""`beredskap import`: register files, rosters and lists of guardians, previewed first and then applied whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors
from contacts.commands.importing import AllowEndingOption, ApplyOption, DryRunOption, PathsArgument, run_import

if TYPE_CHECKING:
    from contacts.imports.roster_files import AgentsAs

app = typer.Typer(
    name="import",
    help="Read register files and lists of guardians. A preview comes first.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

RosterArgument = Annotated[Path, typer.Argument(help="The folder of the roster's .csv files, or their zip.")]
AgentsAsOption = Annotated[
    str,
    typer.Option(
        "--agents-as",
        metavar="custody|contact_person",
        help="What parents and guardians are taken for; a roster does not say who has custody.",
    ),
]


@app.command("freg")
@command_errors(Right.IMPORT)
def freg(
    paths: PathsArgument,
    apply: ApplyOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Documents of the population register (Folkeregisteret): JSON files, folders of them, bulk answers.

    Exit statuses: 0 done, 2 a file cannot be used (nothing was changed), 3 done, but some documents were refused.

    Examples:

      beredskap import freg svar-fra-oppslag.json

      beredskap import freg documents/ --apply
    """
    from contacts.imports.freg import open_freg

    run_import(paths, open_freg, apply=apply, dry_run=dry_run, as_json=as_json, allow_ending=None)


@app.command("pifu")
@command_errors(Right.IMPORT)
def pifu(
    paths: PathsArgument,
    apply: ApplyOption = False,
    dry_run: DryRunOption = False,
    allow_ending: AllowEndingOption = None,
    as_json: JsonOption = False,
) -> None:
    """A PIFU-IMS 1.3 export of the school's administrative system: students, classes, guardians, addresses.

    A full export ends what is absent from it, within its own schools and source; when that is more than 5 % of the
    guardianships, it stops with status 4 until --allow-ending says how many are right.

    Exit statuses: 0 done, 2 a file cannot be used, 3 done, but some records were refused, 4 too much would end.

    Examples:

      beredskap import pifu elever.xml

      beredskap import pifu elever.xml --apply --allow-ending 320
    """
    from contacts.imports.pifu import open_pifu

    run_import(
        paths,
        lambda files, _today: open_pifu(files),
        apply=apply,
        dry_run=dry_run,
        as_json=as_json,
        allow_ending=allow_ending,
    )


@app.command("krr")
@command_errors(Right.IMPORT)
def krr(
    paths: PathsArgument,
    apply: ApplyOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Answers of the contact register (KRR, REST version 2): JSON files, or folders of them.

    Tells phones, e-mails, language and reservation of people who are in the store; others are counted and left out.

    Exit statuses: 0 done, 2 a file cannot be used (nothing was changed), 3 done, but something was refused.

    Examples:

      beredskap import krr personer.json

      beredskap import krr answers/ --apply
    """
    from contacts.imports.krr import open_krr

    run_import(paths, open_krr, apply=apply, dry_run=dry_run, as_json=as_json, allow_ending=None)


@app.command("oneroster")
@command_errors(Right.IMPORT)
def oneroster(
    path: RosterArgument,
    agents_as: AgentsAsOption = "contact_person",
    apply: ApplyOption = False,
    dry_run: DryRunOption = False,
    allow_ending: AllowEndingOption = None,
    as_json: JsonOption = False,
) -> None:
    """A OneRoster 1.1 or 1.2 roster as CSV: schools, classes, students, their parents, guardians and relatives.

    manifest.csv says the version, and whether the files are all (bulk) or only what changed (delta). When all are
    bulk, what is absent from them ends; more than 5 % of the guardianships stops with status 4, as with pifu.

    Exit statuses: 0 done, 2 the roster cannot be used, 3 done, but some records were refused, 4 too much would end.

    Examples:

      beredskap import oneroster roster.zip --dry-run

      beredskap import oneroster roster/ --agents-as custody
    """
    from contacts.imports.oneroster import open_oneroster

    taken_for = _agents(agents_as)
    run_import(
        [path],
        lambda files, today: open_oneroster(files, today, taken_for),
        apply=apply,
        dry_run=dry_run,
        as_json=as_json,
        allow_ending=allow_ending,
    )


@app.command("sds")
@command_errors(Right.IMPORT)
def sds(
    path: RosterArgument,
    agents_as: AgentsAsOption = "contact_person",
    apply: ApplyOption = False,
    dry_run: DryRunOption = False,
    allow_ending: AllowEndingOption = None,
    as_json: JsonOption = False,
) -> None:
    """A Microsoft School Data Sync 2.1 roster as CSV: schools, classes, students, their guardians and relatives.

    The files are always all that there is: what is absent from them ends, and what came by a file that is left out,
    too; more than 5 % of the guardianships stops with status 4, as with pifu.

    Exit statuses: 0 done, 2 the roster cannot be used, 3 done, but some records were refused, 4 too much would end.

    Examples:

      beredskap import sds sds-export.zip --dry-run

      beredskap import sds sds-export/ --agents-as custody
    """
    from contacts.imports.sds import open_sds

    taken_for = _agents(agents_as)
    run_import(
        [path],
        lambda files, today: open_sds(files, today, taken_for),
        apply=apply,
        dry_run=dry_run,
        as_json=as_json,
        allow_ending=allow_ending,
    )


@app.command("fint")
@command_errors(Right.IMPORT)
def fint(
    paths: PathsArgument,
    apply: ApplyOption = False,
    dry_run: DryRunOption = False,
    allow_ending: AllowEndingOption = None,
    as_json: JsonOption = False,
) -> None:
    """The roster of FINT (Novari): a folder with the JSON answers of elev, elevforhold, skole, klasse, person.

    Only when the files hold all that FINT has (total_items) does what is absent end; the preview says which it is. When
    that is more than 5 % of the guardianships, it stops with status 4 until --allow-ending says how many are right.
    New students are held until the population register has told whether they are protected: import freg next.

    Exit statuses: 0 done, 2 a file cannot be used, 3 done, but some records were refused, 4 too much would end.

    Examples:

      beredskap import fint fint-svar/ --dry-run

      beredskap import fint elev.json elevforhold.json person.json --apply
    """
    from contacts.imports.fint import open_fint

    run_import(paths, open_fint, apply=apply, dry_run=dry_run, as_json=as_json, allow_ending=allow_ending)


@app.command("guardians")
@command_errors(Right.IMPORT)
def guardians(
    paths: PathsArgument,
    apply: ApplyOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Guardians that the school registers by hand, as CSV (UTF-8): foster, appointed, contact persons, consents.

    The columns are described in docs/imports.md. A file adds and changes; it ends nothing.

    Exit statuses: 0 done, 2 a file cannot be used (nothing was changed), 3 done, but some lines were refused.

    Examples:

      beredskap import guardians foresatte.csv --dry-run

      beredskap import guardians foresatte.csv --apply --json
    """
    from contacts.imports.guardians_csv import open_guardians

    run_import(paths, open_guardians, apply=apply, dry_run=dry_run, as_json=as_json, allow_ending=None)


def _agents(told: str) -> AgentsAs:
    from config.errors import UsageError
    from contacts.imports.roster_files import AgentsAs

    if told not in tuple(AgentsAs):
        raise UsageError("--agents-as is neither custody nor contact_person.", remedy="Choose one of them.")
    return AgentsAs(told)
