"""A local stand-in for Jobber: sign-in, its GraphQL API with limits and webhooks, and pages to act as the owner."""

from connectors.jobber.sandbox.service import JobberSandbox

__all__ = ["JobberSandbox"]
