"""The ways in which people can sign in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from balancer.api.doors import LOCAL_COOKIE, SAFE_COOKIE
from balancer.api.sign_in.provider import Provider
from balancer.domain.claims import ClaimRules

_ATTEMPT: Final = "-attempt"
_LEAVING: Final = "-leaving"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """With an identity provider, whose claims ``rules`` reads; without one, locally, by saying who one is.

    ``is_private``: browsers reach us over HTTPS. Without it (a provider tried out on this machine) cookies cannot have
    the prefix that browsers honour on HTTPS only. ``public_url``: where, if that is said. ``behind_gate``: something in
    front of the local sign-in lets in only who may, and whoever runs it has said so.
    """

    provider: Provider | None = None
    rules: ClaimRules | None = None
    is_private: bool = False
    public_url: str = ""
    behind_gate: bool = False

    @property
    def only_here(self) -> bool:
        """Whether nobody is answered but who sits at this machine."""
        return self.provider is None and not self.behind_gate

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds a person's secret."""
        return SAFE_COOKIE if self.is_private else LOCAL_COOKIE

    @property
    def attempt_cookie(self) -> str:
        """The name of the cookie by which the browser that comes back is known for the one that was sent away."""
        return self.cookie + _ATTEMPT

    @property
    def leaving_cookie(self) -> str:
        """The name of the cookie by which a browser is known that was sent to the provider to sign out there."""
        return self.cookie + _LEAVING

    def give(self, response: Response, name: str, secret: str, *, seconds: int | None = None) -> None:
        """Set a cookie that scripts cannot read and that other sites' pages do not get sent with what they post."""
        response.set_cookie(
            name, secret, max_age=seconds, path="/", secure=self.is_private, httponly=True, samesite="lax"
        )

    def take_back(self, response: Response, name: str) -> None:
        """Make a browser forget a cookie."""
        response.delete_cookie(name, path="/", secure=self.is_private, httponly=True, samesite="lax")


LOCAL: Final = Ways()
