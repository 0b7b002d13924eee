# Hugflow as an image: the project alone, at the versions of constraints.txt, run by nobody special.
#   docker build --tag hugflow:0.1.0 .
# PYTHON names the base; with a digest (python:3.12-slim-bookworm@sha256:…) the image is the same whenever it is built.
ARG PYTHON=python:3.12-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
COPY pyproject.toml setup.cfg constraints.txt README.md LICENSE ./
COPY hugflow_assets hugflow_assets
RUN python -m venv /opt/hugflow \
 && /opt/hugflow/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt '.[postgres]' \
 && find /opt/hugflow -name '*.pyc' -delete

FROM ${PYTHON}
# git reads the repository of requests.
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends git ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 hugflow \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/hugflow --create-home --shell /usr/sbin/nologin hugflow \
 && install -d -o hugflow -g hugflow -m 0750 /var/lib/hugflow/dagster
COPY --from=build /opt/hugflow /opt/hugflow
ENV PATH=/opt/hugflow/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/lib/hugflow \
    HUGFLOW_PROJECT_DIR=/var/lib/hugflow \
    DAGSTER_HOME=/var/lib/hugflow/dagster
WORKDIR /var/lib/hugflow
USER 10001:10001
ENTRYPOINT []
CMD ["hugflow", "--help"]
