"""Base45 (RFC 9285): bytes as the 45 symbols a QR code stores in its compact alphanumeric mode.

Every byte string has exactly one text and `decode` accepts no other, so two different texts
never stand for the same bytes.
"""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}


def encode(octets: bytes) -> str:
    """Return the Base45 text of `octets`: three symbols for two bytes, two for an odd last byte."""
    symbols: list[str] = []
    for start in range(0, len(octets), 2):
        pair = octets[start : start + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            number, value = divmod(number, 45)
            symbols.append(ALPHABET[value])
    return "".join(symbols)


def decode(text: str) -> bytes:
    """Return the bytes of a Base45 text.

    Raises ValueError for a symbol outside the alphabet (lower case included), for a length no byte
    string has (3n + 1), and for a group whose number is too large for its bytes.
    """
    if len(text) % 3 == 1:
        raise ValueError("a Base45 text cannot have this length")
    try:
        values = [_VALUES[symbol] for symbol in text]
    except KeyError:
        raise ValueError("a symbol is not in the Base45 alphabet") from None
    octets = bytearray()
    for start in range(0, len(values), 3):
        group = values[start : start + 3]
        number = sum(value * 45**place for place, value in enumerate(group))
        size = len(group) - 1
        if number >= 256**size:
            raise ValueError("a Base45 group is too large for its bytes")
        octets += number.to_bytes(size, "big")
    return bytes(octets)
