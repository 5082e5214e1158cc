"""`python -m bff`."""

from bff.app import build
from bff.settings import BffSettings
from mesh.run import run

if __name__ == "__main__":
    run("bff", BffSettings, build)
