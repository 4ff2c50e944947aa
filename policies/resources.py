"""What policies read of the resources they judge. Values that a preview cannot know raise, and the pack then says that it
could not judge; what a message says is taken from names only, because secrets reach policies in clear text."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pulumi_policy import ReportViolation, ResourceValidationArgs
from pulumi_policy.proxy import UnknownValueError

from tailstack.access.policy import Policy
from tailstack.access.reading import read_policy

POLICY_FILE = "tailscale:index/acl:Acl"
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"

Validation = Callable[[ResourceValidationArgs, ReportViolation], None]
_Args = TypeVar("_Args")


def guarded(what: str, validate: Callable[[_Args, ReportViolation], None]) -> Callable[[_Args, ReportViolation], None]:
    """The validation, of which a fault of ours is a violation of this policy alone: uncaught, the whole run would fail.

    The text of the exception is not shown, because it can hold a value of a resource.
    """

    def guard(args: _Args, report: ReportViolation) -> None:
        try:
            validate(args, report)
        except UnknownValueError:
            raise
        except Exception as error:  # noqa: BLE001  whatever fails inside of us
            where = traceback.extract_tb(error.__traceback__)[-1]
            report(
                f"{what} could not be judged: {type(error).__name__} in {Path(where.filename).name}:{where.lineno}. "
                "This is a fault of the policy pack. Set the policy to `disabled` in the pack's config to go on without it.",
                None,
            )

    return guard


def on_policy_file(check: Callable[[Policy, ResourceValidationArgs], Iterable[str]]) -> Validation:
    """A validation that hands the tailnet's policy file, read, to `check` and reports every message it gives."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type != POLICY_FILE:
            return
        policy = read_policy(str(args.props["acl"]))
        if policy.document is None:
            report("The policy file is not HuJSON and cannot be judged.", None)
            return
        for message in check(policy, args):
            report(message, None)

    return guarded("The policy file", validate)


def on_ingress(check: Callable[[str, ResourceValidationArgs], Iterable[str]]) -> Validation:
    """A validation that hands the node name of each Ingress that is opened by Funnel to `check`."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type != INGRESS or not _has_funnel(args.props):
            return
        for message in check(_node_name(args), args):
            report(message, None)

    return guarded("The ingress", validate)


def _has_funnel(props: Any) -> bool:  # noqa: ANN401  properties of a resource are what the provider's schema makes them
    annotations = _member(_member(props, "metadata"), "annotations")
    # The operator reads the annotation as the text "true"; anything else is not Funnel.
    return _member(annotations, "tailscale.com/funnel") == "true"


def _node_name(args: ResourceValidationArgs) -> str:
    """The first label of the first host, by which the operator names the node; else the name of the resource."""
    for host in _hosts(_member(args.props, "spec")):
        return host.partition(".")[0]
    return args.name


def _hosts(spec: Any) -> Iterator[str]:  # noqa: ANN401  as above
    for entry in _member(spec, "tls") or ():
        yield from _member(entry, "hosts") or ()


def _member(properties: Any, name: str) -> Any:  # noqa: ANN401  as above
    return properties[name] if properties is not None and name in properties else None
