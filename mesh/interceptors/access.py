"""Who may call a method, as its proto declares it."""

from enum import Enum

from google.protobuf.descriptor_pool import DescriptorPool
from matinee.options.v1 import options_pb2


class Access(Enum):
    """As `matinee.options.v1.Access`."""

    REFUSED = options_pb2.ACCESS_UNSPECIFIED
    PUBLIC = options_pb2.ACCESS_PUBLIC
    MESH = options_pb2.ACCESS_MESH
    PARTNER = options_pb2.ACCESS_PARTNER


def declared_access(path: str, pool: DescriptorPool) -> Access:
    """The method's option, else its service's, else refused. `path` is `/package.Service/Method`."""
    service_name, _, method_name = path.lstrip("/").partition("/")
    try:
        service = pool.FindServiceByName(service_name)
        method = service.methods_by_name[method_name]
    except KeyError:
        return Access.REFUSED
    own = method.GetOptions().Extensions[options_pb2.method_access]
    return Access(own or service.GetOptions().Extensions[options_pb2.service_access])
