"""`beredskap sandbox`: the stand-in for Twilio and the mail server, as a process."""

from pathlib import Path
from typing import Annotated

import typer

from config.roles import Right
from config.shell import command_errors


@command_errors(Right.RUN, interrupted="Stopped.")
def sandbox(
    port: Annotated[int, typer.Option(help="Port of Twilio's API and the inspection page; 0 chooses one.")] = 8025,
    smtp_port: Annotated[int, typer.Option(help="Port of SMTP; 0 chooses one.")] = 2525,
    rate: Annotated[float, typer.Option(help="Segments a second that one sender passes; 0 is without limit.")] = 0.0,
    latency: Annotated[float, typer.Option(help="Seconds added to every answer.")] = 0.0,
    delivery: Annotated[float, typer.Option(help="Seconds from leaving the queue to arriving.")] = 0.5,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON instead of the settings.")
    ] = False,
    ready_file: Annotated[Path | None, typer.Option(help="Write that line of JSON here too, when all is up.")] = None,
) -> None:
    """Stand in for Twilio and the mail server, on this machine alone: nothing leaves it.

    What happens to a message is chosen by the end of the number or the tag of the address: +47…0610 answers STOP,
    …0005 is not in use, …0429 is busy twice, …0408 never answers, name+refuse@… does not exist. The whole table is in
    providers/sandbox/script.py. The page at / lists what arrived. Ctrl-C ends it.

    Examples:

      beredskap sandbox

      beredskap sandbox --rate 10 --latency 0.3

      beredskap sandbox --port 0 --smtp-port 0 --ready-file sandbox.json
    """
    from providers.sandbox.process import run

    run(
        port=port,
        smtp_port=smtp_port,
        segments_per_second=rate,
        latency=latency,
        delivery_seconds=delivery,
        as_json=json_output,
        ready_file=ready_file,
    )
