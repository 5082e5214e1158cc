"""``python -m booking_svc``."""

from booking_svc.app import NAME, build
from booking_svc.settings import Settings
from mesh.run import run

if __name__ == "__main__":
    run(NAME, Settings, build)
