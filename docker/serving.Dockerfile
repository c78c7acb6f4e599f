# The API alone: nothing of the pipeline is installed here.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONPATH=/opt/allot \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /opt/allot

COPY requirements/serving.txt requirements/serving.txt
RUN pip install --require-hashes --no-deps -r requirements/serving.txt \
    && useradd --uid 10001 --create-home allot \
    && mkdir -p /var/lib/allot \
    && chown allot:allot /var/lib/allot

COPY include include
COPY serving serving

USER 10001
VOLUME ["/var/lib/allot"]
EXPOSE 8000
CMD ["python", "-m", "serving"]
