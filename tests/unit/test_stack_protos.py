"""Generating the stubs: only when needed, all or none."""

from pathlib import Path

import pytest

from stack.protos import ProtosInvalid, generate

SEATS = 'syntax = "proto3";\npackage matinee.small.v1;\nmessage Seat { string seat_id = 1; }\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "protos" / "matinee" / "small" / "v1"
    folder.mkdir(parents=True)
    (folder / "seats.proto").write_text(SEATS)
    return tmp_path


def stubs(root: Path) -> set[str]:
    return {path.name for path in (root / "protos" / "gen").rglob("*_pb2*")}


def test_stubs_and_their_types_are_made_once(root: Path) -> None:
    assert generate(root) is True
    assert {"seats_pb2.py", "seats_pb2.pyi", "seats_pb2_grpc.py"} <= stubs(root)
    assert generate(root) is False


def test_a_changed_proto_is_made_again_and_a_removed_one_leaves_no_stub(root: Path) -> None:
    generate(root)
    proto = root / "protos" / "matinee" / "small" / "v1" / "seats.proto"
    proto.rename(proto.with_name("places.proto"))

    assert generate(root) is True
    assert "places_pb2.py" in stubs(root)
    assert "seats_pb2.py" not in stubs(root)


def test_a_proto_that_does_not_compile_keeps_the_stubs_that_there_are(root: Path) -> None:
    generate(root)
    (root / "protos" / "matinee" / "small" / "v1" / "torn.proto").write_text("message {")

    with pytest.raises(ProtosInvalid, match=r"torn\.proto"):
        generate(root)

    assert "seats_pb2.py" in stubs(root)
    assert [path.name for path in (root / "protos").iterdir() if path.name.startswith(".gen-")] == []


def test_an_interrupted_run_is_repeated(root: Path) -> None:
    generate(root)
    (root / "protos" / "gen" / ".stamp").unlink()

    assert generate(root) is True
