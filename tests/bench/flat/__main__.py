"""The resources of the project's program as somebody would register them by hand: out of data, without components or checks.

`python -m tests.bench components` runs it in a folder of its own, beside the `resources.json` that it wrote there.
"""

from __future__ import annotations

import json
from pathlib import Path

import pulumi
from pulumi_kubernetes import Provider as KubernetesProvider
from pulumi_kubernetes.core.v1 import Namespace, Secret, Service
from pulumi_kubernetes.helm.v3 import Release
from pulumi_tailscale import Acl, DnsPreferences, OauthClient, TailnetSettings
from pulumi_tailscale import Provider as TailscaleProvider

DATA = json.loads((Path(__file__).parent / "resources.json").read_text(encoding="utf-8"))

tailnet = TailscaleProvider("tailscale")
policy = Acl("policy", **DATA["policy"], opts=pulumi.ResourceOptions(provider=tailnet))
dns = DnsPreferences("dns", **DATA["dns"], opts=pulumi.ResourceOptions(provider=tailnet))
settings = TailnetSettings(
    "settings", **DATA["settings"], opts=pulumi.ResourceOptions(provider=tailnet, retain_on_delete=True)
)

for name, cluster in DATA["clusters"].items():
    kubernetes = KubernetesProvider(name, **cluster["provider"])
    client = OauthClient(
        f"{name}.operator",
        **cluster["client"],
        opts=pulumi.ResourceOptions(provider=tailnet, depends_on=[policy, dns, settings]),
    )
    namespace = Namespace(
        f"{name}.operator",
        metadata=cluster["namespace"],
        opts=pulumi.ResourceOptions(provider=kubernetes, depends_on=[client]),
    )
    secret = Secret(
        f"{name}.operator",
        metadata=cluster["secret"],
        string_data=pulumi.Output.secret({"client_id": client.id, "client_secret": client.key}),
        opts=pulumi.ResourceOptions(provider=kubernetes, depends_on=[namespace]),
    )
    values = cluster["release"]["values"]
    values["operatorConfig"]["podAnnotations"] = {"tailstack/oauth-client": client.id}
    release = Release(
        f"{name}.operator",
        **cluster["release"],
        opts=pulumi.ResourceOptions(provider=kubernetes, depends_on=[namespace, secret]),
    )
    for key, service in cluster["services"].items():
        Service(
            key,
            metadata=service["metadata"],
            spec=service["spec"],
            opts=pulumi.ResourceOptions(provider=kubernetes, depends_on=[release]),
        )
