"""What people do about personal data: one file for each kind of deed."""
