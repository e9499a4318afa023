"""Exact bytes to our words and back, signed. No socket, no database, and no protocol knows another."""
