"""Pages for people: `/` and `/docs`, made on the server; no script, no foreign address."""

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.access.deps import public
from app.platform.http import StrictRoute

router = APIRouter(route_class=StrictRoute, include_in_schema=False)
_CSP = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
_STYLE = """
:root{font:16px/1.6 system-ui,"Noto Sans CJK SC",sans-serif;color:#1f2421;background:#fbf9f4}
body{max-width:60rem;margin:0 auto;padding:1.5rem}h1{font-size:1.6rem}h2{margin-top:2.5rem}
code{font-family:ui-monospace,monospace;background:#efeadd;padding:.05em .3em;border-radius:.2em}
details{border:1px solid #ddd5c3;border-radius:.5rem;margin:.5rem 0;background:#fff}
summary{padding:.6rem .9rem;cursor:pointer}details>div{padding:0 .9rem .9rem}
.method{display:inline-block;min-width:4.2rem;font-weight:700;color:#7a4b00}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .5rem;
border-top:1px solid #eee5d5}a{color:#7a4b00}
"""


def _page(title: str, body: str) -> HTMLResponse:
    html = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>{body}</body></html>"
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": _CSP, "Cache-Control": "no-cache"})


@router.get("/", name="home", dependencies=[public()])
async def home() -> HTMLResponse:
    """Say what this is and where to go."""
    return _page(
        "Grainline",
        "<h1>Grainline · 工会礼盒 预订·预约·核销</h1>"
        "<p>Gift boxes of a street union, from a published campaign to a box in a member's hands. "
        "This is the REST service.</p>"
        '<p><a href="/docs">The calls, one by one</a> · <a href="/openapi.json">openapi.json</a> · '
        '<a href="/readyz">readiness</a></p>',
    )


@router.get("/docs", name="docs", dependencies=[public()])
async def docs(request: Request) -> HTMLResponse:
    """Show every call of the API."""
    document = request.app.openapi()
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            tag = operation.get("tags", [""])[0]
            by_tag.setdefault(tag, []).append(_operation(method, path, operation=operation))
    sections = [f"<h2>{escape(tag)}</h2>{''.join(operations)}" for tag, operations in by_tag.items()]
    return _page("Grainline: the API", "<h1>Grainline: the API</h1>" + "".join(sections))


def _operation(method: str, path: str, *, operation: dict[str, Any]) -> str:
    takes = [
        f"<tr><td><code>{escape(given['name'])}</code></td><td>{escape(given['in'])}"
        f"{', required' if given.get('required') else ''}</td>"
        f"<td>{escape(given.get('description', ''))}</td></tr>"
        for given in operation.get("parameters", [])
    ]
    if "requestBody" in operation:
        takes.append(f"<tr><td>body</td><td colspan=2>{_schema_names(operation['requestBody'])}</td></tr>")
    gives = [
        f"<tr><td>{escape(status)}</td><td>{_schema_names(answer)} {escape(answer['description'])}</td></tr>"
        for status, answer in operation["responses"].items()
    ]
    return (
        f'<details><summary><span class="method">{method.upper()}</span> <code>{escape(path)}</code> '
        f"{escape(operation.get('description', ''))}</summary><div><table>{''.join(takes)}</table>"
        f"<table>{''.join(gives)}</table></div></details>"
    )


def _schema_names(holder: dict[str, Any]) -> str:
    names = []
    for content in holder.get("content", {}).values():
        reference = content.get("schema", {}).get("$ref", "")
        if reference:
            names.append(f"<code>{escape(reference.rsplit('/', 1)[-1])}</code>")
    return " ".join(names)
