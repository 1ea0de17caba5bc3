"""Pages for people: `/`, `/docs`, `/verify`, origin cards: from the server, no script, no foreign address."""

from html import escape
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.access.deps import database_of, public
from app.documents.api import verify_for
from app.documents.schemas import VerifiedView, VerifyRequest
from app.impact.api.origin import Reference, read_origin
from app.impact.errors import CardNotFound
from app.impact.schemas.origin import ContentView, OriginView
from app.platform.clock import shown
from app.platform.errors import MalformedRequest, TooManyRequests
from app.platform.http import StrictRoute
from app.platform.i18n import Language, choose_language, text
from app.platform.problems import describe

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
.recalled{background:#a30000;color:#fff;padding:1rem;border-radius:.5rem;font-size:1.2rem;font-weight:700}
.note{color:#5d5648;font-size:.9rem}
"""


def _page(title: str, body: str, *, language: Language = "en", status: int = 200) -> HTMLResponse:
    html = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>{body}</body></html>"
    )
    headers = {"Content-Security-Policy": _CSP, "Cache-Control": "no-cache"}
    return HTMLResponse(html, status_code=status, headers=headers)


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


@router.get(
    "/verify",
    name="verify_page",
    dependencies=[public()],
    responses=describe(MalformedRequest, TooManyRequests, common=False),
)
async def verify_page(request: Request, query: Annotated[VerifyRequest, Query()]) -> HTMLResponse:
    """Show whether a paper was issued here; the QR code of a paper leads here with number and hash."""
    language = choose_language(request.headers.get("accept-language"))
    found = await verify_for(request, query) if query.model_fields_set else None

    def say(key: str) -> str:
        return escape(text(language, f"message.verify_{key}", part="text"))

    fields = "".join(
        f'<p><label>{say(name)}<br><input name="{name}" value="{escape(getattr(query, name) or "")}" '
        f'maxlength="100" size="{size}" autocomplete="off"></label></p>'
        for name, size in (("number", 24), ("hash", 66))
    )
    form = f'<form method="get" action="/verify">{fields}<p><button>{say("button")}</button></p></form>'
    body = f"<h1>{say('page')}</h1>{_verified(found, language)}{form}<p>{say('help')}</p>"
    page = _page(text(language, "message.verify_page", part="text"), body, language=language)
    # The address holds the number and the hash of a paper.
    page.headers["Cache-Control"] = "no-store"
    return page


def _verified(found: VerifiedView | None, language: Language) -> str:
    """Return the answer in words: what to compare with the paper, and nothing about people."""
    if found is None:
        return ""

    def say(key: str, part: str = "text") -> str:
        return escape(text(language, f"message.{key}", part=part))

    status = f"verify_{found.status}"
    answer = f"<h2>{say(status, 'title')}</h2><p>{say(status, 'detail')}</p>"
    if found.kind is None or found.edition is None or found.issued_at is None:
        return answer
    fen = found.amount_fen
    rows = {
        "kind": f"{say(f'document_{found.kind.value}')} · {say(f'edition_{found.edition.value}')}",
        "number": escape(found.number or ""),
        "union": escape(found.union or ""),
        "issued": shown(found.issued_at)[:16].replace("T", " "),
        "rows": str(found.row_count),
        "amount": "" if fen is None else f"¥ {fen / 100:,.2f}",
        "supplements": "、".join(one.number for one in found.supplements),
    }
    lines = (f"<tr><th>{say(f'verify_{key}')}</th><td>{cell}</td></tr>" for key, cell in rows.items() if cell)
    return f"{answer}<table>{''.join(lines)}</table>"


@router.get(
    "/o/{reference}",
    name="origin_page",
    dependencies=[public()],
    responses=describe(CardNotFound, MalformedRequest, common=False),
)
async def origin_page(request: Request, reference: Reference) -> HTMLResponse:
    """Show the origin card that the label of a box leads to."""
    language = choose_language(request.headers.get("accept-language"))
    try:
        view = await read_origin(database_of(request), reference)
    except CardNotFound as error:
        title = text(language, error.code, part="title")
        detail = text(language, error.code, part="detail")
        body = f"<h1>{escape(title)}</h1><p>{escape(detail)}</p>"
        return _page(title, body, language=language, status=error.status)
    title = text(language, "message.origin_title", part="text")
    return _page(title, _origin_body(view, title, language=language), language=language)


def _origin_body(view: OriginView, title: str, *, language: Language) -> str:
    def say(key: str, **values: Any) -> str:
        return escape(text(language, f"message.origin_{key}", part="text", **values))

    sample = f" · {say('sample')}" if view.sample else ""
    rows = [
        (say("place"), escape(" ".join(view.origin.names)) or say("place_unknown")),
        (say("supplier"), escape("、".join(view.suppliers))),
        (say("number"), escape(view.lot_number)),
        (say("produced"), str(view.produced_on or "")),
        (say("best_before"), str(view.best_before_on or "")),
        (say("allergens"), escape("、".join(view.allergens))),
    ]
    recalled = ""
    if view.recalled_on is not None:
        recalled = (
            f'<p class="recalled" role="alert">{say("recalled_title")}<br>{say("recalled")}'
            f"<br>{say('recalled_on', on=view.recalled_on)}</p>"
        )
    return (
        f"{recalled}<h1>{escape(title)}</h1><p>{escape(view.gift_box)}{sample}</p>{_table(rows)}"
        f"<h2>{say('contents')}</h2>{''.join(_content(one, language=language) for one in view.contents)}"
        f"{_certificates(view, language=language)}{_projects(view, language=language)}"
        f'<p class="note">{say("reference", reference=view.reference)}</p>'
    )


def _table(rows: list[tuple[str, str]]) -> str:
    return (
        "<table>"
        + "".join(f"<tr><th>{name}</th><td>{said}</td></tr>" for name, said in rows if said)
        + "</table>"
    )


def _content(content: ContentView, *, language: Language) -> str:
    def say(key: str) -> str:
        return escape(text(language, f"message.origin_{key}", part="text"))

    net = f"{content.net_content_grams} g" if content.net_content_grams else f"{content.net_content_ml} ml"
    rows = [
        (say("storage"), escape(content.storage)),
        (say("shelf_life"), escape(content.shelf_life)),
        (say("allergens"), escape("、".join(content.allergens))),
        (say("licence"), escape(content.licence_number or "")),
    ]
    amount = f"{content.quantity} {content.unit} × {net}"
    summary = f"<summary>{escape(content.name)} {escape(amount)}</summary>"
    return f"<details>{summary}<div>{_table(rows)}</div></details>"


def _certificates(view: OriginView, *, language: Language) -> str:
    if not view.certificates:
        return ""
    items = "".join(
        f"<li>{escape(one.number)} · {escape(one.issuer)} · "
        + escape(
            text(
                language,
                "message.origin_valid",
                part="text",
                since=one.valid_from.isoformat(),
                until=one.valid_until.isoformat() if one.valid_until else "–",
            )
        )
        + "</li>"
        for one in view.certificates
    )
    return f"<h2>{escape(text(language, 'message.origin_certificates', part='text'))}</h2><ul>{items}</ul>"


def _projects(view: OriginView, *, language: Language) -> str:
    if not view.projects:
        return ""
    items = "".join(
        f"<li>{escape(one.sponsor.name)}:{escape(one.title)}"
        + "".join(f"<br>“{escape(quote)}”" for quote in one.quotes)
        + "</li>"
        for one in view.projects
    )
    title = escape(text(language, "message.origin_projects", part="text"))
    note = escape(text(language, "message.origin_projects_note", part="text"))
    return f'<h2>{title}</h2><p class="note">{note}</p><ul>{items}</ul>'
