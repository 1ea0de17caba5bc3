"""Telling the outside: the outbox, the relay that empties it, and the senders.

Invariant: an event exists if and only if the change it tells of was committed; it is handed to the
sender at least once, in order of its number, and carries ids only, no personal data.
"""
