"""Routes of sign-in and of sessions."""
