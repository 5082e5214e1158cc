"""`python -m stack.inbox`."""

from mesh.run import run
from stack.inbox.app import build
from stack.inbox.settings import InboxSettings

if __name__ == "__main__":
    run("inbox", InboxSettings, build)
