"""Who sells: this installation itself, or a partner on its own theatres' shows."""

from dataclasses import dataclass

from seat_svc.errors import NotYourTheatre


@dataclass(frozen=True, slots=True)
class Seller:
    """A caller of the inventory. Two sellers may use the same ids without meaning the same thing."""

    name: str = ""
    theatre_ids: frozenset[str] | None = None
    """The theatres it may sell; None means all."""

    def own(self, their_id: str) -> str:
        """The seller's id of a booking or a holder, made distinct from other sellers' ids."""
        return f"{self.name}/{their_id}" if self.name else their_id

    def theirs(self, own_id: str) -> str:
        """The reverse of `own`."""
        return own_id.removeprefix(f"{self.name}/") if self.name else own_id

    def require(self, theatre_id: str) -> None:
        """Raises `NotYourTheatre` unless the seller may sell this theatre's seats."""
        if self.theatre_ids is not None and theatre_id not in self.theatre_ids:
            raise NotYourTheatre


MATINEE = Seller()
"""The installation's own booking service."""
