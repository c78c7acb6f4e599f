-- How fast the API answered, hour by hour and route by route, over all processes.
create view allot.serving_latency as
with recent as (
    select
        route,
        bounds,
        date_trunc('hour', minute) as hour,
        requests,
        refused,
        errors,
        seconds,
        counts
    from allot.serving_minute
    where minute >= now() - interval '2 days'
),

hours as (
    select
        route,
        bounds,
        hour,
        sum(requests)::bigint as requests,
        sum(refused)::bigint as refused,
        sum(errors)::bigint as errors,
        sum(seconds) as seconds
    from recent
    group by route, bounds, hour
),

classes as (
    select
        r.route,
        r.bounds,
        r.hour,
        class.place,
        sum(class.number) as number
    from recent as r
    cross join lateral unnest(r.counts) with ordinality as class (number, place)
    group by r.route, r.bounds, r.hour, class.place
),

cumulative as (
    select
        c.route,
        c.bounds,
        c.hour,
        c.place,
        sum(c.number) over (partition by c.route, c.bounds, c.hour order by c.place)
        / sum(c.number) over (partition by c.route, c.bounds, c.hour) as part
    from classes as c
),

percentiles as (
    select
        u.route,
        u.bounds,
        u.hour,
        min(u.place) filter (where u.part >= 0.5)::integer as p50,
        min(u.place) filter (where u.part >= 0.95)::integer as p95,
        min(u.place) filter (where u.part >= 0.99)::integer as p99
    from cumulative as u
    group by u.route, u.bounds, u.hour
)

select
    h.hour,
    h.route,
    h.requests,
    h.refused,
    h.errors,
    h.errors / h.requests::double precision as error_rate,
    h.seconds / h.requests as mean_seconds,
    h.bounds[p.p50] as p50_seconds,
    h.bounds[p.p95] as p95_seconds,
    h.bounds[p.p99] as p99_seconds
from hours as h
inner join percentiles as p on h.route = p.route and h.bounds = p.bounds and h.hour = p.hour;

comment on view allot.serving_latency is
'Requests, errors and latency of the API by hour and route over the last two days.';
comment on column allot.serving_latency.hour is 'Hour (UTC).';
comment on column allot.serving_latency.route is 'Template of the path, or "other".';
comment on column allot.serving_latency.requests is 'Requests answered.';
comment on column allot.serving_latency.refused is 'Of these, answered 4xx.';
comment on column allot.serving_latency.errors is 'Of these, answered 5xx.';
comment on column allot.serving_latency.error_rate is 'Errors / requests.';
comment on column allot.serving_latency.mean_seconds is 'Mean time to answer.';
comment on column allot.serving_latency.p50_seconds is
'Half were answered within this: upper end of its class; null beyond the last.';
comment on column allot.serving_latency.p95_seconds is '95 of 100 were, likewise.';
comment on column allot.serving_latency.p99_seconds is '99 of 100 were, likewise.';
