from __future__ import annotations

from components.providers import tailscale_provider
from tests.components.recording import Secret, record

PLAIN = {
    "audience": "api.tailscale.com/k",
    "baseUrl": "https://api.example.com",
    "identityTokenEnvironmentVariableName": "JOB_TOKEN",
    "oauthClientId": "k",
    "tailnet": "example.com",
}
SECRETS = ("apiKey", "identityToken", "oauthClientSecret")


def program() -> None:
    tailscale_provider()


def test_the_provider_of_the_tailnet_is_told_what_the_config_says() -> None:
    recording = record(
        program,
        config={f"tailscale:{key}": value for key, value in PLAIN.items()} | {"tailscale:scopes": '["all:read"]'},
        secrets={f"tailscale:{key}": "s3cret" for key in SECRETS},
    )
    (provider,) = (each for each in recording.resources if each.name == "tailscale")
    told = {key: value for key, value in provider.inputs.items() if key != "userAgent"}
    assert told == {**PLAIN, "scopes": '["all:read"]', **{key: Secret("s3cret") for key in SECRETS}}


def test_what_the_config_does_not_say_is_left_to_the_plugin() -> None:
    recording = record(program)
    (provider,) = (each for each in recording.resources if each.name == "tailscale")
    assert provider.inputs.keys() <= {"userAgent"}
