"""What a token of Link may be good for. How credentials look and are compared is in protocols/credentials.py."""

from typing import Final

SCOPES: Final = ("orders", "menus", "stores", "events")
