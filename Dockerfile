# One image for every process; the command selects which: `python -m seat_svc`.

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv /opt/tools && python -m venv /opt/matinee
COPY requirements.txt requirements-dev.txt ./
RUN /opt/matinee/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
# The compiler for the protos stays in this stage.
RUN /opt/tools/bin/pip install --no-cache-dir --require-hashes -r requirements-dev.txt
COPY . .
RUN /opt/tools/bin/python -m stack protos

FROM python:3.11-slim-bookworm
# A volume mounted at /data takes this owner over.
RUN useradd --system --uid 10001 --no-create-home matinee && install -d -o 10001 /data
COPY --from=build /opt/matinee /opt/matinee
WORKDIR /app
COPY --from=build /build/mesh mesh
COPY --from=build /build/catalog_svc catalog_svc
COPY --from=build /build/seat_svc seat_svc
COPY --from=build /build/booking_svc booking_svc
COPY --from=build /build/notify_svc notify_svc
COPY --from=build /build/bff bff
COPY --from=build /build/stack stack
COPY --from=build /build/protos/gen protos/gen
ENV PATH=/opt/matinee/bin:$PATH \
    PYTHONPATH=/app:/app/protos/gen \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LOG_FORMAT=json
USER 10001
CMD ["python", "-m", "bff"]
