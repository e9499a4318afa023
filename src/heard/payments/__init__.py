"""Who holds the guests' money: the port in contract.py, and the two providers that there are, each in its module."""
