"""The figures of the newspaper article, on the impact endpoints of the demo, exactly.

What is expected is read from the text of the article by its own words; the demo's data is not looked at.
"""

import re
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.access.vault import Vault
from app.demo.load import load_demo
from app.demo.source import read_document
from app.platform.clock import utc_now
from app.platform.database import Database
from app.platform.postgres import PrivatePostgres
from app.platform.settings import Settings, async_url
from tests.factories.answers import API
from tests.factories.apps import run_fleet
from tests.factories.databases import TEMPLATE, Scratch

ARTICLE = "".join((Path(__file__).parents[1] / "vectors/article.txt").read_text(encoding="utf-8").split())
SAYS = {
    "xuanfang": r"(宣房集团工会):",
    "district": r"(区总工会):精准施策",
    "desheng": r"10月10日,(德胜街道总工会)",
    "hospital": r"(宣武中医院工会):",
    "luohuaying": r"张家口市(.{2}县)(.{3}村),检查",
    "wells": r"投入(\d+)万元在村中捐修(\d+)口机井",
    "restored": r"恢复了(\d+)亩水浇地的能力",
    "irrigated": r"在(\d+)亩水浇地实施了膜下滴灌",
    "experts": r"(\d{4})年,在优化土地种植环境.{0,30}聘请(\d+)位农业专家",
    "greenhouses": r"投入(\d+)万元成功捐建(\d+)个蔬菜大棚",
    "varieties": r"种植(\d+)种小西红柿和(\d+)种彩椒",
    "times": r"岗位(\d+)(人次)",
    "wage": r"日工资(\d+)元",
    "income": r"每户年人均收入已增至(\d+)元至(\d+)万元",
    "herbs": r"诺敏镇(.{3})中草药种植项目,解决全村(\d+)户、(\d+)人\(建档立卡贫困户(\d+)户、贫困人口(\d+)人\)",
    "jobs": r"解决建档立卡贫困户(\d+)户(\d+)人的就业问题",
    "vegetables": r"(阜平县)龙泉关镇(.{4})蔬菜大棚,填补",
    "visit": r"(\d+)月(\d+)日,德胜街道总工会",
    "visitors": r"职工代表(\d+)人参加",
    "visited": r"参观了(.{2}县)龙泉关镇(.{4})。",
    "before": r"人均年收入不足(千)元",
    "speech": r"(\d{4})年(\d+)月(\d+)日,.{0,20}来到骆驼湾村",
    "medical": r"与(枣强县中医医院)签订了(疮疡脉管专科)",
    "old_name": r"内蒙古(鄂伦春旗)地区",
}
Figures = set[tuple[Any, ...]]


def figures_of(text: str) -> Figures:
    """Return (sponsor, village, measure, unit, minimum, value, maximum) of every figure in the text."""
    said: dict[str, tuple[str, ...]] = {}
    for name, pattern in SAYS.items():
        found = re.search(pattern, text)
        assert found is not None, f"the article says nothing of {name}"
        said[name] = found.groups()

    def number(name: str, place: int = 0) -> int:
        return int(said[name][place])

    (firm,), (district,), (street,) = said["xuanfang"], said["district"], said["desheng"]
    village, herbs = said["luohuaying"][1], said["herbs"][0]
    assert said["before"] == ("千",)
    exact = [
        (firm, village, "money", "元", number("wells") * 10_000),
        (firm, village, "wells", "口", number("wells", 1)),
        (firm, village, "land_restored", "亩", number("restored")),
        (firm, village, "land_irrigated", "亩", number("irrigated")),
        (firm, village, "experts", "位", number("experts", 1)),
        (firm, village, "money", "元", number("greenhouses") * 10_000),
        (firm, village, "greenhouses", "个", number("greenhouses", 1)),
        (firm, village, "crop_varieties", "种", number("varieties")),
        (firm, village, "crop_varieties", "种", number("varieties", 1)),
        (firm, village, "temporary_work", said["times"][1], number("times")),
        (firm, village, "daily_wage", "元/日", number("wage")),
        (district, herbs, "households", "户", number("herbs", 1)),
        (district, herbs, "people", "人", number("herbs", 2)),
        (district, herbs, "poor_households", "户", number("herbs", 3)),
        (district, herbs, "poor_people", "人", number("herbs", 4)),
        (district, f"{said['vegetables'][1]}+{herbs}", "poor_households", "户", number("jobs")),
        (district, f"{said['vegetables'][1]}+{herbs}", "poor_people", "人", number("jobs", 1)),
        (street, said["visited"][1], "participants", "人", number("visitors")),
    ]
    return {(*row[:4], None, row[4], None) for row in exact} | {
        (firm, village, "yearly_income", "元/年", number("income"), None, number("income", 1) * 10_000),
        (street, said["visited"][1], "yearly_income", "元/年", None, None, 1_000),
    }


