"""The operations of the API, one module per group of its documentation; each has its `ROUTES`."""

from tailstack.sandbox.api.endpoints import (
    contacts,
    devices,
    dns,
    keys,
    log_streams,
    policy,
    posture_integrations,
    services,
    settings,
    users,
    webhooks,
)

ROUTES = (
    *contacts.ROUTES,
    *devices.ROUTES,
    *dns.ROUTES,
    *keys.ROUTES,
    *log_streams.ROUTES,
    *policy.ROUTES,
    *posture_integrations.ROUTES,
    *services.ROUTES,
    *settings.ROUTES,
    *users.ROUTES,
    *webhooks.ROUTES,
)
