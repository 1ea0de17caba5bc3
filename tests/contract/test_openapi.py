"""The document: valid, whole, and about refusals as exact as the code is."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis

from app.main import create_app
from app.platform.errors import CATALOGUE
from app.platform.problems import MEDIA_TYPE
from app.platform.settings import Settings

# Refusals that no operation gives: the command line's, the proxy's, or those of no operation at all.
ELSEWHERE = {
    "platform.internal",
    "platform.method_not_allowed",
    "sign_in.already_active",
    "sign_in.login_taken",
    "sign_in.unit_mismatch",
    "unions.account_pending",
    "unions.union_misplaced",
}
# What becomes of one event in a batch, or of a file that is read in the background: said inside an answer.
INSIDE = {
    "devices.unknown_clerk",
    "documents.given_up",
    "documents.kind_unavailable",
    "documents.too_large",
    "roster.file_encoding",
    "roster.given_up",
    "roster.header_missing",
    "roster.reading_too_costly",
    "roster.several_sheets",
    "roster.too_many_columns",
    "roster.too_many_rows",
}
PUBLIC = {
    "GET /healthz",
    "GET /readyz",
    "GET /api/v1/privacy/notices",
    "GET /api/v1/verify",
    "GET /api/v1/sign-in/methods",
    "POST /api/v1/sign-in/code",
    "POST /api/v1/sign-in/code/verify",
    "POST /api/v1/sign-in/code/choose",
    "GET /api/v1/sign-in/host/start",
    "GET /api/v1/sign-in/host/return",
    "POST /api/v1/sign-in/host/ticket",
    "POST /api/v1/sign-in/link",
    "POST /api/v1/sign-in/staff",
    "POST /api/v1/sign-in/staff/activate",
    "POST /api/v1/sign-in/staff/totp",
    "POST /api/v1/devices/pair",
    "GET /api/v1/regions",
    "GET /api/v1/regions/{region_id}",
    "GET /api/v1/impact/projects",
    "GET /api/v1/impact/projects/{project_id}",
    "GET /api/v1/impact/totals",
    "GET /api/v1/origin/{reference}",
}
"""What anybody may call: health, notices, ways in, and what is published of regions, aid and origin."""
EVERYWHERE = {"401", "403", "413", "422", "503", "507"}
SHORT = {"list_consents", "list_notices", "list_sign_in_methods", "list_signing_keys"}
"""As many as there are purposes, ways in or keys: a handful, without pages."""
METHODS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app(Settings(environment="test")).openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield f"{method.upper()} {path}", operation


def _codes(answer: dict[str, Any]) -> set[str]:
    return set(re.findall(r"`([a-z_]+\.[a-z_]+)`", answer["description"]))


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document).validate()
    assert len(list(operations(document))) >= 25


def test_a_document_that_is_none_is_found(document: dict[str, Any]) -> None:
    broken = document | {"paths": {"/x": {"get": {"responses": "none"}}}}
    with pytest.raises(Exception, match="none"):
        schemathesis.openapi.from_dict(broken).validate()


def test_every_operation_has_a_name_a_tag_and_a_sentence(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for label, operation in operations(document):
        assert operation["tags"], label
        assert operation["description"].endswith("."), label


def test_every_operation_describes_what_it_can_refuse(document: dict[str, Any]) -> None:
    for label, operation in operations(document):
        answers = operation["responses"]
        if "security" not in operation:
            assert label in PUBLIC
            assert ("422" in answers) == bool(operation.keys() & {"parameters", "requestBody"}), label
            assert ("413" in answers) == ("requestBody" in operation), label
            assert any(status[0] in "23" for status in answers), label
            continue
        assert set(answers) >= EVERYWHERE, label
        assert any(status.startswith("2") for status in answers), label


def test_every_refusal_is_a_problem_with_codes_of_the_catalogue(document: dict[str, Any]) -> None:
    for label, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) < 400:
                continue
            assert list(answer["content"]) == [MEDIA_TYPE], (label, status)
            here = answer["content"][MEDIA_TYPE]["schema"]["allOf"][1]["properties"]
            assert here["status"]["const"] == int(status)
            assert set(here["code"]["enum"]) == _codes(answer) != set(), (label, status)
            for code in here["code"]["enum"]:
                assert CATALOGUE[code].status == int(status), (label, code)
            assert ("Retry-After" in answer.get("headers", {})) == (status in {"429", "503", "507"})


def test_every_refusal_of_a_feature_is_described_somewhere(document: dict[str, Any]) -> None:
    described = {
        code
        for _, operation in operations(document)
        for answer in operation["responses"].values()
        for code in _codes(answer)
    }
    missing = set(CATALOGUE) - described - ELSEWHERE - INSIDE
    assert missing == set()
    assert described & (ELSEWHERE | INSIDE) == set()


def test_the_frameworks_own_form_of_a_422_is_nowhere(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert "ValidationError" not in document["components"]["schemas"]


def test_every_post_takes_a_key_and_an_order_needs_one(document: dict[str, Any]) -> None:
    needed = set()
    for label, operation in operations(document):
        keys = [p for p in operation.get("parameters", []) if p["name"] == "Idempotency-Key"]
        assert bool(keys) == label.startswith("POST "), label
        if keys:
            codes = {code for answer in operation["responses"].values() for code in _codes(answer)}
            is_used = "30 days" in keys[0]["description"]
            assert is_used != ("not used" in keys[0]["description"])
            assert "idempotency.key_required" in codes, label
            assert ("idempotency.key_reused" in codes) == is_used, label
        if keys and keys[0]["required"]:
            needed.add(label)
    assert needed == {"POST /api/v1/orders"}


def test_no_request_body_takes_fields_that_are_not_named(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    seen = []
    for label, operation in operations(document):
        if "requestBody" not in operation:
            continue
        if label == "POST /api/v1/members/imports":
            assert "application/json" not in operation["requestBody"]["content"], "a file"
            continue
        assert list(operation["requestBody"]["content"]) == ["application/json"], label
        text = str(operation["requestBody"]["content"]["application/json"]["schema"])
        for name in re.findall(r"#/components/schemas/(\w+)", text):
            if "enum" in schemas[name]:
                continue
            assert schemas[name]["additionalProperties"] is False, (label, name)
            seen.append(name)
    assert len(seen) >= 12


def test_lists_have_the_form_of_the_contract(document: dict[str, Any]) -> None:
    found = 0
    for label, operation in operations(document):
        if not operation["operationId"].startswith("list_") or operation["operationId"] in SHORT:
            continue
        found += 1
        assert {"limit", "cursor"} <= {parameter["name"] for parameter in operation["parameters"]}, label
        reference = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        page = document["components"]["schemas"][reference.rsplit("/", 1)[-1]]
        # A list may say more about all its rows, such as their totals; never in place of the two.
        assert set(page["properties"]) == set(page["required"]) >= {"items", "next"}, label
        assert "platform.cursor_invalid" in _codes(operation["responses"]["422"]), label
    assert found >= 9
