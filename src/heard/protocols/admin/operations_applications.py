"""The admin API's calls about applications of the Ordering API; operations.py lists them."""

from typing import Final

from heard.protocols.admin import wire
from heard.protocols.admin.operation import PAGE, Operation

APPLICATIONS: Final = "/admin/v1/applications"

LIST_APPLICATIONS: Final = Operation(
    name="list_applications",
    method="GET",
    path=APPLICATIONS,
    summary="Applications of the Ordering API, their keys, and what they may do",
    scope="read",
    response=wire.ApplicationPage,
    queries=PAGE,
)

ADD_APPLICATION: Final = Operation(
    name="add_application",
    method="POST",
    path=APPLICATIONS,
    summary="Add an application of the Ordering API; its secret is in this answer and never shown again",
    scope="admin",
    request=wire.NewApplication,
    response=wire.ApplicationAdded,
    success=(201,),
)

ROTATE_APPLICATION_SECRET: Final = Operation(
    name="rotate_application_secret",
    method="POST",
    path=f"{APPLICATIONS}/{{application_id}}/rotate-secret",
    summary="Give an application a new client secret; the old one stays good for a while",
    scope="admin",
    request=wire.RotateSecret,
    response=wire.SecretRotated,
)

REVOKE_APPLICATION_TOKENS: Final = Operation(
    name="revoke_application_tokens",
    method="POST",
    path=f"{APPLICATIONS}/{{application_id}}/revoke-tokens",
    summary="End every access token of an application at once",
    scope="admin",
    response=wire.TokensRevoked,
)

DISABLE_APPLICATION: Final = Operation(
    name="disable_application",
    method="POST",
    path=f"{APPLICATIONS}/{{application_id}}/disable",
    summary="Refuse every call of an application; its orders go on, and it still hears of them",
    scope="admin",
    response=wire.ClientState,
)

ENABLE_APPLICATION: Final = Operation(
    name="enable_application",
    method="POST",
    path=f"{APPLICATIONS}/{{application_id}}/enable",
    summary="Let an application in again",
    scope="admin",
    response=wire.ClientState,
)

SET_APPLICATION_SCOPES: Final = Operation(
    name="set_application_scopes",
    method="POST",
    path=f"{APPLICATIONS}/{{application_id}}/scopes",
    summary="Set what an application may do, with the tokens it has too",
    scope="admin",
    request=wire.Scopes,
    response=wire.ClientScopes,
)
