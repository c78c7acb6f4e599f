-- How fast the API answered, hour by hour and route by route, over all processes.
create view allot.serving_latency as
with hours as (
    select
        m.route,
        m.bounds,
        date_trunc('hour', m.minute) as hour,
        sum(m.requests)::bigint as requests,
        sum(m.refused)::bigint as refused,
        sum(m.errors)::bigint as errors,
        sum(m.seconds) as seconds,
        -- As many as the table allows: an hour adds up in one pass, class beside class. Doubles
        -- hold counts exactly, and in so little memory that hours are hashed and not sorted.
        array[
            sum(m.counts[1]::double precision),
            sum(m.counts[2]::double precision),
            sum(m.counts[3]::double precision),
            sum(m.counts[4]::double precision),
            sum(m.counts[5]::double precision),
            sum(m.counts[6]::double precision),
            sum(m.counts[7]::double precision),
            sum(m.counts[8]::double precision),
            sum(m.counts[9]::double precision),
            sum(m.counts[10]::double precision),
            sum(m.counts[11]::double precision),
            sum(m.counts[12]::double precision),
            sum(m.counts[13]::double precision),
            sum(m.counts[14]::double precision),
            sum(m.counts[15]::double precision),
            sum(m.counts[16]::double precision)
        ] as counts
    from allot.serving_minute as m
    where m.minute >= now() - interval '2 days'
    group by m.route, m.bounds, date_trunc('hour', m.minute)
),

classes as (
    select
        r.route,
        r.bounds,
        r.hour,
        class.place,
        class.number
    from hours as r
    cross join lateral unnest(r.counts) with ordinality as class (number, place)
    where class.number is not null
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
