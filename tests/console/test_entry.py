"""Who comes into the console, and how: by a link once, then by login and password; never otherwise."""

from parties import a_town
from visiting import PASSWORD, Guest, a_guest


async def test_somebody_who_is_invited_comes_in_once_and_signs_in_from_then_on(dsn: str) -> None:
    async with a_town(dsn) as town:
        guest = await a_guest(town, login="Ana")
        assert "Attention" in guest.text
        await guest.follow(await guest.post("/console/sign-out"))
        assert "Sign in" in guest.text
        wrong = await guest.post("/console/sign-in", {"login": "ana", "password": PASSWORD + "!"})
        assert (wrong.status, b"is wrong" in wrong.body) == (401, True)
        await guest.follow(await guest.post("/console/sign-in", {"login": "ANA", "password": PASSWORD}))
        assert "Attention" in guest.text


async def test_nobody_sees_anything_without_a_session(dsn: str) -> None:
    async with a_town(dsn) as town:
        answer = await Guest(town).get("/console")
        assert (answer.status, answer.headers["location"]) == (303, "/console/sign-in?to=/console")
        stream = await Guest(town).get("/console/board/updates", accept="text/event-stream")
        assert stream.status == 401
