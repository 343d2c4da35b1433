"""The JSON-LD context of an event: what is taken, and what its prefixes mean. docs/proof-format.md, section 2.

Nothing is ever fetched: GS1's addresses stand for the one vocabulary of EPCIS and CBV 2.0, everything else is a prefix
for an absolute IRI or a term definition, which is carried along without being interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from traceability.epcis.terms import CONTEXT_ADDRESSES, PREFIXES, TERMS
from traceability.errors import MalformedJson

# RFC 3986, 3.1: a scheme, then a colon; after it at least one character, none of them a control or a space.
_ABSOLUTE_IRI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\x00-\x20]+")
_IRI_CHARACTERS_MAX: Final = 255
_NAMES_REMEMBERED_MAX: Final = 10_000
# Strangers choose contexts and names: what is remembered of them must stay small.
_CHARACTERS_SHARED_MAX: Final = 2_000
_CHARACTERS_REMEMBERED_MAX: Final = 200
_CONTAINERS: Final = (dict, list)


def check_context(context: object, event_context: object | None = None) -> None:
    """Returns if both contexts are as section 2 takes them; `event_context` is the event's own `@context`, if any.

    Raises MalformedJson that names the broken rule and the place.
    """
    _check_list(context, "context")
    if event_context is not None:
        _check_list(event_context, "event/@context")


def check_no_inner_context(event: Mapping[str, Any]) -> None:
    """Returns if no `@context` stands deeper in the event than at its top. Raises MalformedJson otherwise."""
    if _names_no_inner_context(event):
        return
    for name, value in event.items():
        if isinstance(value, _CONTAINERS) and name != "@context" and (where := _inner_context(value)):
            raise MalformedJson(f"event/{_cut(name)}{where}: an @context is taken at the top of an event only")


class Namespaces:
    """What the prefixes of one context mean, with GS1's own eight.

    Immutable from outside; equal contexts share one instance (`namespaces_of`), which remembers the names that it has
    expanded, because the same few extension names return in event after event.
    """

    __slots__ = ("_names", "prefixes")

    def __init__(self, declared: Iterable[tuple[str, str]] = ()) -> None:
        self.prefixes: Final[Mapping[str, str]] = {**PREFIXES, **dict(declared)}
        self._names: dict[str, str] = {}

    def element_name(self, name: str) -> str:
        """`{namespace}local` for a member name with a declared prefix; the name as it stands for any other."""
        if ":" not in name:
            return name
        known = self._names.get(name)
        if known is None:
            prefix, _, local = name.partition(":")
            is_expanded = prefix in self.prefixes and not local.startswith("//")
            known = f"{{{self.prefixes[prefix]}}}{local}" if is_expanded else name
            if len(name) <= _CHARACTERS_REMEMBERED_MAX:
                if len(self._names) >= _NAMES_REMEMBERED_MAX:
                    self._names.clear()
                self._names[name] = known
        return known

    def expand(self, value: str) -> str:
        """The IRI that `prefix:local` stands for; the value as it stands where no such prefix is declared."""
        prefix, colon, local = value.partition(":")
        # JSON-LD 1.1, 5.2.2: what goes on with // is an address already, whatever its scheme is declared to mean.
        if not colon or local.startswith("//"):
            return value
        namespace = self.prefixes.get(prefix)
        return namespace + local if namespace else value


def namespaces_of(context: Iterable[Any], event_context: Iterable[Any] | None = None) -> Namespaces:
    """The prefixes of `context`, then of the event's own context: the later declaration wins.

    Assumes that both have passed `check_context`.
    """
    declared = dict(_declared(context))
    if event_context is not None:
        declared.update(_declared(event_context))
    try:
        return _shared_namespaces(tuple(declared.items()))
    except _NotShared as large:
        return large.namespaces


class _NotShared(Exception):
    """A context that is too large to be kept. Raised, for what is raised is not remembered."""

    def __init__(self, namespaces: Namespaces) -> None:
        super().__init__()
        self.namespaces = namespaces


@lru_cache(maxsize=512)
def _shared_namespaces(declared: tuple[tuple[str, str], ...]) -> Namespaces:
    namespaces = Namespaces(declared)
    if sum(len(name) for name, _ in declared) > _CHARACTERS_SHARED_MAX:
        raise _NotShared(namespaces)
    return namespaces


def _declared(context: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for entry in context:
        if isinstance(entry, dict):
            for name, meaning in entry.items():
                if isinstance(meaning, str):
                    yield name, meaning


def _check_list(context: object, where: str) -> None:
    if not isinstance(context, list) or not context:
        raise MalformedJson(f"{where}: must be a list that is not empty")
    for index, entry in enumerate(context):
        place = f"{where}/{index}"
        if isinstance(entry, str):
            if entry not in CONTEXT_ADDRESSES:
                raise MalformedJson(f"{place}: {_shown(entry)} is no address of GS1's EPCIS context")
        elif isinstance(entry, dict):
            for name, meaning in entry.items():
                if wrong := _wrong_declaration(name, meaning):
                    raise MalformedJson(f"{place}/{_shown(name)}{wrong}")
        else:
            raise MalformedJson(f"{place}: must be an address of GS1's EPCIS context or an object of prefixes")


def _wrong_declaration(name: str, meaning: object) -> str:
    """What is wrong with a member of a context, and where in it; an empty text for one in order."""
    if name.startswith("@"):
        return ": a name must not begin with @"
    if name in PREFIXES and meaning == PREFIXES[name]:
        return ""
    if name in TERMS or name in PREFIXES:
        return ": gives a term of GS1 another meaning"
    if isinstance(meaning, str):
        is_iri = len(meaning) <= _IRI_CHARACTERS_MAX and _ABSOLUTE_IRI.fullmatch(meaning)
        return "" if is_iri else f": {_shown(meaning)} is no absolute IRI of at most {_IRI_CHARACTERS_MAX} characters"
    if isinstance(meaning, dict):
        inner = _inner_context(meaning)
        return f"{inner}: a term definition must not hold an @context" if inner else ""
    return ": must be a prefix's IRI or a term definition"


def _names_no_inner_context(event: Mapping[str, Any]) -> bool:
    """Whether the event, written out, has no such name but its own: four times as fast as looking at every value."""
    try:
        return orjson.dumps(event).count(b'"@context"') == ("@context" in event)
    except orjson.JSONEncodeError:
        # Deeper, larger or stranger than orjson writes: the slow way decides.
        return False


def _inner_context(value: object) -> str:
    """The path of an `@context` in the value, at any depth, or an empty text."""
    return _path_of_context(value) if _holds_context(value) else ""


def _holds_context(value: object) -> bool:
    # Iterative, and without paths: depth is judged elsewhere, and nearly every event is innocent.
    waiting = [value]
    while waiting:
        container = waiting.pop()
        if isinstance(container, dict):
            if "@context" in container:
                return True
            container = container.values()
        elif not isinstance(container, list):
            continue
        waiting += [inner for inner in container if isinstance(inner, _CONTAINERS)]
    return False


def _path_of_context(value: object) -> str:
    """Where the first `@context` stands. Only the way to the place that is looked at is kept: there may be millions."""
    stack: list[tuple[str, Iterator[tuple[str | int, Any]]]] = [("", _members(value))]
    while stack:
        for step, inner in stack[-1][1]:
            if step == "@context":
                return "".join(place for place, _ in stack) + "/@context"
            if isinstance(inner, _CONTAINERS):
                stack.append((f"/{step if isinstance(step, int) else _cut(step)}", _members(inner)))
                break
        else:
            stack.pop()
    return ""


def _members(value: object) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    return enumerate(value) if isinstance(value, list) else iter(())


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"


def _shown(text: str) -> str:
    return repr(_cut(text))
