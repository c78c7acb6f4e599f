-- What the API counted of itself: one row per minute, route and process; classes of latency.

create table allot.serving_minute (
    minute timestamptz not null,
    route text not null check (char_length(route) between 1 and 200),
    process text not null check (process ~ '^[0-9a-f]{12}$'),
    requests bigint not null check (requests > 0),
    refused bigint not null check (refused >= 0),
    errors bigint not null check (errors >= 0),
    seconds double precision not null
    check (seconds >= 0 and seconds < 'infinity'::double precision),
    bounds double precision[] not null,
    counts bigint[] not null,
    primary key (minute, route, process),
    constraint parts_of_requests check (refused + errors <= requests),
    constraint one_class_more_than_bounds check (cardinality(counts) = cardinality(bounds) + 1)
);

create trigger immutable before update on allot.serving_minute
for each row execute function allot.refuse_change();

comment on table allot.serving_minute is
'Requests that the API answered, by minute, route and process; written by a task of its own, never '
'while a client waits.';
comment on column allot.serving_minute.minute is 'When counting began; about a minute long.';
comment on column allot.serving_minute.route is 'Template of the path, or "other".';
comment on column allot.serving_minute.process is 'Random name of the process that counted.';
comment on column allot.serving_minute.requests is 'Requests answered.';
comment on column allot.serving_minute.refused is 'Of these, answered 4xx.';
comment on column allot.serving_minute.errors is 'Of these, answered 5xx.';
comment on column allot.serving_minute.seconds is 'Σ of the times to answer.';
comment on column allot.serving_minute.bounds is
'Upper ends of the classes of latency in seconds; the last class has none.';
comment on column allot.serving_minute.counts is 'Requests per class.';
