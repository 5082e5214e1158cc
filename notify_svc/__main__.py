"""``python -m notify_svc``."""

from mesh.run import run
from notify_svc.app import NAME, build
from notify_svc.settings import Settings

if __name__ == "__main__":
    run(NAME, Settings, build)
