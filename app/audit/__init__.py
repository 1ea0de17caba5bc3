"""Reading the audit log: the auditor's view of who did or looked at what.

The log itself is `app.access.audit`. Invariant: reading it leaves an entry too.
"""
