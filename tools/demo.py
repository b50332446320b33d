"""Show the whole way on this machine alone: a fictional school, a drill, and its report. Needs nothing installed.

Everything is real but the far end: the importers, the command line, the drainer, the Twilio and SMTP clients. The far
end is the sandbox, which lists what arrived. What is made stays in .demo/ until the next run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".demo"
SCHOOL = "Eksempel vgs"
STUDENTS = 1000
# A busy machine takes its time to load the program.
_PATIENCE_SECONDS = 60

SETTINGS = """\
[store]
data_dir = "{data}"

[organisation]
name = "Eksempel fylkeskommune"
# This school trusts what its administrative system says of phones and e-mail addresses.
trusted_sources = ["krr", "pifu", "guardians"]

[sms]
account_sid = "{account_sid}"
auth_token = "{auth_token}"
api_base_url = "{sms_url}"
sender = "EKSEMPELVGS"
routine_sender = "EKSEMPEL"
segments_per_second = 400.0
timeout_seconds = 2.0

[smtp]
host = "{smtp_host}"
port = {smtp_port}
security = "none"
from_address = "varsling@example.com"
from_name = "Eksempel vgs"
messages_per_second = 600.0
timeout_seconds = 2.0

[dispatch]
hold_seconds = 1.0
settle_seconds = 3.0
lease_seconds = 10.0
retry_seconds = 1.0
receipt_poll_seconds = 2.0
"""


def main() -> int:
    began = time.monotonic()
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir()
    sandbox = subprocess.Popen(
        [*_beredskap(), "sandbox", "--port", "0", "--smtp-port", "0", "--ready-file", "sandbox.json"],
        cwd=DEMO,
        stdout=subprocess.DEVNULL,
        env=_environment(),
    )
    try:
        _say(f"A fictional school: {STUDENTS} students, their guardians, the register's documents")
        subprocess.run(
            [sys.executable, ROOT / "tools/make_school.py", "--out", DEMO / "files", "--students", str(STUDENTS)],
            check=True,
        )
        far_end = _ready(DEMO / "sandbox.json", sandbox)
        (DEMO / "beredskap.toml").write_text(
            SETTINGS.format(data=(DEMO / "data").as_posix(), **far_end), encoding="utf-8"
        )
        _run("init")
        # 3: done, and some records were refused, as register documents sometimes must be; they are listed.
        _run("import", "pifu", "files/roster.xml", "--apply", may_end=(0, 3))
        _run("import", "freg", "files/register.json", "--apply", may_end=(0, 3))
        _run("import", "guardians", "files/guardians.csv", "--apply", may_end=(0, 3))
        _run("contacts", "explain", "1A-001")
        _run("alert", "send", "--school", SCHOOL, "--scenario", "lockdown", "--status", "exercise", "--yes")
        _run("report", "latest")
        _say(f"What arrived: {far_end['sms_url']} (while the demo runs)   Files, settings and database: .demo/")
        _say(f"The whole demo took {time.monotonic() - began:.0f} s")
    except subprocess.CalledProcessError as failed:
        print(f"The demo stopped: a step ended with status {failed.returncode}.", file=sys.stderr)
        return 1
    finally:
        sandbox.terminate()
        sandbox.wait(10)
    return 0


def _beredskap() -> list[str]:
    return [sys.executable, "-m", "cli"]


def _environment() -> dict[str, str]:
    """Nothing of this machine's own settings: the demo uses those in .demo/ alone."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BEREDSKAP_")}


def _run(*arguments: str, may_end: tuple[int, ...] = (0,)) -> None:
    shown = " ".join(f'"{one}"' if " " in one else one for one in arguments)
    _say(f"beredskap {shown}", mark="$")
    ended = subprocess.run([*_beredskap(), *arguments], cwd=DEMO, env=_environment(), check=False)
    if ended.returncode not in may_end:
        raise subprocess.CalledProcessError(ended.returncode, arguments)


def _ready(file: Path, process: subprocess.Popen[bytes]) -> dict[str, object]:
    """What the sandbox says when it is up."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not file.exists():
        if process.poll() is not None:
            raise subprocess.CalledProcessError(process.returncode, "sandbox")
        if time.monotonic() > deadline:
            sys.exit(
                f"The demo stopped: the sandbox was not there after {_PATIENCE_SECONDS} s. Is the machine very busy?"
            )
        time.sleep(0.05)
    ready: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return ready


def _say(words: str, mark: str = "#") -> None:
    print(f"\n{mark} {words}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
