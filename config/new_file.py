"""Files that commands write for people: whole or not at all, for their owner alone, and never over another unasked."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from config.errors import UsageError


def check_free(file: Path, *, replace: bool = False, remedy: str = "Choose another name.") -> None:
    """Raises UsageError when something has that name already, unless it is to be replaced."""
    if not replace and (file.exists() or file.is_symlink()):
        raise UsageError(f"The file {file} is there already.", unchanged="It is kept as it is.", remedy=remedy)


@contextmanager
def new_file(file: Path, *, replace: bool = False, remedy: str = "Choose another name.") -> Iterator[BinaryIO]:
    """A stream whose content stands under the name `file` once the block has ended well (mode 0600).

    Until then, and for ever when the block fails, that name is what it was before. `replace`: another file of that
    name goes when this one is whole; otherwise it is kept, and UsageError with the `remedy` is raised, as is one
    when the file cannot be written at all.
    """
    check_free(file, replace=replace, remedy=remedy)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if replace:
                draft.replace(file)
            else:
                os.link(draft, file)  # which never replaces one that is there
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        check_free(file, remedy=remedy)
        raise
    except OSError as error:
        raise UsageError(
            f"The file {file} cannot be written: {error.strerror}.",
            unchanged="It is what it was before." if file.exists() else "There is no such file now.",
            remedy="Choose another place for it.",
        ) from None
