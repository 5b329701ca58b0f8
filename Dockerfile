# The provider: web, worker and commands are one image. `--target demo` adds the apps of docker-compose.yml.
#
#   docker build --tag curfew .
#   docker run --rm --read-only --tmpfs /tmp --volume curfew:/data --publish 127.0.0.1:8900:8900 curfew

FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements/bootstrap.lock requirements/run.lock requirements/
RUN pip install --no-cache-dir --require-hashes --requirement requirements/bootstrap.lock
RUN uv venv --quiet --no-python-downloads /opt/curfew
# The dependencies change less often than the code, so they are a layer of their own.
RUN uv pip install --quiet --no-cache --compile-bytecode --python /opt/curfew --require-hashes --requirement requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY provider provider
COPY migrations migrations
RUN uv build --quiet --wheel --no-build-isolation --offline --out-dir /wheel
RUN uv pip install --quiet --no-cache --compile-bytecode --python /opt/curfew --no-deps --offline /wheel/*.whl

FROM python:3.13-slim AS runtime
# A number, because Kubernetes cannot tell whether a name is root.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin curfew \
 && install --directory --mode 0700 --owner 10001 --group 10001 /data
COPY --from=build /opt/curfew /opt/curfew
ENV PATH=/opt/curfew/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    CURFEW_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8900
# Whether the process answers; a database that is away is no reason to restart it. A worker replaces this check.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8900/health/live', timeout=4)"]
CMD ["curfew", "serve", "--host", "0.0.0.0", "--port", "8900"]

FROM runtime AS demo
COPY relying_party_demo /demo/relying_party_demo
COPY kit/curfew_rp /demo/curfew_rp
COPY docker/setup.sh /demo/docker/setup.sh
WORKDIR /demo

# What a build without --target makes.
FROM runtime AS server
