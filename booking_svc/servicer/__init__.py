"""What booking_svc serves: protobuf in, use case, protobuf out."""

from booking_svc.servicer.bookings import BookingServicer, UseCases
from booking_svc.servicer.buyers import BuyerServicer

__all__ = ["BookingServicer", "BuyerServicer", "UseCases"]
