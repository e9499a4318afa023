"""Who sends orders, and in which protocol: a marketplace speaks Link, an application speaks the Ordering API."""

from enum import StrEnum


class ChannelKind(StrEnum):
    """A channel's kind, by the protocol it speaks. What one kind was given is good for nothing in the other's."""

    MARKETPLACE = "link"
    APPLICATION = "ordering"

    @property
    def noun(self) -> str:
        """Its word for people, and its command's in the plural."""
        return self.name.lower()
