-- What each limit did to a slot as a whole, in words, beside the shares per arm.

alter table allot.allocation_event add column slots jsonb not null default '[]'
check (jsonb_typeof(slots) = 'array');

comment on column allot.allocation_event.slots is
'Per cell and slot: [{"cell": "*", "slot": 0, "reason": …, "steps": [{"limit": …, …}]}, …].';
