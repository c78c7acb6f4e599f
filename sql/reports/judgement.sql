-- What one judgement read, and by which code. Runs first, under the judgement's lock.
insert into allot.judgement (
    experiment, batch_id, statistics_hash, method, alpha, weights_version, code_revision, dag_run
)
values (
    %(experiment)s, %(batch_id)s, %(statistics_hash)s, %(method)s, %(alpha)s,
    %(weights_version)s, %(code_revision)s, %(dag_run)s
)
on conflict (experiment, batch_id, statistics_hash)
do update set
    method = excluded.method,
    alpha = excluded.alpha,
    weights_version = excluded.weights_version,
    code_revision = excluded.code_revision,
    dag_run = excluded.dag_run,
    judged_at = now()
