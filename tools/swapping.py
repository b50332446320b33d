"""A change of a program that is loaded already: which functions it is in, and how theirs is put into their place.

A change of what runs when the module is loaded (a table, a default, a decorator) cannot be made so.
"""

from __future__ import annotations

import ast
import builtins
import gc
from collections import Counter
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType

_NOTE = "__this_function_runs__"
_OPTIMIZED = 0x1  # of the code of functions; a class's body has not got it


def functions_changed(file: Path, changed: str) -> dict[str, CodeType] | None:
    """The functions and methods of the file that differ in its `changed` text; None when anything else does too."""
    before = _compiled(file)
    names = Counter(_names(before))
    found = _difference(before, compile(changed, str(file), "exec"))
    # A function without a name of its own cannot be found again.
    return None if found is None or any("<" in name or names[name] > 1 for name in found) else found


@cache
def _compiled(file: Path) -> CodeType:
    return compile(file.read_text(encoding="utf-8"), str(file), "exec")


def noting(source: str) -> str:
    """The program, each of whose functions tells `note_in` that it runs; what stands within one is a part of it."""
    return ast.unparse(_noted(ast.parse(source), ""))


def note_in(ran: set[str]) -> None:
    """Keep the names of the functions that run from now on."""
    setattr(builtins, _NOTE, ran.add)


def loaded_functions(file: Path) -> dict[str, FunctionType]:
    """The functions of a file that this process has loaded, by their names."""
    found = (one for one in gc.get_objects() if isinstance(one, FunctionType))
    return {one.__code__.co_qualname: one for one in found if one.__code__.co_filename == str(file)}


def swap(functions: Mapping[str, FunctionType], changed: Mapping[str, CodeType]) -> None:
    """Put the changed code in, for everybody who has hold of these functions already."""
    for name, code in changed.items():
        functions[name].__code__ = code


def locks_alone(file: Path, changed: str) -> bool:
    """Whether nothing but the locks of queries differs (`with_for_update`), which SQLite does not know."""
    texts = (file.read_text(encoding="utf-8"), changed)
    one, other = (ast.dump(_Unlocked().visit(ast.parse(text))) for text in texts)
    return one == other


class _Unlocked(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "with_for_update":
            return node.func.value
        return node


def _noted(node: ast.Module | ast.ClassDef, within: str) -> ast.Module | ast.ClassDef:
    for each in node.body:
        if isinstance(each, ast.ClassDef):
            _noted(each, f"{within}{each.name}.")
        elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            note = ast.parse(f"{_NOTE}({within + each.name!r})").body
            place = 1 if ast.get_docstring(each, clean=False) is not None else 0
            each.body[place:place] = note
    return node


def _difference(before: CodeType, after: CodeType) -> dict[str, CodeType] | None:
    parts, others = _parts(before), _parts(after)
    if _plain(before, deep=False) != _plain(after, deep=False) or len(parts) != len(others):
        return None
    found: dict[str, CodeType] = {}
    for one, other in zip(parts, others, strict=True):
        if not _is_class(one):
            found |= {one.co_qualname: other} if _plain(one) != _plain(other) else {}
        elif (within := _difference(one, other)) is not None:
            found |= within
        else:
            return None
    return found


def _names(code: CodeType) -> Collection[str]:
    return [name for one in _parts(code) for name in (one.co_qualname, *(_names(one) if _is_class(one) else ()))]


def _is_class(code: CodeType) -> bool:
    return not code.co_flags & _OPTIMIZED


def _parts(code: CodeType) -> list[CodeType]:
    return [one for one in code.co_consts if isinstance(one, CodeType)]


def _plain(code: CodeType, *, deep: bool = True) -> CodeType:
    """The code without its lines, which move when one before them goes; without `deep`, without its parts as well."""
    constants = (((_plain(one) if deep else None) if isinstance(one, CodeType) else one) for one in code.co_consts)
    return code.replace(co_firstlineno=1, co_linetable=b"", co_consts=tuple(constants))
