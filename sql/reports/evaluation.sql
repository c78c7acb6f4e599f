-- What one evaluation read, and by which code. Runs first, under the evaluation's lock.
insert into allot.evaluation (
    experiment, batch_id, statistics_hash, method, weights_version, lake_version, code_revision,
    dag_run
)
values (
    %(experiment)s, %(batch_id)s, %(statistics_hash)s, %(method)s, %(weights_version)s,
    %(lake_version)s, %(code_revision)s, %(dag_run)s
)
on conflict (experiment, batch_id, statistics_hash)
do update set
    method = excluded.method,
    weights_version = excluded.weights_version,
    lake_version = excluded.lake_version,
    code_revision = excluded.code_revision,
    dag_run = excluded.dag_run,
    evaluated_at = now()
