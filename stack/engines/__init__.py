"""Private MongoDB, Valkey and RabbitMQ servers, for the launcher and for tests.

``async with MongoEngine(folder) as mongo: mongo.url`` — each engine keeps its data under its folder,
listens on a free loopback port, and ends with the process that started it.
"""

from stack.engines.engine import Engine
from stack.engines.mongo import MongoEngine
from stack.engines.rabbitmq import RabbitEngine
from stack.engines.valkey import ValkeyEngine
from stack.engines.valkey_cluster import ValkeyCluster, ValkeyNode

__all__ = ["Engine", "MongoEngine", "RabbitEngine", "ValkeyCluster", "ValkeyEngine", "ValkeyNode"]
