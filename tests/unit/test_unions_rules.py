"""Names and numbers as the pickup table may see them."""

import pytest

from app.unions.rules import ABOVE, Level, mask_mobile, mask_name


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张伟", "张*"),
        ("欧阳静怡", "欧**怡"),
        ("张三丰", "张*丰"),
        ("阿依古丽·买买提", "阿**丽·***"),
        ("李𬱖", "李*"),
        ("王", "王"),
        ("𬱖𬱖𬱖", "𬱖*𬱖"),
        ("买买提·艾力", "买*提·**"),
        ("阿·买买提", "*·***"),
    ],
)
def test_a_name_at_the_pickup_table(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("mobile", "masked"),
    [("13800008000", "138****8000"), (None, None), ("19912345678", "199****5678")],
)
def test_a_mobile_number_is_masked(mobile: str | None, masked: str | None) -> None:
    assert mask_mobile(mobile) == masked


def test_every_level_but_the_top_has_one_above() -> None:
    assert set(Level) - set(ABOVE) == {Level.NATIONAL}
    level, steps = Level.GROUP, []
    while level in ABOVE:
        level = ABOVE[level]
        steps.append(level.value)
    assert steps == ["grassroots", "street", "district", "municipal", "national"]
