"""The demo's inbox: takes every mail by SMTP and every text message by HTTP, shows them as JSON,
sends nothing on.

`python -m stack.inbox` with SMTP_LISTEN and LISTEN (`host:port`), INBOX_DATA (a folder; the newest
500 mails are kept, one file each). It stands for the outside: loopback or a private network only,
as whoever reaches it can read everything.

`GET /messages?limit=50&to=ada@example.com` (both may be left out; limit 1 to 500), newest first::

    {"messages": [{
        "id": "0001795369331000000000-9f86d081884c7d65",
        "message_id": "<…@…>",              the mail's own Message-ID, or ""
        "from": "Matinee <tickets@matinee.example>",
        "to": ["ada@example.com"],          the envelope's recipients, also those not in the mail
        "subject": "Your tickets for Sintel",
        "date": "2026-11-22T17:12:11Z",     when it arrived
        "text": "…",                        the plain text part, or ""; at most 20,000 characters
        "attachments": [{"n": 0, "filename": "ticket-C7.png", "content_type": "image/png",
                         "content_id": "ticket-0", "bytes": 812}]
    }]}

`GET /messages/{id}` gives one of these, with `"html"`: the HTML part, or null.
`GET /messages/{id}/html` gives the HTML part itself, as a page that may run and load nothing.
`GET /messages/{id}/attachments/{n}` gives an attachment with its content type.
`GET /messages/{id}/raw` gives the mail as it arrived.
`POST /texts` takes a text message, `{"to": "+351912345678", "text": "…"}` with a header
`Idempotency-Key`, as a gateway does; 202. The same key again is accepted and kept once.
`GET /texts?limit=50&to=%2B351912345678` gives the newest first::

    {"texts": [{"id": "…", "to": "+351912345678", "text": "…", "date": "2026-11-22T17:12:11Z"}]}

`GET /healthz` gives 200.

`content_id` is what the HTML names as `cid:…`; "" when the attachment has none. Unknown ids and
parts are 404, a wrong limit is 400, both as `{"error": "…"}`. A mail that comes again (same
Message-ID, same recipients) is accepted and kept once, as mail providers do.
"""
