"""The components in a program of one's own: `examples/plain`."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import components
from components import RefusedError, load, tokens
from tests.components.building import INGRESS, RELEASE, SERVICE, needed
from tests.components.recording import Recording, record

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "plain"
NAMESPACE = "kubernetes:core/v1:Namespace"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def run(**config: str) -> Recording:
    """The program, but for the hook before the policy, for which an engine would have to listen."""

    def program() -> None:
        runpy.run_path(str(EXAMPLE / "__main__.py"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(components, "guard", _no_guard)
        return record(program, config={f"tailstack:{key}": value for key, value in config.items()})


def _no_guard(_: object) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def shop() -> Recording:
    return run()


def test_the_components_stand_beside_what_is_ones_own(shop: Recording) -> None:
    assert shop.names(tokens.TAILNET) == ["tailnet"]
    assert shop.names(tokens.CLUSTER) == ["blue"]
    assert shop.names(SERVICE) == ["blue.expose.catalogue"]
    assert shop.names(INGRESS) == ["blue.ingress.shop"]
    assert set(shop.names(NAMESPACE)) == {"shop", "blue.operator"}
    assert len(shop.of_type("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding")) == 1


def test_ones_own_comes_before_and_after_them(shop: Recording) -> None:
    assert "Namespace shop" in needed(shop, shop.one(RELEASE))
    assert {"Release blue.operator", "Ingress blue.ingress.shop"} <= needed(shop, shop.one(CONFIG_MAP))


def test_the_names_of_nodes_are_known_before_anything_is_made(shop: Recording) -> None:
    addresses = {"shop": "https://blue-shop.tail1a2b.ts.net"}
    assert shop.one(CONFIG_MAP).inputs["data"] == addresses
    assert shop.outputs == {"addresses": addresses}


def test_it_is_protected_unless_its_config_says_otherwise(shop: Recording) -> None:
    assert shop.one(RELEASE).protect
    free = run(protect="false", skipAwait="true")
    assert free.one(RELEASE).protect is False
    assert free.one(RELEASE).inputs["skipAwait"] is True


def test_mistakes_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "stacks" / "plain"
    folder.mkdir(parents=True)
    text = (EXAMPLE / "stacks" / "plain" / "tailnet.yaml").read_text(encoding="utf-8")
    (folder / "tailnet.yaml").write_text(text.replace("exposure: blue.catalogue", "exposure: blue.catalog"))

    def program() -> None:
        load(tmp_path, "plain")

    with pytest.raises(RefusedError, match=r"blue\.catalogue"):
        record(program)


def test_every_public_name_is_there() -> None:
    assert sorted(components.__all__) == components.__all__
    assert all(hasattr(components, name) for name in components.__all__)
