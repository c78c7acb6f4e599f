-- Where MLflow shows a report.
insert into allot.tracking_run (experiment, batch_id, statistics_hash, kind, run_id, url)
values (
    %(experiment)s, %(batch_id)s, %(statistics_hash)s, %(kind)s, %(run_id)s, %(url)s
)
on conflict (experiment, batch_id, statistics_hash, kind)
do update set
    run_id = excluded.run_id,
    url = excluded.url,
    logged_at = now()
