"""The web backend-for-frontend: pages for browsers, gRPC to the services."""
