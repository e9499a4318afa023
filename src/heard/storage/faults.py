"""What says that the database cannot be reached just now, rather than that we asked it something wrong."""

import asyncpg

UNREACHABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it is shutting down, or somebody ended our connection
    asyncpg.InsufficientResourcesError,  # too many connections, no room on its disk
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what the client says of a connection that ended between two of its steps
    asyncpg.ReadOnlySQLTransactionError,  # it was the leader of a cluster, and is no more
)
