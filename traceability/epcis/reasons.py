"""A JSON Schema error in words that the sender of an EPCIS document understands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

_SHOWN_MAX: Final = 80

# CBV words and GS1 measurement types spelled as URIs. The standard wants the bare word in JSON.
_WORD_AS_URI: Final = re.compile(
    r"(?:urn:epcglobal:cbv:[^:]+:|https?://ns\.gs1\.org/cbv/(?:[A-Za-z]+-)?|https?://(?:www\.)?gs1\.org/voc/)(\w+)"
)


class Reason(NamedTuple):
    """What one schema error means: the place, a stable code, and a sentence."""

    path: Sequence[str | int]
    code: str
    text: str


def reasons(error: ValidationError, schema: dict[str, Any]) -> Iterator[Reason]:
    """What an error of a schema means; several things where one error names several unknown members.

    `schema` is the whole schema that the error's `schema_path` leads through.
    """
    path, value, kind = error.instance_path, error.instance, error.kind
    nodes = _nodes(schema, error.schema_path)
    name, wanted = _name(path), _wanted(nodes)
    if rule := _rule(nodes):
        yield Reason(path, "contradiction" if isinstance(kind, Kind.Constant) else "missing_member", rule)
        return
    match kind:
        case Kind.Required():
            yield Reason([*path, kind.property], "missing_member", f"`{kind.property}` is missing")
        case Kind.PropertyNames():
            yield _unknown_member(path, str(kind.error.instance), _words(nodes), is_extensible=True)
        case Kind.AdditionalProperties():
            names = list(nodes[-2].get("properties", ()))
            for member in kind.unexpected:
                yield _unknown_member(path, member, names, is_extensible=False)
        case Kind.Type():
            yield Reason(path, "wrong_type", f"{name} must be {wanted}, not {kind_of(value)}")
        case Kind.Format():
            code = "invalid_time" if kind.format == "date-time" else "invalid_uri"
            yield Reason(path, code, f"{name} must be {wanted}, not {_shown(value)}")
        case Kind.MinItems():
            yield Reason(path, "empty_list", f"{name} must not be empty")
        case Kind.UniqueItems():
            yield Reason(path, "duplicate_item", f"{name} has an item more than once")
        case Kind.AnyOf() | Kind.Enum() if words := _words(nodes):
            yield _unknown_word(path, value, wanted, words)
        case _:
            yield Reason(path, "invalid_value", f"{name} must be {wanted}, not {_shown(value)}")


def kind_of(value: Any) -> str:
    """What a JSON value is, for a sentence."""
    if isinstance(value, bool):
        return "true or false"
    kinds = {dict: "an object", list: "a list", str: "a text", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")


def _unknown_member(path: Sequence[str | int], member: str, names: Sequence[str], *, is_extensible: bool) -> Reason:
    shown, hint = member[:_SHOWN_MAX], _suggestion(member, names)
    if is_extensible and not hint and ":" not in member:
        hint = f"; the name of an extension has a prefix, such as `example:{shown}`"
    return Reason([*path, member], "unknown_member", f"`{shown}` is no member that may stand here{hint}")


def _unknown_word(path: Sequence[str | int], value: Any, wanted: str, words: Sequence[str]) -> Reason:
    if not isinstance(value, str):
        return Reason(path, "wrong_type", f"{_name(path)} must be {wanted}, not {kind_of(value)}")
    as_uri = _WORD_AS_URI.fullmatch(value)
    hint = f"; write {as_uri[1]!r}" if as_uri and as_uri[1] in words else _suggestion(value, words)
    return Reason(path, "unknown_word", f"{_name(path)} must be {wanted}, not {_shown(value)}{hint}")


def _suggestion(word: str, words: Sequence[str]) -> str:
    close = get_close_matches(word[:_SHOWN_MAX], words, n=1)
    if not close:
        close = [known for known in words if known.lower() == word.lower()]
    return f"; did you mean {close[0]!r}?" if close else ""


def _name(path: Sequence[str | int]) -> str:
    """How a sentence calls the value at a path: by its member's name, and its place where that is a list."""
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return "this"
    return f"`{names[-1]}` item {path[-1]}" if isinstance(path[-1], int) else f"`{names[-1]}`"


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN_MAX else value[:_SHOWN_MAX] + "…")
    return kind_of(value) if isinstance(value, (dict, list)) or value is None else str(value)


def _nodes(schema: dict[str, Any], path: Sequence[str | int]) -> list[Any]:
    """The schema's nodes along a path, the whole schema first."""
    nodes: list[Any] = [schema]
    for step in path:
        nodes.append(nodes[-1][step])
    return nodes


def _wanted(nodes: Sequence[Any]) -> str:
    titles = [node["title"] for node in nodes if isinstance(node, dict) and isinstance(node.get("title"), str)]
    return str(titles[-1])


def _rule(nodes: Sequence[Any]) -> str:
    """The rule between members that the schema states at the error's place or just around it, if it is one."""
    rules = [node.get("description") for node in nodes if isinstance(node, dict)]
    return next((rule for rule in rules if isinstance(rule, str)), "")


def _words(nodes: Sequence[Any]) -> list[str]:
    """The words that may stand where a list of alternatives, or of words, was not met."""
    alternatives = nodes[-1] if isinstance(nodes[-1], list) else []
    if alternatives and all(isinstance(word, str) for word in alternatives):
        return list(alternatives)
    return [word for node in alternatives if isinstance(node, dict) for word in node.get("enum", ())]
