"""Runs a command with PostgreSQL, Redis and the key service up: scripts/with-services COMMAND..."""

import os
import signal
import subprocess
import sys

import services


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with services.running() as environment:
            return subprocess.run(sys.argv[1:], env={**os.environ, **environment}).returncode
    except services.ServiceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
