"""What other parties import to speak with a hub: `link`, `ordering`, `webhooks`, `admin`. Knows nothing of its inside.

Here lives what they call, and what is the same for each of them; what goes over the wire is in protocols/.
"""
