"""The command `sakuga`: parse, show, report. What is heavy is imported by the command that needs it."""

import sys


def main() -> None:
    """Run the command line and exit: 0 done, 2 bad input, 1 anything else, 130 on Ctrl-C with all that was drawn kept."""
    from sakuga import SakugaError
    from sakuga.cli.app import app

    try:
        app()
    except SakugaError as error:
        print(f"sakuga: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("sakuga: stopped; what was drawn is kept, the same command goes on from there", file=sys.stderr)
        sys.exit(130)
