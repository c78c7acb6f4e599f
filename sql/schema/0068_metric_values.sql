-- Named numbers beside rewards and decisions: values of declared metrics, covariates of contexts.

create function allot.are_named_numbers(given jsonb) returns boolean
language sql immutable strict parallel safe
return jsonb_typeof(given) = 'object'
and (select count(*) from jsonb_object_keys(given)) between 1 and 20
and not jsonb_path_exists(given, '$.* ? (@.type() != "number")')
and not jsonb_path_exists(given, '$.* ? (@ > 1e12 || @ < -1e12)')
and not jsonb_path_exists(
    given, '$.keyvalue() ? (!(@.key like_regex "^[a-z0-9][a-z0-9_-]{0,62}$"))'
);

comment on function allot.are_named_numbers is
'Whether a value is an object of 1 to 20 names with numbers within ±1e12.';

alter table allot.reward add column metrics jsonb
constraint metrics_are_named_numbers check (allot.are_named_numbers(metrics));

comment on column allot.reward.metrics is
'Values of declared metrics that came with the reward, by name; null where there is none.';

alter table allot.decision add column covariates jsonb
constraint covariates_are_named_numbers check (allot.are_named_numbers(covariates));

comment on column allot.decision.covariates is
'Declared covariates of the context, the only part of it that is kept; null where there is none.';
