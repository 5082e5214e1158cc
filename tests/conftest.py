"""Fixtures for every test; each subject has a module of its own under tests/fixtures/."""

pytest_plugins = [
    "tests.fixtures.engines",
    "tests.fixtures.site",
    "tests.fixtures.seats",
    "tests.fixtures.seat_service",
    "tests.fixtures.amqp",
    "tests.fixtures.mail",
    "tests.fixtures.notify",
    "tests.fixtures.bff",
]
