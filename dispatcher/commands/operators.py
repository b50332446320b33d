"""`beredskap operator`: who may do what here, and the personal tokens by which operators are known."""

from __future__ import annotations

from typing import Annotated

import typer

from config.roles import Right
from config.shell import JsonOption, command_errors, open_store, print_json

app = typer.Typer(
    name="operator",
    help="Who may do what here, and the personal tokens by which operators are known. Roles stand in the settings.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
@command_errors(Right.SEE_LOG)
def list_operators(as_json: JsonOption = False) -> None:
    """The operators that the settings name, their roles and schools, and their tokens in force.

    Example:

      beredskap operator list
    """
    from config.operator_tokens import handed_out

    with open_store(need_keys=False) as store, store.database.read() as connection:
        operators, tokens = store.settings.operators, handed_out(connection)
    if as_json:
        named = {name: {"roles": one.roles, "schools": one.schools} for name, one in operators.named.items()}
        print_json({"operators": named, "set_aside": operators.set_aside, "tokens": tokens})
        return
    if not operators.in_use:
        typer.echo("The settings name no operators: whoever may run the command may do everything.")
    for wrong in operators.set_aside.values():
        typer.echo(f"No role until it is mended: the setting {wrong.setting} cannot be used: {wrong.reason}.")
    for name, one in operators.named.items():
        schools = f"   {', '.join(one.schools)}" if one.schools else ""
        typer.echo(f"{name}   {', '.join(one.roles)}{schools}")
        for token in tokens:
            if token.operator == name:
                typer.echo(f"    token {token.handle}   since {token.created_at:%Y-%m-%d}, by {token.created_by}")
    for token in tokens:
        if token.operator not in operators.named:
            typer.echo(f"token {token.handle} of somebody who is no operator now: it opens nothing.")


@app.command("token")
@command_errors(Right.HAND_OUT)
def token(
    operator: Annotated[str, typer.Argument(metavar="OPERATOR", help="Whose: as the settings name them.")],
    as_json: JsonOption = False,
) -> None:
    """Make a personal token for an operator. It is shown this once, and kept as a hash alone.

    They give it in BEREDSKAP_TOKEN, or in a file for their eyes alone (mode 0600) that BEREDSKAP_TOKEN_FILE names:
    never on the command line, where every user of the machine can read it.

    Example:

      beredskap operator token k.leder
    """
    from config.audit import current_operator, record_act
    from config.errors import UsageError
    from config.operator_tokens import make_token
    from config.set_aside import usable

    with open_store(need_keys=False) as store:
        entry = store.settings.operators.entry(operator)
        if entry is None:
            raise UsageError(
                "The settings name no operator like that.",
                remedy="Write them into the settings file first, under [operators], with their roles.",
            )
        usable(entry)
        with store.database.write() as connection:
            handle, made = make_token(connection, operator, by=current_operator())
            record_act(
                connection,
                operator=current_operator(),
                act="operator.token",
                subject=f"operator {operator}",
                details={"handle": handle},
            )
    if as_json:
        print_json({"operator": operator, "handle": handle, "token": made})
        return
    typer.echo(made)
    typer.echo(
        f"Token {handle} of {operator}: it is not shown again. To end it: beredskap operator revoke {handle}", err=True
    )


@app.command("revoke")
@command_errors(Right.HAND_OUT)
def revoke(
    handle: Annotated[str, typer.Argument(metavar="HANDLE", help="The token's handle, as operator list shows it.")],
    as_json: JsonOption = False,
) -> None:
    """End a token, at once and for good.

    Example:

      beredskap operator revoke 5f3a90c1
    """
    from config.audit import current_operator, record_act
    from config.operator_tokens import revoke_token

    with open_store(need_keys=False) as store, store.database.write() as connection:
        operator = revoke_token(connection, handle, by=current_operator())
        record_act(
            connection,
            operator=current_operator(),
            act="operator.revoke",
            subject=f"operator {operator}",
            details={"handle": handle.strip()},
        )
    if as_json:
        print_json({"operator": operator, "handle": handle.strip(), "revoked": True})
    else:
        typer.echo(f"Token {handle.strip()} of {operator} opens nothing any more.")
