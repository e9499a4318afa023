"""What other parties import to speak with a hub: `link` and `webhooks` for marketplaces. Knows nothing of its inside.

Here lives what they call; what goes over the wire is in protocols/.
"""
