"""What every page of the console needs: the hub, the way to steer it in a person's name, and the live boards."""

from heard.console.elsewhere import Elsewhere
from heard.console.live import Boards
from heard.console.office import Office
from heard.console.pictures import Pictures
from heard.engine.hub import Hub
from heard.engine.passwords import Passwords
from heard.net.call import Carrier


class House:
    """One process's."""

    def __init__(self, hub: Hub, carrier: Carrier, elsewhere: Elsewhere | None = None) -> None:
        """`elsewhere`: whom people may sign in through."""
        self.hub, self.carrier, self.elsewhere = hub, carrier, elsewhere
        self.pictures = Pictures(carrier)
        self.office, self.boards, self.passwords = Office(hub), Boards(hub), Passwords()