@pytest.fixture(scope="module")
async def answers(
    template: str, postgres: PrivatePostgres, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, Any]]:
    """What the impact endpoints say to anybody, on the loaded demo."""
    name = "grainline_article"
    server = await asyncpg.connect(template)
    await server.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    url = async_url(postgres.app_url).rsplit("/", 1)
    urls = f"{url[0]}/{name}" + ("?" + url[1].partition("?")[2] if "?" in url[1] else "")
    terms = settings.model_copy(update={"database_url": urls, "data_dir": tmp_path_factory.mktemp("demo")})
    database = Database(urls, pool_size=2, carried={"vault": Vault(terms.vault_dir)})
    assert await load_demo(database, now=utc_now())
    found: dict[str, Any] = {}
    async with run_fleet(terms, 1) as fleet:
        for path in ("/impact/projects?limit=200", "/impact/totals", "/regions?limit=200"):
            answer = await fleet.clients[0].get(f"{API}{path}")
            assert answer.status_code == 200, answer.text
            found[path.partition("?")[0]] = answer.json()
        for region in found["/regions"]["items"]:
            totals = await fleet.clients[0].get(f"{API}/impact/totals?region_id={region['id']}")
            found[region["name"]] = totals.json()
            details = await fleet.clients[0].get(f"{API}/regions/{region['id']}")
            found[f"places of {region['name']}"] = details.json()
    yield found
    await database.close()
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


def shown(answers: dict[str, Any]) -> Figures:
    """Return the figures of the answer in the form of `figures_of`."""
    return {
        (
            project["sponsor"]["name"].removeprefix("西城"),
            "+".join(site["place"] or "" for site in project["sites"]),
            *(result[name] for name in ("measure", "unit", "minimum", "value", "maximum")),
        )
        for project in answers["/impact/projects"]["items"]
        for result in project["results"]
        if result["form"] != "words"
    }


async def test_the_answers_are_the_figures_of_the_article_and_no_others(answers: dict[str, Any]) -> None:
    expected = figures_of(ARTICLE)
    assert len(expected) == 20
    assert shown(answers) == expected


DAYS = {("visit", 1), ("visit", 2), ("speech", 1), ("speech", 2), ("speech", 3), ("experts", 1)}
"""Groups that are days and years, which a test below compares."""
NUMBERS = [
    (name, place)
    for name, says in SAYS.items()
    for place, group in enumerate(
        re.findall(r"\(([^)]*)\)", says.replace(r"\(", "").replace(r"\)", "")), start=1
    )
    if "\\d" in group and (name, place) not in DAYS
]


@pytest.mark.parametrize(("name", "place"), NUMBERS)
async def test_control_one_changed_figure_is_noticed(answers: dict[str, Any], name: str, place: int) -> None:
    """An article with one other number is not what the answers say."""
    found = re.search(SAYS[name], ARTICLE)
    assert found is not None
    start, end = found.span(place)
    other = ARTICLE[:start] + str(int(ARTICLE[start:end]) + 1) + ARTICLE[end:]
    assert shown(answers) != figures_of(other)


