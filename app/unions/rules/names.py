"""How a name is written: one person, one spelling.

民委发〔2016〕33号: the parts of a name are separated by U+00B7, a name field holds 50 characters, and every
character of GB 18030 is kept. Nothing is guessed beyond that: no length of a surname, no list of characters.
"""

import re
import unicodedata
from enum import StrEnum

MOST_CHARACTERS = 50
SEPARATOR = "·"

_DOTS = "·•.・‧⸱･．﹒∙⋅●·᛫⦁▪"
_AS_SEPARATOR = {ord(dot): SEPARATOR for dot in _DOTS}
_APOSTROPHES = {ord("\u2019"): "'", ord("\u02bc"): "'", ord("＇"): "'"}
_HYPHENS = {ord(hyphen): "-" for hyphen in "\u2010\u2011－﹣"}
# Letters, marks, digits, the number 〇, private use: old identity systems kept rare characters there.
_ALLOWED = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl", "Co"})
_LETTERS = frozenset({"Lu", "Ll", "Lt", "Lo", "Nl", "Co"})
_JOINERS = frozenset(" '-" + SEPARATOR)
_COMPATIBILITY = re.compile("([\uf900-\ufaff\U0002f800-\U0002fa1f]+)")
_SPACES = re.compile(r"[ \u00a0\u2000-\u200a\u202f\u205f\u3000]+")
# Ideographs of later Unicode versions than this Python knows.
_IDEOGRAPHIC_PLANES = range(0x20000, 0x3FFFE)
_VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_EMOJI_SELECTOR = 0xFE0F


class Fault(StrEnum):
    """What is wrong with a name or a number that was given."""

    NAME_MISSING = "name.missing"
    NAME_TOO_LONG = "name.too_long"
    NAME_HIDDEN_CHARACTER = "name.hidden_character"
    NAME_CHARACTER = "name.character"
    NAME_SEPARATOR = "name.separator"
    MOBILE_FORM = "mobile.form"
    ID_LAST4_FORM = "id_last4.form"
    ID_NUMBER_FORM = "id_number.form"
    ID_NUMBER_CHECK = "id_number.check"
    ID_NUMBER_DATE = "id_number.date"
    ID_NUMBER_REGION = "id_number.region"


class Unusable(ValueError):
    """A name or number cannot be taken; carries its fault, and not what was given."""

    def __init__(self, fault: Fault) -> None:
        """Keep the fault."""
        super().__init__(fault.value)
        self.fault = fault


def normalise_name(given: str) -> str:
    """Return a name as it is stored; raises Unusable.

    Spaces go, but for one between parts in Latin letters; whatever was typed for the separator becomes
    U+00B7; composed (NFC), except that compatibility ideographs stay: they are what the person's papers say.
    """
    name = _SPACES.sub(" ", given).strip(" ")
    if not name:
        raise Unusable(Fault.NAME_MISSING)
    _refuse_hidden(name)
    name = "".join(
        part if _COMPATIBILITY.fullmatch(part) else unicodedata.normalize("NFC", part)
        for part in _COMPATIBILITY.split(name)
    )
    name = name.translate(_AS_SEPARATOR | _APOSTROPHES | _HYPHENS)
    name = _join(name)
    if not all(_is_allowed(character) or character in _JOINERS for character in name):
        raise Unusable(Fault.NAME_CHARACTER)
    if not any(_is_letter(character) for character in name):
        raise Unusable(Fault.NAME_CHARACTER)
    if name[0] in _JOINERS or name[-1] in _JOINERS or SEPARATOR * 2 in name:
        raise Unusable(Fault.NAME_SEPARATOR)
    if len(name) > MOST_CHARACTERS:
        raise Unusable(Fault.NAME_TOO_LONG)
    return name


def folded_name(name: str) -> str:
    """Return what two spellings of one name have in common: for finding duplicates, never for showing.

    Compatibility forms fold (NFKC: 豈 U+F900 is 豈 U+8C48, full-width letters are letters), case,
    variation selectors, separators and spaces go.
    """
    folded = unicodedata.normalize("NFKC", name)
    folded = _VARIATION_SELECTORS.sub("", folded).casefold()
    return "".join(character for character in folded if character not in _JOINERS)


def _refuse_hidden(name: str) -> None:
    """Refuse what nobody sees or what turns a line around: controls, formats, line ends, halves of pairs."""
    for character in name:
        kind = unicodedata.category(character)
        if kind in {"Cc", "Cf", "Cs", "Zl", "Zp"} or ord(character) == _EMOJI_SELECTOR:
            raise Unusable(Fault.NAME_HIDDEN_CHARACTER)
        if character in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0":  # letters and marks without a shape
            raise Unusable(Fault.NAME_HIDDEN_CHARACTER)


def _join(name: str) -> str:
    """Take out the spaces that do not stand between two parts in Latin letters."""
    parts = name.split(" ")
    joined = parts[0]
    for part in parts[1:]:
        between = bool(joined) and bool(part) and _is_latin(joined[-1]) and _is_latin(part[0])
        joined += (" " if between else "") + part
    return joined


def _is_latin(character: str) -> bool:
    return unicodedata.name(character, "").startswith("LATIN ")


def _is_letter(character: str) -> bool:
    return unicodedata.category(character) in _LETTERS or ord(character) in _IDEOGRAPHIC_PLANES


def _is_allowed(character: str) -> bool:
    return unicodedata.category(character) in _ALLOWED or ord(character) in _IDEOGRAPHIC_PLANES
