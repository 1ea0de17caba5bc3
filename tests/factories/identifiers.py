"""Identifiers that calls may carry, by the OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI


def body_fields(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Return operation and place of every identifier that a call may carry, by the OpenAPI document."""
    document = app.openapi()
    for methods in document["paths"].values():
        for one in methods.values():
            name = str(one["operationId"])
            for parameter in one.get("parameters", []):
                if _is_id(parameter["schema"], document):
                    yield name, f"{parameter['in']}.{parameter['name']}"
            content = one.get("requestBody", {}).get("content", {}).get("application/json", {})
            for place in _ids_in(content.get("schema", {}), document):
                yield name, f"body{place}"


def _open(schema: dict[str, Any], document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a schema and what it stands for."""
    if "$ref" in schema:
        return _open(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    if "anyOf" in schema:
        return [found for one in schema["anyOf"] for found in _open(one, document)]
    return [schema]


def _is_id(schema: dict[str, Any], document: dict[str, Any]) -> bool:
    return any(
        one.get("format") == "uuid" or ("items" in one and _is_id(one["items"], document))
        for one in _open(schema, document)
    )


def _ids_in(schema: dict[str, Any], document: dict[str, Any], at: str = "") -> Iterator[str]:
    for one in _open(schema, document):
        for name, inner in one.get("properties", {}).items():
            if _is_id(inner, document):
                yield f"{at}.{name}"
            else:
                yield from _ids_in(inner, document, f"{at}.{name}")
        if isinstance(one.get("items"), dict):
            yield from _ids_in(one["items"], document, at)
