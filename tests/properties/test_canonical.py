"""One form for one content, and it is that of RFC 8785, however it was made."""

from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from app.platform.canonical import canonical

MOST = 2**53 - 1
TEXT = st.text(st.characters(exclude_categories=("Cs",)))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MOST, MOST)
    | TEXT
    | st.floats(allow_nan=False, allow_infinity=False)
)
KEYS = TEXT | st.sampled_from("abc")
CONTENT = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner))


@given(CONTENT)
def test_the_form_is_that_of_rfc_8785(content: Any) -> None:
    assert canonical(content) == rfc8785.dumps(content)


def test_the_example_of_the_standard() -> None:
    content = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    assert canonical(content).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


@pytest.mark.parametrize("content", [MOST + 1, float("nan"), {1: 2}, {"a": {2}}])
def test_what_has_no_form_is_refused(content: Any) -> None:
    with pytest.raises(ValueError):
        canonical(content)
