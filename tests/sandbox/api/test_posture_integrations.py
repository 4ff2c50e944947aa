"""Sources of posture attributes."""

from __future__ import annotations

from tests.sandbox.api.conftest import StandIn

ALL = "tailnet/-/posture/integrations"
INTUNE = {"provider": "intune", "cloudId": "global", "clientId": "c", "tenantId": "t", "clientSecret": "s3cret"}


def test_the_life_of_an_integration(stand_in: StandIn) -> None:
    assert stand_in.admin.get(ALL).json == {"integrations": []}
    made = stand_in.admin.post(ALL, INTUNE).json
    assert {name: made[name] for name in ("provider", "cloudId", "clientId", "tenantId")} == {
        name: value for name, value in INTUNE.items() if name != "clientSecret"
    }
    assert "clientSecret" not in made
    assert "s3cret" not in (stand_in.folder / "state.json").read_text()
    one = f"posture/integrations/{made['id']}"
    assert stand_in.admin.patch(one, {"tenantId": "u"}).json["tenantId"] == "u"
    assert stand_in.admin.patch(one, {"clientSecret": 1}).status == 400
    found = stand_in.admin.get(one).json
    assert (found["tenantId"], found["clientId"]) == ("u", "c")
    assert stand_in.admin.get(ALL).json == {"integrations": [found]}
    assert stand_in.admin.delete(one).status == 200
    assert {stand_in.admin.get(one).status, stand_in.admin.delete(one).status} == {404}


def test_what_makes_no_sense_is_refused(stand_in: StandIn) -> None:
    assert stand_in.admin.post(ALL, {**INTUNE, "provider": "abacus"}).status == 400
    assert stand_in.admin.post(ALL, {**INTUNE, "clientSecret": ""}).status == 400
    assert stand_in.admin.post(ALL, INTUNE).status == 200
    assert stand_in.admin.post(ALL, INTUNE).status == 409
    assert stand_in.oauth("feature_settings:read").post(ALL, {**INTUNE, "provider": "kolide"}).status == 403
