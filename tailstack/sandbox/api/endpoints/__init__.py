"""The operations of the API, one module per group of its documentation; each has its `ROUTES`."""

from tailstack.sandbox.api.endpoints import contacts, devices, dns, keys, policy, services, settings, users, webhooks

ROUTES = (
    *contacts.ROUTES,
    *devices.ROUTES,
    *dns.ROUTES,
    *keys.ROUTES,
    *policy.ROUTES,
    *services.ROUTES,
    *settings.ROUTES,
    *users.ROUTES,
    *webhooks.ROUTES,
)
