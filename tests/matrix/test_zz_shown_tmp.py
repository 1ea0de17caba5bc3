from tests.matrix.test_second_wall import _leaks


async def test_shown(app, lonely_players, request) -> None:
    request.getfixturevalue("without_walls")
    shown, changed = await _leaks(app, lonely_players)
    with open("/tmp/v/shown.txt", "w") as f:  # noqa
        f.write("SHOWN " + " ".join(sorted(shown)) + "\nCHANGED " + " ".join(sorted(changed)))
