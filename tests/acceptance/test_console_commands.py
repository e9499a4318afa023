"""`heard console`: letting people in from where the hub's database is."""

from heard.storage.sealing import new_key
from parties import a_town
from shell import Shell
from visiting import Guest


async def test_a_link_of_the_command_line_lets_one_person_in(dsn: str, shell: Shell) -> None:
    key = new_key()
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": key})
    async with a_town(dsn, worker=False, pulled=False, settings={"HEARD_SECRET_KEY": key}) as town:
        form = {"login": "ana", "password": "three blind mice", "again": "three blind mice"}
        status, out, err = await shell.run("console", "invite", "--role", "admin", "--url", town.hub_url + "/")
        assert (status, err, out.count("\n")) == (0, "", 1)
        assert out.startswith(f"{town.hub_url}/console/join/hci_")
        guest, path = Guest(town), out.strip().removeprefix(town.hub_url)
        await guest.follow(await guest.post(path, form))
        await guest.get("/console/people")
        assert "all organizations" in guest.text
        assert (await Guest(town).get(path)).status == 404
        made = await shell.json("console", "invite", "--organization", "acme")
        assert (made["role"], made["organization_id"]) == ("operator", "acme")
        assert made["link"].startswith("http://127.0.0.1:8080/console/join/hci_")


async def test_an_organization_that_is_not_there_lets_nobody_in(dsn: str, shell: Shell) -> None:
    shell.settings.update({"HEARD_DATABASE_URL": dsn, "HEARD_SECRET_KEY": new_key()})
    for named in ("", "*", "acmee"):
        status, out, err = await shell.run("console", "invite", "--organization", named)
        assert (status, out) == (1, "")
        assert err.startswith(f"heard: --organization: there is no organization {named!r}; there is none yet")
        assert err.count("\n") == 1
