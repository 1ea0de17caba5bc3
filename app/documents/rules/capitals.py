"""Amounts in capitals beside the figures (支付结算办法, 附一: 正确填写票据和结算凭证的基本规定)."""

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_SECTIONS = ("", "万", "亿")
_SECTION = 10_000
MOST_FEN = _SECTION ** len(_SECTIONS) * 100 - 1


def amount_in_capitals(fen: int) -> str:
    """Return an amount in fen as `人民币壹拾柒万陆仟元整`; below zero with 负.

    整 stands behind 元 only; one 零 stands for any run of noughts between digits. Raises ValueError from
    10¹² yuan (万亿) on.
    """
    if abs(fen) > MOST_FEN:
        raise ValueError("an amount has twelve digits of yuan at most")
    yuan, rest = divmod(abs(fen), 100)
    jiao, cent = divmod(rest, 10)
    text = f"{_whole(yuan)}元" if yuan or not rest else ""
    if not rest:
        text += "整"
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    elif cent and yuan:
        text += "零"
    if cent:
        text += f"{_DIGITS[cent]}分"
    return f"人民币{'负' if fen < 0 else ''}{text}"


def _whole(yuan: int) -> str:
    sections: list[int] = []
    while yuan:
        yuan, section = divmod(yuan, _SECTION)
        sections.append(section)
    text, is_gap = "", False
    for place in reversed(range(len(sections))):
        section = sections[place]
        if not section:
            is_gap = bool(text)
            continue
        if text and (is_gap or section < _SECTION // 10):
            text += _DIGITS[0]
        text, is_gap = text + _section(section) + _SECTIONS[place], False
    return text or _DIGITS[0]


def _section(section: int) -> str:
    """Return 1 to 9999, noughts at its ends left out."""
    text, is_gap = "", False
    for place, digit in zip((3, 2, 1, 0), f"{section:04}", strict=True):
        if digit == "0":
            is_gap = bool(text)
            continue
        text += (_DIGITS[0] if is_gap else "") + _DIGITS[int(digit)] + _PLACES[place]
        is_gap = False
    return text
