"""Who sends orders, and in which protocol: a marketplace speaks Link, an application speaks the Ordering API."""

from enum import StrEnum
from typing import Final

from heard.domain.ids import MarketplaceId

APPLICATION_PREFIX: Final = "app"  # of an application's id


class ChannelKind(StrEnum):
    """A channel's kind, by the protocol it speaks. What one kind was given is good for nothing in the other's."""

    MARKETPLACE = "link"
    APPLICATION = "ordering"

    @property
    def noun(self) -> str:
        """Its word for people, and its command's in the plural."""
        return self.name.lower()


def kind_of(channel_id: MarketplaceId) -> ChannelKind:
    """A channel's kind, by its id."""
    is_application = channel_id.startswith(f"{APPLICATION_PREFIX}_")
    return ChannelKind.APPLICATION if is_application else ChannelKind.MARKETPLACE
