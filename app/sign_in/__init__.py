"""How people prove who they are: members through a host app, an identity provider or a text message,
managers with password and second factor.

Invariants: no secret is stored readable (passwords argon2id, codes and recovery codes as keyed hashes, TOTP
seeds sealed); a one-time code and a TOTP step count once; an unknown number or login is answered as a known
one; there is no default password; a member is linked to the roster by member number, or by name, mobile and
the last four characters of the identity number, never by name alone.
"""
