"""What we use of the official client, kubernetes 37: `client/api_client.py`, `client/configuration.py`, `client/rest.py`."""

from collections.abc import Mapping, Sequence

class Configuration:
    retries: int | None

class RESTResponse:
    status: int
    reason: str | None
    data: bytes | None
    def read(self) -> bytes: ...

_Request = tuple[str, str, dict[str, str], object, object]

class ApiClient:
    def param_serialize(
        self,
        method: str,
        resource_path: str,
        *,
        query_params: Sequence[tuple[str, str]],
        header_params: Mapping[str, str],
        auth_settings: Sequence[str],
        body: object = None,
    ) -> _Request: ...
    def call_api(
        self,
        method: str,
        url: str,
        header_params: dict[str, str],
        body: object,
        post_params: object,
        *,
        _request_timeout: tuple[float, float],
    ) -> RESTResponse: ...
