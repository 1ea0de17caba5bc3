"""The command line `grainline`: a composition root, like the web and the worker."""


def main() -> None:
    """Run the command line. Its import waits until now: the web workers import this package too."""
    from app.cli.commands import main as run

    run()
