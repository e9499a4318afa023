"""What others said, as it is kept with an exchange: its beginning, compressed where that is worth it. No text is read
here; what may be shown of it is protocols/masking.py's to say.
"""

import zlib
from dataclasses import dataclass, field

from heard import limits

_COMPRESSED, _CUT = 1, 2  # in the first byte
_HEADS = [bytes([flags]) for flags in range(4)]


@dataclass(frozen=True, slots=True)
class Said:
    """The bytes of an answer that were kept. `cut`: there were more."""

    body: bytes = field(repr=False)
    cut: bool = False


def pack(body: bytes | None) -> bytes | None:
    """The column's value of an answer's body; None of nothing that was said."""
    if not body:
        return None
    cut = len(body) > limits.ANSWER_KEPT_BYTES_MAX
    kept = body[: limits.ANSWER_KEPT_BYTES_MAX] if cut else body
    if len(kept) <= limits.ANSWER_PLAIN_BYTES_MAX:
        return _HEADS[0] + kept
    return _HEADS[_COMPRESSED | (_CUT if cut else 0)] + zlib.compress(kept, 1)


def unpack(kept: bytes | None) -> Said | None:
    """What was packed. None where nothing was kept, or where the column holds what we never wrote."""
    if not kept or kept[0] >= len(_HEADS):
        return None
    flags, rest = kept[0], kept[1:]
    if flags & _COMPRESSED:
        try:
            rest = zlib.decompressobj().decompress(rest, limits.ANSWER_KEPT_BYTES_MAX)
        except zlib.error:
            return None
    return Said(rest, bool(flags & _CUT))
