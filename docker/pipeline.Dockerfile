# Airflow's components, MLflow and the init step: one environment, the same lock as everywhere.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONPATH=/opt/allot \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /opt/allot

COPY requirements/pipeline.txt requirements/pipeline.txt
RUN pip install --require-hashes --no-deps -r requirements/pipeline.txt \
    && useradd --uid 10001 --create-home allot \
    && mkdir -p /var/lib/allot \
    && chown allot:allot /var/lib/allot

COPY include include
COPY dags dags
COPY plugins plugins
COPY sql sql
COPY stack stack

USER 10001
VOLUME ["/var/lib/allot"]
CMD ["python", "-m", "airflow", "version"]
