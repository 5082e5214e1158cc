"""``python -m seat_svc``."""

from mesh.run import run
from seat_svc.app import NAME, build
from seat_svc.settings import Settings

if __name__ == "__main__":
    run(NAME, Settings, build)
