"""Text that people type: what a line of it may hold."""

LINE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
"""One line without control characters, and not only spaces; the same in Python, Rust and ECMA-262."""

WITHOUT_NUL = r"^[^\x00]*$"
"""Any text that PostgreSQL can keep."""
