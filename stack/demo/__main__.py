"""The demo catalogue from the command line.

``python -m stack.demo [--date DATE]`` prints it as JSON lines, with shows from that date on;
``python -m stack.demo --into HOST:PORT`` loads it into a catalogue, or tops it up, with MESH_TOKEN
from the environment.
"""

import argparse
import asyncio
import datetime as dt
import os
import sys

from google.protobuf.json_format import MessageToJson

from mesh.errors import RemoteError
from stack.demo.facts import facts
from stack.demo.load import DemoRefused, load
from stack.demo.records import dates_from, day_records, lasting_records


def main(arguments: list[str]) -> int:
    """Prints or loads; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m stack.demo")
    parser.add_argument("--date", type=_date, default=dt.datetime.now(dt.UTC).date())
    parser.add_argument("--into", metavar="HOST:PORT")
    options = parser.parse_args(arguments)
    return _load(options.into, options.date) if options.into else _print(options.date)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"not a date: {text!r}") from None


def _load(target: str, today: dt.date) -> int:
    try:
        report = asyncio.run(load(target, os.environ.get("MESH_TOKEN", ""), today))
    except (DemoRefused, RemoteError) as error:
        print(f"the demo catalogue was not loaded: {error}", file=sys.stderr)
        return 1
    print(f"{report.sent_records} records sent, {report.present_days} days of theatres were there")
    return 0


def _print(today: dt.date) -> int:
    records = list(lasting_records())
    for date in dates_from(today):
        for theatre in facts().theatres:
            records += day_records(theatre, date)
    for record in records:
        print(MessageToJson(record, preserving_proto_field_name=True, indent=None, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
