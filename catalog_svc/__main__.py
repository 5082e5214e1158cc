"""``python -m catalog_svc``."""

from catalog_svc.app import NAME, build
from catalog_svc.settings import Settings
from mesh.run import run

if __name__ == "__main__":
    run(NAME, Settings, build)