async def test_control_one_changed_figure_of_the_data_is_noticed(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirteen wells in the demo's data are not the twelve of the article."""
    changed = deepcopy(read_document())
    wells = changed["aid_projects"][0]["results"][1]
    assert wells["measure"] == "wells"
    wells["value"] += 1
    monkeypatch.setattr("app.demo.aid.read_document", lambda: changed)
    assert await load_demo(scratch.database, now=utc_now())
    async with run_fleet(scratch.settings, 1) as fleet:
        projects = (await fleet.clients[0].get(f"{API}/impact/projects?limit=200")).json()
    differing = shown({"/impact/projects": projects}) ^ figures_of(ARTICLE)
    assert {(row[2], row[5]) for row in differing} == {("wells", 12), ("wells", 13)}


def test_every_number_has_its_control() -> None:
    assert len(NUMBERS) == 20


async def test_every_figure_comes_with_the_words_of_the_article(answers: dict[str, Any]) -> None:
    results = [one for project in answers["/impact/projects"]["items"] for one in project["results"]]
    assert len(results) == 25
    for result in results:
        assert result["quote"] in ARTICLE
        assert (result["basis"], result["evidence"]["kind"]) == ("reported", "article")
        if result["value"] is not None and result["value"] < 10_000:
            assert str(result["value"]) in result["quote"]


async def test_the_same_people_are_flagged_and_never_added(answers: dict[str, Any]) -> None:
    flagged = [
        one
        for project in answers["/impact/projects"]["items"]
        for one in project["results"]
        if one["is_overlapping"]
    ]
    people = {one["value"] for one in flagged}
    herbs, jobs = re.search(SAYS["herbs"], ARTICLE), re.search(SAYS["jobs"], ARTICLE)
    assert herbs is not None
    assert jobs is not None
    assert people == {int(one) for one in (*herbs.groups()[1:], *jobs.groups())}
    assert all(len(one["overlaps"]) == 5 for one in flagged)
    totals = answers["/impact/totals"]
    assert not {"户"} & {one["unit"] for one in totals["totals"]}
    left_out = {one["result_id"]: one["why"] for one in totals["left_out"]}
    assert {left_out[one["id"]] for one in flagged} == {"counts_the_same_people"}


async def test_totals_add_what_adds_up_and_name_the_rest(answers: dict[str, Any]) -> None:
    totals = answers["/impact/totals"]
    sums = {(one["measure"], one["unit"]): one["value"] for one in totals["totals"]}
    wells, houses = re.search(SAYS["wells"], ARTICLE), re.search(SAYS["greenhouses"], ARTICLE)
    times, visitors = re.search(SAYS["times"], ARTICLE), re.search(SAYS["visitors"], ARTICLE)
    assert wells
    assert houses
    assert times
    assert visitors
    assert sums["money", "元"] == (int(wells[1]) + int(houses[1])) * 10_000
    assert sums["temporary_work", "人次"] == int(times[1])
    assert sums["participants", "人"] == int(visitors[1]), "person-times are in no sum of people"
    assert {"daily_wage", "yearly_income", "crop_varieties", "households"}.isdisjoint(
        measure for measure, _ in sums
    )
    why = {one["why"] for one in totals["left_out"]}
    assert why == {
        "counts_the_same_people", "says_how_it_was_before", "has_no_figure", "is_no_exact_figure",
        "is_a_rate", "may_count_the_same_kinds",
    }  # fmt: skip
    everything = len(totals["left_out"]) + sum(len(one["result_ids"]) for one in totals["totals"])
    assert everything == 25


async def test_days_places_and_names_are_those_of_the_article(answers: dict[str, Any]) -> None:
    by_kind = {one["kind"]: one for one in answers["/impact/projects"]["items"]}
    visit, speech = re.search(SAYS["visit"], ARTICLE), re.search(SAYS["speech"], ARTICLE)
    assert visit
    assert speech
    event = by_kind["exchange_visit"]
    assert event["held_on"][5:] == f"{int(visit[1]):02}-{int(visit[2]):02}"
    assert event["year_is_inferred"] is True, "the article names no year"
    stated = {one["stated_on"] for one in event["results"]} - {None}
    assert stated == {f"{speech[1]}-{int(speech[2]):02}-{int(speech[3]):02}"}
    medical = re.search(SAYS["medical"], ARTICLE)
    assert medical
    assert (by_kind["health"]["partner"], by_kind["health"]["results"]) == (medical[1], [])
    assert medical[2] in by_kind["health"]["title"]
    regions = {one["name"]: one for one in answers["/regions"]["items"]}
    old = re.search(SAYS["old_name"], ARTICLE)
    assert old
    assert [name for name, one in regions.items() if old[1] in one["aliases"]] == ["鄂伦春自治旗"]
    assert all(name in ARTICLE or set(one["aliases"]) & {old[1]} for name, one in regions.items())
    villages = {one["name"]: one for one in answers["places of 阜平县"]["places"]}
    assert (villages["龙泉关村"]["code"], villages["骆驼湾村"]["code"]) == (None, "130624101209")
    assert villages["龙泉关村"]["note"]


async def test_one_region_is_not_given_what_two_share(answers: dict[str, Any]) -> None:
    """The 87 households live in two counties: neither county's totals have them."""
    for county in ("阜平县", "鄂伦春自治旗"):
        assert not [one for one in answers[county]["totals"] if one["unit"] == "户"]
    assert {one["measure"] for one in answers["张北县"]["totals"]} >= {"wells", "greenhouses"}
