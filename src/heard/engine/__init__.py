"""One use case a file: bytes or a wish in, one transaction, an answer out. No network call is made here."""
