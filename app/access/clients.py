"""Which program a session belongs to, in two words, so that people know their sessions apart."""

_BROWSERS = (
    ("MicroMessenger/", "WeChat"), ("HuaweiBrowser/", "Huawei Browser"), ("Edg/", "Edge"),
    ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"), ("python-httpx/", "Script"),
    ("curl/", "Script"),
)  # fmt: skip
_SYSTEMS = (
    ("OpenHarmony", "HarmonyOS"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"),
    ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def label_of(user_agent: str | None) -> str | None:
    """Return something like "Chrome · Android", from fixed words only, or None for what is not known."""
    given = user_agent or ""
    found = [next((name for sign, name in signs if sign in given), None) for signs in (_BROWSERS, _SYSTEMS)]
    return " · ".join(name for name in found if name) or None
