"""Numbers of papers, and the registration code of a business."""

from datetime import date

from stdnum.cn import uscc
from stdnum.exceptions import ValidationError


def purchase_series(year: int) -> str:
    """Return the series of the purchases of a year: `CG-2020` (采购)."""
    return f"CG-{year}"


def receipt_series(day: date) -> str:
    """Return the series of the goods receipts of a day: `RK-20201018` (入库)."""
    return f"RK-{day:%Y%m%d}"


def purchase_number(year: int, position: int) -> str:
    """Return the number of a purchase: `CG-2020-0001`."""
    return f"{purchase_series(year)}-{position:04}"


def receipt_number(day: date, position: int) -> str:
    """Return the number of a goods receipt (入库单号): `RK-20201018-001`."""
    return f"{receipt_series(day)}-{position:03}"


def check_uscc(code: str) -> str:
    """Return a unified social credit code if its check digits hold (GB 32100-2015), else raise ValueError.

    The last digit is over the whole code; the ninth to seventeenth are the organisation's own code
    (GB 11714), which has a check digit of its own.
    """
    try:
        found: str = uscc.validate(code)
    except ValidationError:
        raise ValueError("check digit") from None
    if found != code:
        raise ValueError("form")
    return code
