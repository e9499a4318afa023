"""What can go wrong with the embedded server, for operators."""


class EmbeddedPostgresError(Exception):
    """One line that names the problem and the fix."""


OWN_SERVER = "or set HEARD_DATABASE_URL to use a server of your own"
