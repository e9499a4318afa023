"""Workers: they lease what is due, make the calls, and bring the answers back to the engine. All network is here."""
