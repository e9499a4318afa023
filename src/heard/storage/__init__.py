"""PostgreSQL, and nothing else: rows to values and back, named queries, migrations, the embedded server.

Called `storage` because in this field a store is a restaurant.
"""
