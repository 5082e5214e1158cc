"""Static files, read and compressed once at start, served under the fingerprint of them all.

The address of every file changes when any of them does, so that browsers may keep them for a year,
and JavaScript modules may import each other by relative paths.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _File:
    content_type: str
    plain: bytes
    compressed: bytes


class Assets:
    """The site's own static files, in memory."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._files: dict[str, _File] = {}
        fingerprint = hashlib.sha256()
        for path in sorted(folder.rglob("*")):
            if path.suffix not in _TYPES or not path.is_file():
                continue
            name = path.relative_to(folder).as_posix()
            content = path.read_bytes()
            fingerprint.update(name.encode() + b"\0" + content)
            self._files[name] = _File(_TYPES[path.suffix], content, gzip.compress(content, 9, mtime=0))
        self.fingerprint = fingerprint.hexdigest()[:12]

    def url(self, name: str) -> str:
        """The address of a file; KeyError for one that does not exist, so that a wrong name fails at once."""
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{self.fingerprint}/{name}"

    async def serve(self, request: web.Request) -> web.Response:
        """Answers a request for a file; an old fingerprint gets the file of today, uncached."""
        file = self._files.get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        current = request.match_info["fingerprint"] == self.fingerprint
        headers = {
            hdrs.CACHE_CONTROL: _FOR_EVER if current else "no-store",
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
        }
        body = file.plain
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            body = file.compressed
        return web.Response(body=body, content_type=file.content_type, charset="utf-8", headers=headers)
