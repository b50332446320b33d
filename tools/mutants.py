"""The small changes that the mutation check makes to a file: mutmut's, and a few of our own.

Ours: an element less in a table or a list, a condition turned round, a call left out, a part of a query left out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

# Parts of a query, each of which may be left out.
_LINKS = {
    "where",
    "order_by",
    "limit",
    "group_by",
    "with_for_update",
    "on_conflict_do_update",
    "on_conflict_do_nothing",
}
# Changes of these change nothing that runs, or only break the import.
_LEFT_ALONE = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom, cst.AssignTarget)


class Mutant(NamedTuple):
    """One change: the whole text of the changed file, and what differs."""

    line: int
    change: str
    source: str


def mutants_of(file: Path) -> list[Mutant]:
    """All mutants of a file, in the order of its lines; each once."""
    source = file.read_text(encoding="utf-8")
    wrapper = MetadataWrapper(cst.parse_module(source))
    module, places = wrapper.module, wrapper.resolve(PositionProvider)
    parts = [module.code_for_node(statement) for statement in module.body]
    header = source[: source.index(parts[0])]
    found: dict[str, Mutant] = {}
    for place, statement in enumerate(module.body):
        before, after = header + "".join(parts[:place]), "".join(parts[place + 1 :])
        for node in _walk(statement):
            for changed in _changes(node):
                try:
                    mutated = before + _replaced(module, statement, node, changed) + after
                    compile(mutated, str(file), "exec")
                except (SyntaxError, cst.CSTValidationError, TypeError):
                    continue  # no program at all
                if mutated != source and mutated not in found:
                    found[mutated] = Mutant(places[node].start.line, _difference(source, mutated), mutated)
    return sorted(found.values(), key=lambda mutant: mutant.line)


def _replaced(module: cst.Module, statement: cst.CSTNode, node: cst.CSTNode, changed: cst.CSTNode) -> str:
    replaced = statement.deep_replace(node, changed)
    assert isinstance(replaced, cst.CSTNode)
    return module.code_for_node(replaced)


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    if isinstance(node, _LEFT_ALONE):
        return
    yield node
    for child in node.children:
        yield from _walk(child)


def _changes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            yield from (changed for changed in operator(node) if not _says_nothing(node, changed))
    match node:
        case cst.Set(elements=[_]):
            pass  # "{}" is no set
        case cst.Set(elements=all_) | cst.Tuple(elements=all_) | cst.List(elements=all_) | cst.Dict(elements=all_):
            yield from (node.with_changes(elements=[*all_[:i], *all_[i + 1 :]]) for i in range(len(all_)))
        case cst.If(test=test) | cst.IfExp(test=test) | cst.CompIf(test=test):
            if not isinstance(test, cst.Comparison | cst.UnaryOperation):
                turned = test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
                yield node.with_changes(test=cst.UnaryOperation(operator=cst.Not(), expression=turned))
        case cst.Expr(value=cst.Call() | cst.Await()):
            yield cst.Pass()
        case cst.Call(func=cst.Attribute(value=before, attr=cst.Name(value=name))) if name in _LINKS:
            yield before
        case cst.CompFor(ifs=ifs):
            yield from (node.with_changes(ifs=[*ifs[:i], *ifs[i + 1 :]]) for i in range(len(ifs)))


def _says_nothing(node: cst.CSTNode, changed: cst.CSTNode) -> bool:
    """Whether another change says the same: a text in capitals, or None for an argument that is left out elsewhere."""
    match node, changed:
        case cst.SimpleString(), cst.SimpleString(value=value):
            return "XX" not in value
        case cst.Call(args=before), cst.Call(args=after):
            return 1 < len(before) == len(after)
    return False


def _difference(source: str, mutated: str) -> str:
    lines = difflib.unified_diff(source.splitlines(), mutated.splitlines(), n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))
