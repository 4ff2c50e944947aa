from __future__ import annotations

import pytest

from tailstack.finding import Place
from tailstack.manifests.objects import Objects
from tailstack.manifests.reading import read_manifests
from tailstack.rules.suppress_annotations import suppressions_in_objects
from tailstack.topology.suppressions import SUPPRESSION_FORM
from tailstack.topology.tailnet import Stretch

FILE = "blue/app.yaml"
TWO = """\
kind: Service
apiVersion: v1
metadata: {name: a, namespace: default}
spec: {ports: [{port: 80}, {port: 81}]}
---
kind: Service
apiVersion: v1
metadata:
  name: b
  annotations:
    tailstack/suppress: |
      TS404: nobody yet

      grant-span: one team
spec:
  ports:
    - port: 80
---
kind: Service
apiVersion: v1
metadata: {name: c}
"""


def objects(text: str) -> Objects:
    return read_manifests({FILE: text}).objects


def test_each_line_holds_in_the_object_and_not_in_its_neighbours() -> None:
    every = objects(TWO)
    written = suppressions_in_objects(every)
    assert written.findings == ()
    assert [(one.rule, one.reason) for one in written.suppressions] == [
        ("TS404", "nobody yet"),
        ("grant-span", "one team"),
    ]
    for one in written.suppressions:
        assert one.stretches == (Stretch(FILE, (6, 1), (17, 13)),)
        assert one.place == Place(FILE, 11, 25)
        assert [one.covers([each.place()]) for each in every.all] == [False, True, False]
        assert one.covers([every.all[1].place("spec", "ports", 0, "port")])


@pytest.mark.parametrize("value", ['""', "true", "{a: b}", "TS404", "~"])
def test_another_form_is_a_mistake(value: str) -> None:
    text = f"kind: Service\napiVersion: v1\nmetadata: {{name: a, annotations: {{tailstack/suppress: {value}}}}}\n"
    written = suppressions_in_objects(objects(text))
    assert written.suppressions == ()
    assert [finding.rule for finding in written.findings] == [SUPPRESSION_FORM]


def test_without_manifests_there_are_none() -> None:
    assert suppressions_in_objects(None).suppressions == ()
