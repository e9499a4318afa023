"""The hub's side of posnext: calls to a POS and the meaning of its answers. The bytes are protocols/posnext."""

from heard.connectors.posnext.connector import PosnextConnector

__all__ = ["PosnextConnector"]
