-- Crons by what they are, so that they survive deployments: a number is never given to another one of the project.
create table crons (
  project text not null references projects (name) on delete cascade,
  number integer not null,
  path text not null,
  schedule text not null,
  enabled integer not null default 1,
  -- What was due until then is decided; null: it is of no deployment that is live.
  decided_ms integer,
  primary key (project, number),
  unique (project, path, schedule)
) strict;

create table cron_runs (
  id integer primary key autoincrement,
  project text not null,
  number integer not null,
  due_ms integer not null,
  started_ms integer,
  duration_ms real,
  outcome text not null check (outcome in ('running', 'answered', 'failed', 'skipped')),
  status integer,
  detail text,
  invocation text,
  foreign key (project, number) references crons (project, number) on delete cascade
) strict;
create index runs_of_cron on cron_runs (project, number, id desc);
create index runs_by_time on cron_runs (due_ms);
