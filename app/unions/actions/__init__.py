"""What people do with accounts and unions."""

from app.unions.actions.accounts import disable_staff, issue_member_token, issue_staff_token
from app.unions.actions.members import place, rerank

__all__ = ["disable_staff", "issue_member_token", "issue_staff_token", "place", "rerank"]
