"""Random carts from a seed, each held against every law of pricing: `python tools/million_carts.py --carts 1000000`.

The laws are tests/pricing_laws.py's, the carts tests/random_carts.py's. Ends with 1 at the first cart that breaks one.
"""

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from pricing_laws import LAWS
from random_carts import random_cart


def check(seed: int, number: int) -> str | None:
    """What is wrong with the cart of that number, if anything is; each can be made again by itself."""
    cart, rules = random_cart(random.Random(f"{seed}/{number}"))  # noqa: S311
    for law in LAWS:
        try:
            law(cart, rules, random.Random(f"{seed}/{number}/{law.__name__}"))  # noqa: S311
        except (AssertionError, ValueError) as error:
            return f"cart {number} of seed {seed} breaks {law.__name__}: {error}\n{cart}\n{rules}"
    return None


def main() -> int:
    """Prints progress to stderr every ten seconds, and one line at the end."""
    arguments = argparse.ArgumentParser(description="Hold random carts against every law of pricing.")
    arguments.add_argument("--carts", type=int, default=1_000_000)
    arguments.add_argument("--seed", type=int, default=2026)
    arguments.add_argument("--first", type=int, default=0, help="the number of the first cart")
    asked = arguments.parse_args()
    began = told = time.monotonic()
    for done in range(asked.carts):
        broken = check(asked.seed, asked.first + done)
        if broken:
            print(broken)  # noqa: T201
            return 1
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"{done + 1:,} of {asked.carts:,} carts, {told - began:.0f} s", file=sys.stderr)  # noqa: T201
    took = time.monotonic() - began
    print(f"{asked.carts:,} carts of seed {asked.seed} hold {len(LAWS)} laws each ({took:.0f} s)")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
