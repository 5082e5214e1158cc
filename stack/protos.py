"""Generates the Python stubs and their types from ``protos/`` into ``protos/gen/``.

The packages of the stubs are namespace packages: no ``__init__.py`` is made. The generated folder
carries a stamp of what it was made from, so that nothing is done as long as no proto has changed.
"""

import hashlib
import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from stack.errors import StackError

ROOT: Final = Path(__file__).resolve().parent.parent
_GENERATORS: Final = ("grpcio-tools", "mypy-protobuf")
_STAMP: Final = ".stamp"
_GENERATE_SECONDS: Final = 120


class ProtosInvalid(StackError):
    """The protos do not compile; the text holds protoc's own messages."""


def generate(root: Path = ROOT) -> bool:
    """Bring ``protos/gen`` up to date; whether anything had to be done.

    The new stubs replace the old ones only when all are there: an interrupted run leaves the old
    ones and is repeated by the next. Raises `ProtosInvalid`.
    """
    source = root / "protos"
    protos = sorted((source / "matinee").rglob("*.proto"))
    if not protos:
        raise ProtosInvalid(f"no protos below {source / 'matinee'}")
    generated = source / "gen"
    stamp = _stamp(source, protos)
    if _stamp_of(generated) == stamp:
        return False
    with tempfile.TemporaryDirectory(prefix=".gen-", dir=source) as work:
        fresh = Path(work) / "fresh"
        fresh.mkdir()
        _compile(source, protos, fresh)
        (fresh / _STAMP).write_text(stamp)
        if generated.exists():
            generated.rename(Path(work) / "old")
        fresh.rename(generated)
    # The folder may not have been there when this process first looked for modules.
    importlib.invalidate_caches()
    return True


def _compile(source: Path, protos: Iterable[Path], target: Path) -> None:
    outputs = ("python", "grpc_python", "mypy", "mypy_grpc")
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc", f"-I{source}"),
        *(f"--{output}_out={target}" for output in outputs),
        *(str(proto.relative_to(source)) for proto in protos),
    ]
    # protoc looks for the type generators on PATH; they are beside the interpreter.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    result = subprocess.run(
        command,
        cwd=source,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=_GENERATE_SECONDS,
        check=False,
    )
    if result.returncode != 0:
        raise ProtosInvalid(f"the protos do not compile:\n{result.stderr.strip()}")


def _stamp(source: Path, protos: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for generator in _GENERATORS:
        digest.update(f"{generator} {version(generator)}\n".encode())
    for proto in protos:
        content = proto.read_bytes()
        digest.update(f"{proto.relative_to(source)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _stamp_of(generated: Path) -> str | None:
    try:
        return (generated / _STAMP).read_text()
    except FileNotFoundError:
        return None
