"""How people sign in: with the organisation's identity provider, or, to try Balancer out, by saying who they are."""
