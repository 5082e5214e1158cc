"""``python -m stack.demo [DATE]`` prints the demo catalogue as JSON lines, with shows from that date on."""

import datetime as dt
import sys

from google.protobuf.json_format import MessageToJson

from stack.demo.facts import facts
from stack.demo.records import dates_from, day_records, lasting_records


def main(arguments: list[str]) -> int:
    """Prints the records; the date is today's without an argument."""
    try:
        today = dt.date.fromisoformat(arguments[0]) if arguments else dt.datetime.now(dt.UTC).date()
    except ValueError:
        print("usage: python -m stack.demo [YYYY-MM-DD]", file=sys.stderr)
        return 2
    records = list(lasting_records())
    for date in dates_from(today):
        for theatre in facts().theatres:
            records += day_records(theatre, date)
    for record in records:
        print(MessageToJson(record, preserving_proto_field_name=True, indent=None, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
