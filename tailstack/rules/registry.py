"""Every rule there is, and every check that is run.

Codes go by families, and none is ever given to another rule: TS0xx the YAML language, 1xx names, 2xx tags and
credentials, 3xx links and egresses, 4xx what is exposed, 5xx routes, 6xx API servers, 7xx charts, 8xx the policy file.
"""

from __future__ import annotations

from tailstack.access import compile as compiling
from tailstack.access import doubts, facts, mistakes
from tailstack.finding import Rule
from tailstack.manifests.rules import RULES as MANIFEST_RULES
from tailstack.rules import (
    api_proxy_setup,
    api_server,
    certificates,
    chart,
    credentials,
    egress_paths,
    exposed,
    images,
    ingress,
    links,
    live_names,
    live_tags,
    names,
    objects_annotations,
    objects_backends,
    objects_chart,
    objects_egress,
    objects_ingress,
    objects_routes,
    objects_services,
    objects_tags,
    policy_file,
    proxy_classes,
    rbac,
    recording,
    resources,
    routes,
    secrets,
    service_names,
    services,
    tags,
    values,
    whole_policy,
    workload_identity,
)
from tailstack.rules.subject import Check
from tailstack.topology.rules import RULES as LANGUAGE_RULES

FAMILIES = {
    "0": "The YAML language",
    "1": "Names",
    "2": "Tags and credentials",
    "3": "Links and egresses",
    "4": "What is exposed",
    "5": "Routes",
    "6": "API servers",
    "7": "Charts",
    "8": "The policy file",
}
"""What the first digit of a code stands for."""

CHECKS: tuple[Check, ...] = (
    *names.CHECKS,
    *service_names.CHECKS,
    *live_names.CHECKS,
    *tags.CHECKS,
    *credentials.CHECKS,
    *objects_tags.CHECKS,
    *live_tags.CHECKS,
    *workload_identity.CHECKS,
    *links.CHECKS,
    *objects_egress.CHECKS,
    *egress_paths.CHECKS,
    *ingress.CHECKS,
    *routes.CHECKS,
    *objects_routes.CHECKS,
    *exposed.CHECKS,
    *certificates.CHECKS,
    *services.CHECKS,
    *objects_ingress.CHECKS,
    *objects_backends.CHECKS,
    *objects_services.CHECKS,
    *objects_annotations.CHECKS,
    *api_server.CHECKS,
    *rbac.CHECKS,
    *recording.CHECKS,
    *api_proxy_setup.CHECKS,
    *chart.CHECKS,
    *values.CHECKS,
    *proxy_classes.CHECKS,
    *images.CHECKS,
    *resources.CHECKS,
    *secrets.CHECKS,
    *objects_chart.CHECKS,
    *policy_file.CHECKS,
    *whole_policy.CHECKS,
)

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            *LANGUAGE_RULES,
            *MANIFEST_RULES,
            *names.RULES,
            *service_names.RULES,
            *live_names.RULES,
            *tags.RULES,
            *credentials.RULES,
            *objects_tags.RULES,
            *live_tags.RULES,
            *workload_identity.RULES,
            *links.RULES,
            *objects_egress.RULES,
            *egress_paths.RULES,
            *ingress.RULES,
            *routes.RULES,
            *objects_routes.RULES,
            *exposed.RULES,
            *certificates.RULES,
            *services.RULES,
            *objects_ingress.RULES,
            *objects_backends.RULES,
            *objects_services.RULES,
            *objects_annotations.RULES,
            *api_server.RULES,
            *rbac.RULES,
            *recording.RULES,
            *api_proxy_setup.RULES,
            *chart.RULES,
            *values.RULES,
            *proxy_classes.RULES,
            *images.RULES,
            *resources.RULES,
            *secrets.RULES,
            *objects_chart.RULES,
            *policy_file.RULES,
            *whole_policy.RULES,
            *compiling.RULES,
            *mistakes.RULES,
            *facts.RULES,
            *doubts.RULES,
        ),
        key=lambda rule: rule.code,
    )
)


def find_rule(code_or_slug: str) -> Rule | None:
    """The rule with this code (TS101, in any case) or this slug (duplicate-hostname)."""
    wanted = code_or_slug.lower()
    return next((rule for rule in RULES if wanted in (rule.code.lower(), rule.slug)), None)
