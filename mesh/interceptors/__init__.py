"""What happens around every RPC, one module for each concern; `chain` puts them together."""

from mesh.interceptors.auth import Caller, caller
from mesh.interceptors.chain import Concerns, Registrar

__all__ = ["Caller", "Concerns", "Registrar", "caller"]
