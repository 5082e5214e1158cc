"""The commands of ``./matinee``: reads the command line and answers with an exit status.

0: done; 1: failed, said in one line; 2: wrong usage, or not built yet; 130: interrupted. Each
command imports what it needs when it runs, so that ``protos`` works before anything is generated.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from stack.errors import StackError

DEFAULT_PORT: Final = 8080
_ROOT: Final = Path(__file__).resolve().parent.parent
_HELP: Final = Path(__file__).with_name("help.txt")
_USAGE_ERROR: Final = 2
_INTERRUPTED: Final = 130


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    if not arguments or arguments[0] in ("help", "-h", "--help"):
        print(_HELP.read_text(), end="")
        return 0
    try:
        return _run(arguments)
    except StackError as error:
        print(f"matinee: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output is gone (`./matinee logs | head`); nor may the last flush fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"matinee: {error}", file=sys.stderr)  # a full disk and the like
        return 1


def _run(arguments: Sequence[str]) -> int:
    if arguments[0] == "test":
        # Everything behind it is pytest's.
        from stack.checks import run_all

        run_all(_ROOT, arguments[1:])
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.run
    return command(options)


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_USAGE_ERROR, f"matinee: {message} (see ./matinee help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(prog="matinee", add_help=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_OneLineParser)

    up = commands.add_parser("up", add_help=False)
    up.add_argument("--port", type=_port, default=DEFAULT_PORT)
    up.add_argument("--fresh", action="store_true")
    up.set_defaults(run=_up)

    logs = commands.add_parser("logs", add_help=False)
    logs.add_argument("name", nargs="?")
    logs.add_argument("--follow", "-f", action="store_true")
    logs.set_defaults(run=_logs)

    importing = commands.add_parser("import", add_help=False)
    importing.add_argument("file", type=Path)
    importing.set_defaults(run=_import)

    books = commands.add_parser("books", add_help=False)
    books.add_argument("--json", type=Path)
    books.add_argument("--patience", type=_long_seconds, default=60.0)
    books.set_defaults(run=_books)

    show = commands.add_parser("show", add_help=False)
    changes = show.add_subparsers(required=True, metavar="cancel|move", parser_class=_OneLineParser)
    cancel = changes.add_parser("cancel", add_help=False)
    cancel.set_defaults(run=_cancel_show)
    move = changes.add_parser("move", add_help=False)
    move.add_argument("--start", required=True)
    move.set_defaults(run=_move_show)
    for change in (cancel, move):
        change.add_argument("show_id", metavar="SHOW_ID")
        change.add_argument("--reason", required=True)

    dead = commands.add_parser("dead", add_help=False)
    fates = dead.add_subparsers(required=True, metavar="list|replay|drop", parser_class=_OneLineParser)
    listing = fates.add_parser("list", add_help=False)
    listing.set_defaults(run=_list_dead)
    replay = fates.add_parser("replay", add_help=False)
    replay.add_argument("message_ids", nargs="*", metavar="MESSAGE_ID")
    replay.set_defaults(run=_replay_dead)
    drop = fates.add_parser("drop", add_help=False)
    drop.add_argument("message_ids", nargs="+", metavar="MESSAGE_ID")
    drop.set_defaults(run=_drop_dead)

    for command in (up, logs, importing, books, cancel, move, listing, replay, drop):
        command.add_argument("--data", type=Path, default=_default_data())

    commands.add_parser("protos", add_help=False).set_defaults(run=_protos)
    bench = commands.add_parser("bench", add_help=False)
    bench.add_argument("name")
    bench.add_argument("--json", type=Path)
    bench.add_argument("--seconds", type=_seconds)
    bench.set_defaults(run=_bench)

    faults = commands.add_parser("faults", add_help=False)
    faults.add_argument("--seconds", type=_long_seconds)
    faults.set_defaults(run=_faults)

    unbuilt = commands.add_parser("partner", add_help=False)
    unbuilt.add_argument("arguments", nargs=argparse.REMAINDER)
    unbuilt.set_defaults(run=_not_built_yet, command="partner")
    return parser


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 1 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"not a port: {text!r}")
    return port


def _seconds(text: str) -> float:
    return _number_between(0.1, 60, text)


def _long_seconds(text: str) -> float:
    return _number_between(1, 86_400, text)


def _number_between(least: float, most: float, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not least <= seconds <= most:
        raise argparse.ArgumentTypeError(f"not {least:g} to {most:g} seconds: {text!r}")
    return seconds


def _default_data() -> Path:
    return Path(os.environ.get("MATINEE_DATA") or _ROOT / ".matinee")


def _up(options: argparse.Namespace) -> int:
    from stack.up import up

    return up(options.data, port=options.port, fresh=options.fresh)


def _logs(options: argparse.Namespace) -> int:
    from stack.logs import show

    show(options.data, options.name, follow=options.follow)
    return 0


def _import(options: argparse.Namespace) -> int:
    from stack.importing import import_file

    return import_file(options.data, options.file)


def _books(options: argparse.Namespace) -> int:
    from stack.books.command import books

    return books(options.data, options.json, options.patience)


def _cancel_show(options: argparse.Namespace) -> int:
    from stack.shows import cancel_show

    return cancel_show(options.data, options.show_id, options.reason)


def _move_show(options: argparse.Namespace) -> int:
    from stack.shows import move_show

    return move_show(options.data, options.show_id, options.start, options.reason)


def _list_dead(options: argparse.Namespace) -> int:
    from stack.dead import list_dead

    return list_dead(options.data)


def _replay_dead(options: argparse.Namespace) -> int:
    from stack.dead import replay_dead

    return replay_dead(options.data, options.message_ids)


def _drop_dead(options: argparse.Namespace) -> int:
    from stack.dead import drop_dead

    return drop_dead(options.data, options.message_ids)


def _protos(_: argparse.Namespace) -> int:
    from stack.protos import generate

    print("stubs made anew" if generate() else "stubs are up to date")
    return 0


def _bench(options: argparse.Namespace) -> int:
    from stack.protos import generate

    generate()
    from bench.command import bench

    return bench(options.name, options.json, options.seconds)


def _faults(options: argparse.Namespace) -> int:
    from stack.faults import DEFAULT_SECONDS, faults

    return faults(_ROOT, options.seconds or DEFAULT_SECONDS)


def _not_built_yet(options: argparse.Namespace) -> int:
    print(f"matinee: {options.command} is not built yet", file=sys.stderr)
    return _USAGE_ERROR
