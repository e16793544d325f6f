"""Logins by a provider: as oauthenticator has them, with the hub's own names for people."""

from __future__ import annotations

from typing import Any

from oauthenticator.generic import GenericOAuthenticator
from oauthenticator.github import GitHubOAuthenticator
from oauthenticator.google import GoogleOAuthenticator

from labdock_service.names import hub_name


class HubNames:
    """Names people as `names.hub_name` does.

    Here and not in `normalize_username`, to which JupyterHub also gives names that are the
    hub's already.
    """

    def user_info_to_username(self, user_info: dict[str, Any]) -> str:
        """The hub's name for whom the provider describes."""
        said: str = super().user_info_to_username(user_info)  # type: ignore[misc]
        return hub_name(said)


class GitHubLogin(HubNames, GitHubOAuthenticator):  # type: ignore[misc]  # it has no types
    """GitHub."""


class GoogleLogin(HubNames, GoogleOAuthenticator):  # type: ignore[misc]  # it has no types
    """Google: its name for somebody is their address, without the one domain that may log in."""


class OpenIdLogin(HubNames, GenericOAuthenticator):  # type: ignore[misc]  # it has no types
    """Any OpenID Connect provider."""
