-- What was used in a minute (of the Unix epoch), by function and route. There may be several rows of one minute: they add up.
create table usage_minutes (
  at integer not null,
  project text not null,
  deployment text not null,
  function_id text not null,
  name text not null,
  environment text not null,
  memory_mib integer not null,
  -- Empty: of the whole function.
  route text not null,
  invocations integer not null,
  cold integer not null,
  prewarmed integer not null,
  warm integer not null,
  failed integer not null,
  failures text not null,
  nacks text not null,
  cpu_us integer not null,
  attributed_us integer not null,
  unattributed_us integer not null,
  boot_us integer not null,
  busy_us integer not null,
  wall_us integer not null,
  latency blob not null,
  ttfb blob not null,
  peak_in_flight integer not null,
  peak_instances integer not null
) strict;
create index usage_minutes_at on usage_minutes (at);

-- The same by the hour (`at` is of the hour's first minute): one row for each function and route. It is what long spans are read from.
create table usage_hours (
  at integer not null,
  project text not null,
  deployment text not null,
  function_id text not null,
  name text not null,
  environment text not null,
  memory_mib integer not null,
  -- Empty: of the whole function.
  route text not null,
  invocations integer not null,
  cold integer not null,
  prewarmed integer not null,
  warm integer not null,
  failed integer not null,
  failures text not null,
  nacks text not null,
  cpu_us integer not null,
  attributed_us integer not null,
  unattributed_us integer not null,
  boot_us integer not null,
  busy_us integer not null,
  wall_us integer not null,
  latency blob not null,
  ttfb blob not null,
  peak_in_flight integer not null,
  peak_instances integer not null,
  primary key (at, function_id, route)
) strict, without rowid;
