"""Every named error of every floor is a problem with a status, a type, a stable code, and a detail that helps."""

from __future__ import annotations

import inspect

import pytest

from api import errors as door
from api.problems import KINDS, codes, problem_of
from ledger import errors as ledger
from ledger.errors import ChainError, ChainReason
from traceability import errors as traceability
from traceability.errors import AmbiguousEvent, FieldProblem, InvalidDocument

ERRORS = [
    each
    for floor in (door, ledger, traceability)
    for _, each in inspect.getmembers(floor, inspect.isclass)
    if issubclass(each, Exception) and each.__module__ == floor.__name__
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda each: each.__name__)
def test_every_error_of_the_house_has_an_ancestor_in_the_mapping(error: type[Exception]) -> None:
    kind = next(KINDS[ancestor] for ancestor in error.__mro__ if ancestor in KINDS)
    assert 400 <= kind.status < 600
    assert kind.title


def test_codes_are_not_shared_by_two_errors() -> None:
    named = [each.__dict__["code"] for each in ERRORS if "code" in each.__dict__]
    assert len(named) == len(set(named))


def test_a_document_problem_names_event_path_code_and_reason() -> None:
    wrong = [
        FieldProblem(3, "/bizStep", "unknown_word", "`dancing` is no business step"),
        FieldProblem(None, "", "x", "y"),
    ]
    assert problem_of(InvalidDocument(wrong)).to_json()["errors"] == [
        {"eventIndex": 3, "path": "/bizStep", "code": "unknown_word", "reason": "`dancing` is no business step"},
        {"eventIndex": None, "path": "", "code": "x", "reason": "y"},
    ]


def test_a_chain_error_says_whether_trying_again_can_help() -> None:
    away = problem_of(ChainError(ChainReason.UNREACHABLE, "no answer")).to_json()
    wrong = problem_of(ChainError(ChainReason.WRONG_CHAIN, "another chain")).to_json()
    assert (away["status"], away["code"], away["retryable"]) == (503, "chain_unreachable", True)
    assert (wrong["status"], wrong["code"], wrong["retryable"]) == (503, "chain_wrong_chain", False)


def test_what_the_contract_refuses_is_no_outage() -> None:
    refused = problem_of(ChainError(ChainReason.REVERTED, "OrderExists()")).to_json()
    assert (refused["status"], refused["code"]) == (409, "chain_reverted")
    assert codes()["chain_reverted"].status == 409


def test_an_ambiguous_name_lists_the_record_hashes() -> None:
    problem = problem_of(AmbiguousEvent("urn:x", ["0x01", "0x02"])).to_json()
    assert (problem["status"], problem["recordHashes"]) == (409, ["0x01", "0x02"])


def test_a_type_is_the_bindings_or_an_address_of_ours_that_is_explained() -> None:
    for kind in KINDS.values():
        assert kind.type_uri is None or kind.type_uri.startswith("epcisException:")
    assert {"chain_unreachable", "bundle_refused", "sequence_taken"} <= codes().keys()
