"""What we use of the official client, kubernetes 37: `config/kube_config.py`."""

from kubernetes.client import ApiClient, Configuration

def new_client_from_config(
    config_file: str,
    *,
    context: str | None,
    persist_config: bool,
    client_configuration: Configuration,
) -> ApiClient: ...
def new_client_from_config_dict(
    config_dict: object,
    *,
    persist_config: bool,
    client_configuration: Configuration,
) -> ApiClient: ...
