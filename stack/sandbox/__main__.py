"""`python -m stack.sandbox`."""

import sys

import uvloop

from stack.sandbox.app import serve
from stack.sandbox.settings import SandboxSettings, WrongSettings


def main() -> None:
    """Serves until SIGTERM or SIGINT; exit status 2 on wrong settings, 1 when it cannot listen."""
    try:
        settings = SandboxSettings.from_environment()
    except WrongSettings as error:
        print(f"sandbox: wrong settings\n{error}", file=sys.stderr)
        sys.exit(2)
    try:
        uvloop.run(serve(settings))
    except OSError as error:
        sys.exit(f"sandbox: cannot start: {error.strerror or error}")


if __name__ == "__main__":
    main()
