"""What people do with imports: send a file, commit or abandon it, take refused rows back; and the writing."""
