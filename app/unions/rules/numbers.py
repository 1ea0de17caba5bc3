"""Numbers of people: a mobile number, the end of an identity number. A whole one is never kept."""

import re
import unicodedata
from datetime import date

from app.unions.rules.names import Fault, Unusable

_MOBILE = re.compile("1[3-9][0-9]{9}")
_COUNTRY = re.compile(r"(?:\+|00)?86(?=1[3-9][0-9]{9}$)")
_BETWEEN = re.compile(r"[\s\u00ad\u2010-\u2015\u2212\uff0d_-]+")
_LAST4 = re.compile("[0-9]{3}[0-9X]")
_ID_NUMBER = re.compile("[0-9]{17}[0-9X]")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
# Provinces, Hong Kong, Macao and Taiwan with the residence permits of 2018; table GB/T 2260.
_LAST_PROVINCE = {1: 5, 2: 3, 3: 7, 4: 6, 5: 4, 6: 5}
_PROVINCES = frozenset(
    f"{region}{place}" for region, last in _LAST_PROVINCE.items() for place in range(1, last + 1)
) | {"50", "71", "81", "82", "83"}
_PERMANENT_RESIDENT = "9"


def normalise_mobile(given: str) -> str:
    """Return a mobile number as eleven digits; raises Unusable.

    Full-width digits, spaces, hyphens and the country's +86, 0086 or 86 are taken off (the numbering plan
    of 工信部: 1 and 3 to 9, then nine digits).
    """
    number = _BETWEEN.sub("", unicodedata.normalize("NFKC", given))
    number = _COUNTRY.sub("", number, count=1)
    if not _MOBILE.fullmatch(number):
        raise Unusable(Fault.MOBILE_FORM)
    return number


def normalise_last4(given: str) -> str:
    """Return the last four characters of an identity number, X in upper case; raises Unusable."""
    last4 = unicodedata.normalize("NFKC", given).strip().upper()
    if not _LAST4.fullmatch(last4):
        raise Unusable(Fault.ID_LAST4_FORM)
    return last4


def check_identity_number(given: str, *, today: date) -> str:
    """Return the last four characters of a sound identity number (GB 11643-1999, also residence permits of
    people from Hong Kong, Macao, Taiwan and abroad); raises Unusable. The number itself is not to be kept.

    Of the address only the province is looked at: counties are abolished, their numbers stay in use.
    """
    number = _BETWEEN.sub("", unicodedata.normalize("NFKC", given)).upper()
    if not _ID_NUMBER.fullmatch(number):
        raise Unusable(Fault.ID_NUMBER_FORM)
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, number, strict=False))
    if number[-1] != _CHECKS[total % 11]:
        raise Unusable(Fault.ID_NUMBER_CHECK)
    if number[:2] not in _PROVINCES and number[0] != _PERMANENT_RESIDENT:
        raise Unusable(Fault.ID_NUMBER_REGION)
    try:
        born_on = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise Unusable(Fault.ID_NUMBER_DATE) from None
    if born_on > today:
        raise Unusable(Fault.ID_NUMBER_DATE)
    return number[-4:]
