# One image for the provider, its workers and the demo apps; the command decides which one it is.
FROM python:3.13-slim

WORKDIR /app
COPY requirements/bootstrap.lock requirements/run.lock requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/bootstrap.lock \
 && uv pip install --system --no-cache --compile-bytecode --require-hashes -r requirements/run.lock

COPY . .
# Editable, because the migrations lie beside the package.
RUN pip install --no-cache-dir --no-deps --no-build-isolation --no-index --editable . \
 && useradd --create-home curfew \
 && install --directory --owner curfew /data

USER curfew
ENV CURFEW_DATA_DIR=/data
VOLUME /data
EXPOSE 8900
CMD ["curfew", "serve", "--host", "0.0.0.0"]
