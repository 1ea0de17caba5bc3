"""Who an outside identity is: never by name alone, never one of two; and where a browser may go."""

from dataclasses import replace
from uuid import uuid4

import pytest

from app.sign_in.rules.linking import LINK_PAGE, Candidate, Claim, is_claimed, is_own_path, the_claimed
from app.sign_in.rules.standing import may_sign_in

LI = Candidate(uuid4(), "M0000001", "阿依古丽·买买提", mobile="13800138000", last4="002X")
SAID = Claim("13800138000", "002X", name="阿依古丽·买买提")


@pytest.mark.parametrize(
    ("claim", "fits"),
    [
        (SAID, True),
        (replace(SAID, last4="002x"), True),
        (replace(SAID, name="阿依古丽•买买提"), True),
        (replace(SAID, name=None, member_number="M0000001"), True),
        (replace(SAID, member_number="M0000001"), True),
        (replace(SAID, member_number="M0000002"), False),
        (replace(SAID, name="阿依古丽"), False),
        (replace(SAID, mobile="13800138001"), False),
        (replace(SAID, last4="0021"), False),
        (replace(SAID, name=None), False),
    ],
)
def test_a_claim_fits_in_everything_it_says(claim: Claim, fits: bool) -> None:
    assert is_claimed(LI, claim) is fits


def test_who_has_no_mobile_or_last_four_cannot_be_claimed() -> None:
    assert not is_claimed(replace(LI, mobile=None), SAID)
    assert not is_claimed(replace(LI, last4=None), SAID)


def test_two_who_fit_are_nobody() -> None:
    twin = replace(LI, member_id=uuid4(), number="M0000002")
    assert the_claimed([LI], SAID) == LI.member_id
    assert the_claimed([LI, twin], SAID) is None
    assert the_claimed([LI, twin], replace(SAID, member_number="M0000002")) == twin.member_id
    assert the_claimed([], SAID) is None


def test_nothing_of_a_person_is_in_what_is_printed() -> None:
    assert "阿依" not in repr(LI) + repr(SAID)
    assert "138" not in repr(LI) + repr(SAID)


OWN = [
    "/",
    "/member",
    "/member/",
    "/member/orders",
    "/staff/campaigns/x_1",
    "/#/orders",
    LINK_PAGE,
    "/member#/a/b",
]
ELSEWHERE = [
    "", "//evil", "///evil", "/\\evil", "\\\\evil", "https:evil", "https://evil", "http:/evil", "%2f%2fevil",
    "/%2fevil", "/member/%2e%2e", "/member//evil", "/member/../..//evil", "/./evil", "javascript:alert(1)",
    "data:text/html,x", " /member", "/member ", "/member\n", "/member\r\nSet-Cookie: a=b", "\t//evil",
    "/\t/evil", "/evil", "/membership", "/member@evil", "/member?next=//evil", "/#//evil\n", "/@evil.example",
    "/member/a.b", "/api/v1/me", "//evil@host/member", "／／evil", "/member/\u202eevil",
    "/member" + "/x" * 7, "/" + "x" * 5_000,
]  # fmt: skip


@pytest.mark.parametrize("path", OWN)
def test_own_pages_are_on_the_list(path: str) -> None:
    assert is_own_path(path)


@pytest.mark.parametrize("path", ELSEWHERE)
def test_whatever_could_lead_elsewhere_is_not(path: str) -> None:
    assert not is_own_path(path)


def test_who_left_or_was_erased_does_not_sign_in() -> None:
    statuses = ["active", "retained", "left", "transferred_out", "erased"]
    assert [may_sign_in(status) for status in statuses] == [True, True, False, False, False]
