"""Request and response bodies of the reports."""
